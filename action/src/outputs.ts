// What later steps of the job can ask for.

import * as core from "@actions/core";

import type { Document, Path, Result } from "./sci.ts";
import { verdictOf } from "./summary.ts";

const RANK = ["miss", "nearest", "exact"];

/** Sets the outputs of a restore: of each path, and of all. */
export function set(document: Document | null, result: Result | undefined): void {
  const paths = result?.paths ?? [];
  for (const path of paths) {
    const name = path.instance.replace(/[^A-Za-z0-9_-]+/g, "-");
    core.setOutput(`hit-${name}`, verdictOf(path));
    core.setOutput(`key-${name}`, path.key ?? "");
    core.setOutput(`snapshot-${name}`, path.snapshot ?? "");
  }
  const [only, other] = paths;
  core.setOutput("hit", least(paths));
  core.setOutput("key", other === undefined ? (only?.key ?? "") : "");
  core.setOutput("snapshot", other === undefined ? (only?.snapshot ?? "") : "");
  core.setOutput("json", document);
}

function least(paths: Path[]): string {
  const ranks = paths.map((path) => RANK.indexOf(verdictOf(path)));
  return RANK[Math.max(0, Math.min(...(ranks.length === 0 ? [0] : ranks)))] ?? "miss";
}
