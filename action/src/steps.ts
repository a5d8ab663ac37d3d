// The steps of both phases: what sci is asked to do, and what is shown of its answer.

import * as core from "@actions/core";

import { child } from "./child.ts";
import type { Asked, Inputs } from "./inputs.ts";
import * as outputs from "./outputs.ts";
import type { Document, Ran, Result } from "./sci.ts";
import * as sci from "./sci.ts";
import { shell } from "./shell.ts";
import * as summary from "./summary.ts";

/** Restores, and says why what was not restored exactly was not. */
export async function restore(program: string, asked: Asked): Promise<void> {
  const ran = await logged(program, asked, ["restore"]);
  await showRestored(program, asked, ran, ran.document?.result);
  settle(ran, asked);
}

/** Saves. */
export async function save(program: string, asked: Asked, failed: boolean): Promise<void> {
  const ran = await logged(program, asked, ["save", ...(failed ? ["--failed"] : [])]);
  outputs.saved(ran.document, ran.document?.result);
  showSaved(ran.document, ran.document?.result);
  await summary.write();
  settle(ran, asked);
}

/** Restores, runs a command, saves. The step ends as the command does. */
export async function run(program: string, inputs: Inputs): Promise<void> {
  const ran = await sci.run(program, inputs, ["run", "--", ...shell(inputs.run)]);
  const { restore, save, uncached } = ran.document?.result ?? {};
  // What sci says on its way is in one stream with what the command says; only this is told apart from it.
  for (const [name, result] of [["restore", restore], ["save", save]] as const) {
    if (result !== undefined) await core.group(`sci ${name}`, async () => summary.log(result));
  }
  await showRestored(program, inputs, ran, restore);
  if (uncached !== undefined) summary.uncached(uncached);
  showSaved(ran.document, save);
  await summary.write();
  if (ran.code !== 0) core.setFailed(message(ran) ?? `the command ended with ${ran.code}`);
}

/** What is done when sci cannot be had, and need not be: the job goes on, and its command is run all the same. */
export async function without(inputs: Inputs, reason: string): Promise<void> {
  core.warning(`${reason}; the job goes on without its cache`, { title: "sci" });
  outputs.restored(null, undefined);
  core.setOutput("program", "");
  if (inputs.command !== "run") return;
  const [program = "", ...args] = shell(inputs.run);
  const { code } = await child(program, args, inputs.directory, "log");
  if (code !== 0) core.setFailed(`the command ended with ${code}`);
}

/** Explains the last plan. */
export async function explain(program: string, asked: Asked): Promise<void> {
  const ran = await logged(program, asked, ["explain"]);
  const result = ran.document?.result;
  if (result !== undefined) summary.restored(result, result);
  core.setOutput("json", ran.document);
  await summary.write();
  settle(ran, asked);
}

/** Runs a command for the paths, with a group of its own in the log. */
async function logged(program: string, asked: Asked, command: string[]): Promise<Ran> {
  return await core.group(["sci", ...command, ...asked.paths].join(" "), async () => {
    const ran = await sci.run(program, asked, sci.of(command, asked.paths));
    summary.log(ran.document?.result);
    return ran;
  });
}

async function showRestored(program: string, asked: Asked, ran: Ran, result: Result | undefined): Promise<void> {
  outputs.restored(ran.document, result);
  if (result === undefined) return;
  const isExact = (result.paths ?? []).every((path) => summary.verdictOf(path) === "exact");
  const isPlain = isExact || result.plan === undefined;
  const explained = isPlain ? null : await sci.run(program, { ...asked, require: false }, sci.of(["explain"], asked.paths));
  summary.restored(result, explained?.document?.result);
  summary.annotate(result, [...(ran.document?.warnings ?? []), ...outputs.ambiguous(result.paths ?? [])]);
  await summary.write();
}

function showSaved(document: Document | null, result: Result | undefined): void {
  if (result === undefined) return;
  summary.saved(result);
  const warnings = document?.command === "save" ? document.warnings : [];
  summary.annotate(result, [...warnings, ...outputs.ambiguous(result.paths ?? [])]);
}

/** What is no fault of the job unless its cache is required: no room for what sci remembers, and, where all that is asked for is
 * an explanation, no store to ask and nothing to explain. */
const EXCUSED = ["state"];
const UNEXPLAINED = [...EXCUSED, "store", "not-found"];

/** Ends the step as sci did: trouble with the cache is sci's to weigh. */
function settle(ran: Ran, { require }: Asked): void {
  if (ran.code === 0) return;
  const excused = ran.document?.command === "explain" ? UNEXPLAINED : EXCUSED;
  const said = message(ran) ?? `sci ended with ${ran.code}`;
  if (!require && excused.includes(ran.document?.error?.kind ?? "")) core.warning(said, { title: "sci" });
  else core.setFailed(said);
}

function message({ document }: Ran): string | undefined {
  const error = document?.error;
  return error === undefined ? undefined : error.message + (error.hint === undefined ? "" : ` (${error.hint})`);
}
