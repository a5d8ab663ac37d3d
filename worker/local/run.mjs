// Runs a bundle in workerd on this machine, for tests: `node run.mjs TOOLS BUNDLE`. The first line of its input is JSON:
// `bindings` (variables and secrets), `worlds` (how many more buckets and databases, for suites), `persist` (a directory),
// `port`, and `counting` (whether `counting.mjs` is run around the bundle). It tells its port in a line, logs to its standard
// error, and ends when its input does.
import { createRequire } from "node:module";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";

const [tools, bundle] = process.argv.slice(2);
const { Log, LogLevel, Miniflare } = createRequire(join(tools, "package.json"))("miniflare");

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const { bindings = {}, worlds = 0, persist, port = 0, counting = false } = JSON.parse((await lines.next()).value);

const names = (prefix) => Array.from({ length: worlds }, (_, world) => `${prefix}_${world}`);
const type = (path) => (path.endsWith(".wasm") ? "CompiledWasm" : "ESModule");
const files = readdirSync(bundle, { recursive: true }).filter((path) => /\.(wasm|m?js)$/.test(path));
const sources = files.map((path) => [path, join(bundle, path)]);
const entry = counting ? "counting.mjs" : "entry.mjs";
if (counting) sources.push([entry, join(import.meta.dirname, entry)]);
// The first module is the one that is run.
sources.sort(([left], [right]) => (right === entry) - (left === entry));

const miniflare = new Miniflare({
  host: "127.0.0.1",
  port,
  log: new Log(LogLevel.ERROR),
  compatibilityDate: "2026-07-01",
  modulesRoot: bundle,
  modules: sources.map(([path, file]) => ({ type: type(path), path: join(bundle, path), contents: readFileSync(file) })),
  bindings,
  r2Buckets: ["OBJECTS", ...names("OBJECTS")],
  d1Databases: ["INDEX", ...names("INDEX")],
  r2Persist: persist ? join(persist, "r2") : false,
  d1Persist: persist ? join(persist, "d1") : false,
  unsafeTriggerHandlers: true,
  handleRuntimeStdio(stdout, stderr) {
    stdout.pipe(process.stderr);
    stderr.pipe(process.stderr);
  },
});

console.log((await miniflare.ready).port);
while (!(await lines.next()).done);
await miniflare.dispose();
