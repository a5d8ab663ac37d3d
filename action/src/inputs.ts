// What the workflow says.

import { resolve } from "node:path";

import * as core from "@actions/core";

/** What is done in this step; `both` restores now and saves in the post step. */
export type Command = "both" | "restore" | "save" | "run" | "explain";

/** When the post step saves. */
export type Save = "success" | "always" | "never";

/** What sci is asked about, and how. */
export interface Asked {
  paths: string[];
  directory: string;
  store: string;
  require: boolean;
}

/** The inputs, read and checked. */
export interface Inputs extends Asked {
  command: Command;
  run: string;
  save: Save;
  version: string;
  program: string;
  token: string;
  /** The values of the job's matrix as JSON; empty where it has none. */
  matrix: string;
  status: string;
}

/** Reads the inputs. Throws with the name of one that cannot be. */
export function read(): Inputs {
  const command = one("command", ["", "restore", "save", "run", "explain"]) || "both";
  const run = core.getInput("run");
  if ((command === "run") !== (run !== "")) {
    throw new Error("`run` is what `command: run` runs: the two belong together");
  }
  const paths = core.getInput("paths").split(/\s+/).filter((path) => path !== "");
  if (command === "run" && paths.length > 0) {
    throw new Error("`command: run` is for all paths of sci.toml: leave `paths` out");
  }
  return {
    command,
    run,
    paths,
    directory: resolve(core.getInput("working-directory")),
    store: core.getInput("store"),
    require: one("require", ["", "false", "true"]) === "true",
    save: one("save", ["", "success", "always", "never"]) || "success",
    version: version(core.getInput("version").replace(/^v/, "")),
    program: core.getInput("program"),
    token: core.getInput("github-token"),
    matrix: matrix(core.getInput("matrix")),
    status: status(),
  };
}

/** How the job stands by now. */
export function status(): string {
  return core.getInput("job-status");
}

function version(text: string): string {
  if (text !== "" && !/^\d+\.\d+\.\d+(-[0-9A-Za-z.-]+)?$/.test(text)) {
    throw new Error(`\`version\` is one whole version, such as 1.2.3; found ${JSON.stringify(text)}`);
  }
  return text;
}

function matrix(text: string): string {
  try {
    const values: unknown = text === "" ? null : JSON.parse(text);
    return values === null ? "" : JSON.stringify(values);
  } catch {
    throw new Error("`matrix` is not to be set: the environment variable SCI_VARIANT names a job's state otherwise");
  }
}

function one<T extends string>(name: string, values: readonly T[]): T {
  const found = core.getInput(name);
  const value = values.find((value) => value === found);
  if (value === undefined) {
    const known = values.filter((value) => value !== "").map((value) => `\`${value}\``);
    throw new Error(`\`${name}\` is ${known.join(", ")}; found ${JSON.stringify(found)}`);
  }
  return value;
}
