// What people read: the table of the job summary with the reasons below it, and annotations for what is to be acted on.

import * as core from "@actions/core";

import type { Candidate, Input, Path, Result, Verdict } from "./sci.ts";

/** How many entries of a list are shown. */
const SHOWN = 10;

/** Adds the restored paths to the job summary, each miss with what `explained` knows of it. */
export function restored(result: Result, explained: Result | undefined): void {
  const paths = result.paths ?? [];
  const row = (path: Path) =>
    cells([path.name, verdictOf(path), short(path.key), bytes(path.work?.bytes), seconds(path.work?.seconds), bytes(path.work?.written_bytes)]);
  table(["path", "restored", "key", "size", "time", "written"], paths.map(row));
  for (const path of paths.filter((path) => verdictOf(path) !== "exact")) {
    const known = explained?.paths?.find((found) => found.instance === path.instance);
    core.summary.addRaw(`\n<details><summary>Why <code>${escaped(path.name)}</code> was ${mark(path)}</summary>\n\n`);
    core.summary.addRaw(why(path, known).map((line) => `- ${line}\n`).join(""));
    core.summary.addRaw("\n</details>\n");
  }
}

/** Adds the saved paths to the job summary. */
export function saved(result: Result): void {
  const row = (path: Path) => {
    const outcome = path.outcome === "saved" && !path.settled ? "saved, not as exact" : (path.outcome ?? "");
    return cells([path.name, outcome, short(path.key), bytes(path.work?.bytes), seconds(path.work?.seconds), bytes(path.work?.stored_bytes), path.reason ?? ""]);
  };
  table(["path", "saved", "key", "size", "time", "stored", "reason"], (result.paths ?? []).map(row));
}

/** Annotates what a person should act on. */
export function annotate(result: Result, warnings: string[]): void {
  for (const warning of warnings) core.warning(warning, { title: "sci" });
  for (const path of result.paths ?? []) {
    const hint = path.hint === undefined ? "" : ` (${path.hint})`;
    if (path.trouble || path.outcome === "failed") core.warning(`${path.name}: ${path.reason ?? ""}${hint}`, { title: "sci" });
    for (const warning of path.warnings ?? []) core.warning(`${path.name}: ${warning}`, { title: "sci" });
  }
}

/** The word for how a path was restored. */
export function verdictOf(path: Path): string {
  return typeof path.verdict === "string" ? path.verdict : (path.verdict?.verdict ?? "miss");
}

function mark(path: Path): string {
  return verdictOf(path) === "miss" ? "not restored" : "restored from the nearest";
}

function why(path: Path, known: Path | undefined): string[] {
  const lines = [escaped(path.reason ?? "no reason was given")];
  if (path.hint !== undefined) lines.push(escaped(path.hint));
  for (const { class: name, inputs } of known?.compared?.differences?.classes ?? []) {
    for (const input of inputs.slice(0, SHOWN)) lines.push(`${escaped(name)}: ${difference(input)}`);
    if (inputs.length > SHOWN) lines.push(`${escaped(name)}: ${inputs.length - SHOWN} more`);
  }
  if (known?.compared?.problem !== undefined) lines.push(escaped(known.compared.problem));
  const verdict = known?.verdict as Verdict | undefined;
  const refused = (verdict?.candidates ?? []).filter((candidate) => candidate.judgement === "refused");
  lines.push(...refused.slice(0, SHOWN).map(refusal));
  return lines;
}

function difference(input: Input): string {
  const { added = [], removed = [], changed = [] } = input.packages ?? {};
  const packages = [
    ...changed.map(({ name, before, after }) => `${name} ${before.version} → ${after.version}`),
    ...added.map(({ name, version }) => `+ ${name} ${version}`),
    ...removed.map(({ name, version }) => `− ${name} ${version}`),
  ];
  const more = packages.length > SHOWN ? `, ${packages.length - SHOWN} more` : "";
  const list = packages.slice(0, SHOWN).map((one) => code(one)).join(", ");
  return `${code(input.name)} ${escaped(input.change)}${list === "" ? "" : `: ${list}${more}`}`;
}

function refusal({ snapshot, scope, reason }: Candidate): string {
  return `refused: ${code(snapshot.slice(0, 12))} of ${code(scope ?? "another scope")}: ${escaped(reason ?? "")}`;
}

function table(head: string[], rows: string[][]): void {
  if (rows.length === 0) return;
  const header = head.map((data) => ({ data, header: true }));
  core.summary.addTable([header, ...rows]);
}

/** A cell without a text would not be closed. */
function cells(texts: string[]): string[] {
  return texts.map((text) => escaped(text) || "–");
}

/** Names come from files of a checkout, which anybody may have written: in the summary they are text and nothing else. */
function escaped(text: string): string {
  const marks: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
  return text.replace(/[&<>"]/g, (mark) => marks[mark] ?? "").replace(/[\\`*_[\]|#~@!]/g, (mark) => `&#${mark.charCodeAt(0)};`).replace(/\s+/g, " ");
}

function code(text: string): string {
  return `<code>${escaped(text)}</code>`;
}

function short(text: string | undefined): string {
  return text?.slice(0, 12) ?? "";
}

function seconds(time: number | undefined): string {
  return time === undefined ? "" : `${time.toFixed(time < 10 ? 2 : 0)} s`;
}

function bytes(count: number | undefined): string {
  if (count === undefined) return "";
  const units = ["B", "KiB", "MiB", "GiB"];
  let [value, unit] = [count, 0];
  while (value >= 1024 && unit < units.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
