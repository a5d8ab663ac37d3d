// Stands for a server of downloads, on loopback: `node files.mjs DIR` serves the files of DIR. It tells its port in a line, and ends
// with its input.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { join } from "node:path";

const server = createServer((request, response) => {
  try {
    const content = readFileSync(join(process.argv[2], new URL(request.url, "http://files").pathname));
    response.writeHead(200, { "content-length": content.length }).end(request.method === "HEAD" ? "" : content);
  } catch {
    response.writeHead(404).end();
  }
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
