// What later steps of the job can ask for.

import * as core from "@actions/core";

import type { Document, Path, Result } from "./sci.ts";
import { verdictOf } from "./summary.ts";

const RANK = ["miss", "nearest", "exact"];

/** Sets the outputs of a restore: of each path, and of all. */
export function restored(document: Document | null, result: Result | undefined): void {
  const paths = result?.paths ?? [];
  for (const path of paths) core.setOutput(`hit-${named(path)}`, verdictOf(path));
  core.setOutput("hit", least(paths));
  set(document, paths);
}

/** Sets the outputs of a save. */
export function saved(document: Document | null, result: Result | undefined): void {
  set(document, result?.paths ?? []);
}

function set(document: Document | null, paths: Path[]): void {
  for (const path of paths) {
    core.setOutput(`key-${named(path)}`, path.key ?? "");
    core.setOutput(`snapshot-${named(path)}`, path.snapshot ?? "");
  }
  const [only, other] = paths;
  core.setOutput("key", other === undefined ? (only?.key ?? "") : "");
  core.setOutput("snapshot", other === undefined ? (only?.snapshot ?? "") : "");
  core.setOutput("json", document);
}

function named(path: Path): string {
  return path.instance.replace(/[^A-Za-z0-9_-]+/g, "-");
}

function least(paths: Path[]): string {
  const ranks = paths.map((path) => RANK.indexOf(verdictOf(path)));
  return RANK[Math.max(0, Math.min(...(ranks.length === 0 ? [0] : ranks)))] ?? "miss";
}
