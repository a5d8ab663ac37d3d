// Runs sci and reads its JSON.

import * as core from "@actions/core";

import { child } from "./child.ts";
import type { Asked } from "./inputs.ts";

/** The document that `sci --json` prints. */
export interface Document {
  command: string;
  ok: boolean;
  warnings: string[];
  result?: Result;
  error?: { kind: string; message: string; hint?: string };
}

/** What a command did, as far as this action shows it. */
export interface Result {
  run?: string;
  plan?: string;
  paths?: Path[];
  seconds?: number;
  /** Of `sci run`. */
  restore?: Result;
  save?: Result;
  command?: { code: number };
  /** Why nothing was restored or saved. */
  uncached?: string;
}

/** One path, restored, saved or explained. */
export interface Path {
  name: string;
  instance: string;
  key?: string;
  snapshot?: string;
  reason?: string;
  hint?: string;
  verdict?: string | Verdict;
  trouble?: boolean;
  outcome?: string;
  settled?: boolean;
  warnings?: string[];
  /** Of `sci explain`: the snapshots that were not taken. */
  refused?: Refused[];
  work?: { files: number; bytes: number; written_bytes?: number; stored_bytes?: number; seconds: number };
  compared?: Compared | null;
}

/** The verdict of a stored plan. */
export interface Verdict {
  verdict: string;
}

/** A snapshot that was not taken. */
export interface Refused {
  snapshot: string;
  scope: string;
  reason: string;
}

/** What differs from a snapshot. */
export interface Compared {
  snapshot: string;
  problem?: string;
  differences?: { classes: { class: string; inputs: Input[] }[] };
}

/** One input that differs. */
export interface Input {
  name: string;
  change: string;
  packages?: { added: Package[]; removed: Package[]; changed: { name: string; before: Package; after: Package }[] };
}

/** A package of a lockfile. */
export interface Package {
  name?: string;
  version: string;
}

/** How a command of sci ended. */
export interface Ran {
  code: number;
  document: Document | null;
}

/** Runs a command. What it says to people goes to the log as it comes. */
export async function run(program: string, asked: Asked, args: string[]): Promise<Ran> {
  const globals = ["--json"];
  if (asked.store !== "") globals.push("--store", asked.store);
  if (asked.require) globals.push("--require");
  const { code, stdout } = await child(program, [...globals, ...args], asked.directory, args[0] === "run" ? "run" : "sci");
  return { code, document: parsed(stdout) };
}

/** The words of a command for these paths: none of them is taken for an option. */
export function of(command: string[], paths: string[]): string[] {
  return paths.length === 0 ? command : [...command, "--", ...paths];
}

function parsed(text: string): Document | null {
  try {
    return JSON.parse(text) as Document;
  } catch {
    core.debug(text);
    return null;
  }
}
