// Runs a bundle in workerd on this machine, for tests: `node run.mjs TOOLS BUNDLE`. The first line of its input is JSON:
// `bindings` (variables and secrets), `worlds` (how many more buckets and databases, for suites), `persist` (a directory),
// `port`, `counting` (whether `counting.mjs` is run around the bundle), `cache` (false: the data centre has none) and `beside`:
// another bundle's directory and a list of bindings, for each of which there is a Worker of that bundle, at a port of its own,
// with bucket and database of the world of its number.
// It tells its port and those of the Workers beside it in a line, logs to its standard error, and ends when its input does.
import { createRequire } from "node:module";
import { join } from "node:path";
import { createInterface } from "node:readline";

import { worker } from "./bundle.mjs";

const [tools, bundle] = process.argv.slice(2);
const { Log, LogLevel, Miniflare } = createRequire(join(tools, "package.json"))("miniflare");

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { bindings = {}, worlds = 0, persist, port = 0, counting = false, cache = true, beside } = JSON.parse((await lines.next()).value);

const names = (prefix) => Array.from({ length: worlds }, (_, world) => `${prefix}_${world}`);

const other = beside && { ...worker(beside.bundle), cache };
const others = (beside?.bindings ?? []).map((bindings, world) => ({
  ...other,
  name: `beside-${world}`,
  bindings,
  r2Buckets: { OBJECTS: `OBJECTS_${world}` },
  d1Databases: { INDEX: `INDEX_${world}` },
  unsafeDirectSockets: [{ host: "127.0.0.1", port: 0 }],
}));

const miniflare = new Miniflare({
  host: "127.0.0.1",
  port,
  log: new Log(LogLevel.ERROR),
  r2Persist: persist ? join(persist, "r2") : false,
  d1Persist: persist ? join(persist, "d1") : false,
  unsafeTriggerHandlers: true,
  handleRuntimeStdio(stdout, stderr) {
    stdout.pipe(process.stderr);
    stderr.pipe(process.stderr);
  },
  workers: [
    {
      ...worker(bundle, counting),
      cache,
      name: "worker",
      bindings,
      r2Buckets: ["OBJECTS", ...names("OBJECTS")],
      d1Databases: ["INDEX", ...names("INDEX")],
    },
    ...others,
  ],
});

const ports = [(await miniflare.ready).port];
for (const { name } of others) ports.push((await miniflare.unsafeGetDirectURL(name)).port);
console.log(ports.join(" "));
while (!(await lines.next()).done);
await miniflare.dispose();
