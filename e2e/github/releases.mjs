// Stands for the releases of a repository at GitHub, on loopback: `node releases.mjs DIR` serves the files of DIR as those of any
// release. It tells its port in a line, and ends with its input.
import { createServer } from "node:http";
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";

const server = createServer((request, response) => {
  try {
    const content = readFileSync(join(process.argv[2], basename(new URL(request.url, "http://releases").pathname)));
    response.writeHead(200, { "content-length": content.length }).end(content);
  } catch {
    response.writeHead(404).end();
  }
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));
