// What later steps of the job can ask for.

import * as core from "@actions/core";

import type { Document, Path, Result } from "./sci.ts";
import { verdictOf } from "./summary.ts";

const RANK = ["miss", "nearest", "exact"];

/** Sets the outputs of a restore: of each path, and of all. */
export function restored(document: Document | null, result: Result | undefined): void {
  const paths = result?.paths ?? [];
  for (const path of told(paths)) core.setOutput(`hit-${named(path)}`, verdictOf(path));
  core.setOutput("hit", least(paths));
  set(document, paths);
}

/** Sets the outputs of a save. */
export function saved(document: Document | null, result: Result | undefined): void {
  set(document, result?.paths ?? []);
}

function set(document: Document | null, paths: Path[]): void {
  for (const path of told(paths)) {
    core.setOutput(`key-${named(path)}`, path.key ?? "");
    core.setOutput(`snapshot-${named(path)}`, path.snapshot ?? "");
  }
  const [only, other] = paths;
  core.setOutput("key", other === undefined ? (only?.key ?? "") : "");
  core.setOutput("snapshot", other === undefined ? (only?.snapshot ?? "") : "");
  core.setOutput("json", document);
}

/** How GitHub compares names. */
function folded(path: Path): string {
  return named(path).toLowerCase();
}

/** What is to be said of paths that have no outputs of their own. */
export function ambiguous(paths: Path[]): string[] {
  const alone = new Set(told(paths));
  const shared = paths.filter((path) => !alone.has(path));
  return [...new Set(shared.map(folded))].map((name) => {
    const of = shared.filter((path) => folded(path) === name).map((path) => path.instance);
    return `${of.join(" and ")} would have the same outputs, such as \`hit-${name}\`, and have none: the output \`json\` tells them apart`;
  });
}

/** Those whose outputs are theirs alone. */
function told(paths: Path[]): Path[] {
  const count = new Map<string, number>();
  for (const path of paths) count.set(folded(path), (count.get(folded(path)) ?? 0) + 1);
  return paths.filter((path) => count.get(folded(path)) === 1);
}

/** What GitHub takes as a part of a name. */
function named(path: Path): string {
  return path.instance.replace(/[^A-Za-z0-9_-]+/g, "-");
}

function least(paths: Path[]): string {
  const ranks = paths.map((path) => RANK.indexOf(verdictOf(path)));
  return RANK[Math.max(0, Math.min(...(ranks.length === 0 ? [0] : ranks)))] ?? "miss";
}
