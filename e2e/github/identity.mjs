// Stands for GitHub's issuer of identities, on loopback: `node identity.mjs`. It tells its port in a line, and ends with its
// input. `PUT /claims` says for whom identities are made, `GET` tells it; jobs ask for them at `/token` as they do at GitHub.
import { createServer } from "node:http";
import { createSign, generateKeyPairSync } from "node:crypto";

const { privateKey, publicKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const KEY = { alg: "RS256", use: "sig", kid: "of-the-stand-in", ...publicKey.export({ format: "jwk" }) };
const BEARER = "of-the-job";
let claims = {};

const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");

function identity(audience, issuer) {
  const now = Math.floor(Date.now() / 1000);
  const times = { iat: now, nbf: now - 5, exp: now + 300 };
  const signed = `${part({ typ: "JWT", alg: "RS256", kid: KEY.kid })}.${part({ iss: issuer, aud: audience, ...times, ...claims })}`;
  return `${signed}.${createSign("RSA-SHA256").update(signed).sign(privateKey).toString("base64url")}`;
}

const server = createServer((request, response) => {
  const parts = [];
  request.on("data", (part) => parts.push(part));
  request.on("end", () => {
    const issuer = `http://127.0.0.1:${server.address().port}`;
    const url = new URL(request.url, issuer);
    const answer = (status, body) => {
      response.writeHead(status, { "content-type": "application/json" });
      response.end(JSON.stringify(body));
    };
    if (url.pathname === "/.well-known/jwks") return answer(200, { keys: [KEY] });
    if (url.pathname === "/claims" && request.method === "GET") return answer(200, claims);
    if (url.pathname === "/claims") {
      claims = JSON.parse(Buffer.concat(parts).toString());
      return answer(200, {});
    }
    if (url.pathname !== "/token") return answer(404, {});
    if (request.headers.authorization?.toLowerCase() !== `bearer ${BEARER}`) return answer(401, {});
    return answer(200, { value: identity(url.searchParams.get("audience"), issuer) });
  });
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
