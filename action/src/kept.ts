// What the step leaves for the end of the job. The end goes by this alone: the runner reads inputs anew then, and a later step may
// have changed what they are made of, or the environment.

import * as core from "@actions/core";

import type { Asked, Inputs, Save } from "./inputs.ts";

/** The state that holds it. */
const KEPT = "kept";
/** The variables that say what is saved, where, and as whose. Those by which sci shows who asks are secret, and those by which it
 * shows more or less change nothing: both are as they are then. */
const VARIABLES = [
  "SCI_ALLOW_EMBEDDED",
  "SCI_ALLOW_HTTP",
  "SCI_DEFAULT_BRANCH",
  "SCI_MATRIX",
  "SCI_PROJECT",
  "SCI_REQUIRE",
  "SCI_STATE",
  "SCI_STORE",
  "SCI_TIMEOUT",
  "SCI_TRUSTED_PUBLIC_KEYS",
  "SCI_VARIANT",
  "SCI_WORKSPACE",
];

/** How the end of the job saves. */
export interface Kept extends Asked {
  program: string;
  save: Save;
  environment: Record<string, string>;
}

/** Keeps it for the end of the job. */
export function keep(program: string, { paths, directory, store, require, save }: Inputs): void {
  const environment: Record<string, string> = {};
  for (const name of VARIABLES) {
    const value = process.env[name];
    if (value !== undefined) environment[name] = value;
  }
  const kept: Kept = { program, paths, directory, store, require, save, environment };
  core.saveState(KEPT, kept);
}

/** Takes it, with its environment. Null where nothing is to be saved by the end of the job. */
export function take(): Kept | null {
  const text = core.getState(KEPT);
  if (text === "") return null;
  const kept = JSON.parse(text) as Kept;
  for (const name of VARIABLES) delete process.env[name];
  Object.assign(process.env, kept.environment);
  return kept;
}
