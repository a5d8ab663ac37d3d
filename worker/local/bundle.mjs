// A bundle as miniflare takes it.
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

const type = (path) => (path.endsWith(".wasm") ? "CompiledWasm" : "ESModule");

/// The Worker of the bundle in this directory; `counting`: with `counting.mjs` around it.
export function worker(bundle, counting = false) {
  const files = readdirSync(bundle, { recursive: true }).filter((path) => /\.(wasm|m?js)$/.test(path));
  const sources = files.map((path) => [path, join(bundle, path)]);
  const entry = counting ? "counting.mjs" : "entry.mjs";
  if (counting) sources.push([entry, join(import.meta.dirname, entry)]);
  // The first module is the one that is run.
  sources.sort(([left], [right]) => (right === entry) - (left === entry));
  const read = ([path, file]) => ({ type: type(path), path: join(bundle, path), contents: readFileSync(file) });
  return { compatibilityDate: "2026-07-01", modulesRoot: bundle, modules: sources.map(read) };
}
