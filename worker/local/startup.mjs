// Says how long a bundle takes to start: `node startup.mjs TOOLS BUNDLE`. It is the time from starting workerd to the first
// answer, beyond that of a Worker that does nothing; the medians of several starts, which take turns.
import { createRequire } from "node:module";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const [tools, bundle] = process.argv.slice(2);
const { Log, LogLevel, Miniflare } = createRequire(join(tools, "package.json"))("miniflare");
const STARTS = 7;

const type = (path) => (path.endsWith(".wasm") ? "CompiledWasm" : "ESModule");
const files = readdirSync(bundle, { recursive: true }).filter((path) => /\.(wasm|m?js)$/.test(path));
files.sort((left, right) => (right === "entry.mjs") - (left === "entry.mjs"));
const whole = files.map((path) => ({ type: type(path), path: join(bundle, path), contents: readFileSync(join(bundle, path)) }));
const empty = [{ type: "ESModule", path: join(bundle, "empty.mjs"), contents: "export default { fetch: () => new Response() }" }];

async function start(modules) {
  const began = performance.now();
  const log = new Log(LogLevel.NONE);
  const handleRuntimeStdio = (stdout, stderr) => [stdout, stderr].forEach((stream) => stream.resume());
  const miniflare = new Miniflare({
    host: "127.0.0.1", log, compatibilityDate: "2026-07-01", modulesRoot: bundle, modules, handleRuntimeStdio,
  });
  await (await fetch(new URL("/health", await miniflare.ready))).arrayBuffer();
  const took = performance.now() - began;
  await miniflare.dispose();
  return took;
}

const took = { whole: [], empty: [] };
for (let turn = 0; turn < STARTS; turn += 1) {
  took.whole.push(await start(whole));
  took.empty.push(await start(empty));
}
const median = (times) => times.sort((left, right) => left - right)[STARTS >> 1];
console.log(`starts within ${Math.max(0, median(took.whole) - median(took.empty)).toFixed(0)} ms`);
