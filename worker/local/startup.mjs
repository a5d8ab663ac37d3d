// Says how long a bundle takes to start: `node startup.mjs TOOLS BUNDLE`. It is the time from starting workerd to the first
// answer, beyond that of a Worker that does nothing; the medians of several starts, which take turns.
import { createRequire } from "node:module";
import { join } from "node:path";

import { worker } from "./bundle.mjs";

const [tools, bundle] = process.argv.slice(2);
const { Log, LogLevel, Miniflare } = createRequire(join(tools, "package.json"))("miniflare");
const STARTS = 7;

const whole = worker(bundle);
const nothing = "export default { fetch: () => new Response() }";
const empty = { ...whole, modules: [{ type: "ESModule", path: join(bundle, "empty.mjs"), contents: nothing }] };

async function start(worker) {
  const began = performance.now();
  const log = new Log(LogLevel.NONE);
  const handleRuntimeStdio = (stdout, stderr) => [stdout, stderr].forEach((stream) => stream.resume());
  const miniflare = new Miniflare({ host: "127.0.0.1", log, handleRuntimeStdio, ...worker });
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
