// What people read: the table of the job summary with the reasons below it, and annotations for what is to be acted on.

import * as core from "@actions/core";

import { plain } from "./log.ts";
import type { Input, Path, Refused, Result } from "./sci.ts";

/** How many entries of a list are shown. */
const SHOWN = 10;
/** The bytes of a step's summary: of a larger one GitHub shows nothing. Half of them are for reasons, and a quarter for each table:
 * a step has two at most. */
const LIMIT = 1024 * 1024;
/** What the words around the parts take at most. */
const SPARE = 4096;
/** The state that holds what was annotated. */
const SAID = "said";
/** The most bytes of it. */
const LARGEST_STATE = 16 * 1024;

/** Adds the restored paths to the job summary, each miss with what `explained` knows of it. */
export function restored(result: Result, explained: Result | undefined): void {
  const paths = result.paths ?? [];
  const row = (path: Path) =>
    cells([path.instance, verdictOf(path), short(path.key), bytes(path.work?.bytes), seconds(path.work?.seconds), bytes(path.work?.written_bytes)]);
  table(["path", "restored", "key", "size", "time", "written"], paths.map(row));
  const room = new Room(LIMIT / 2);
  for (const path of paths.filter((path) => verdictOf(path) !== "exact")) {
    const known = explained?.paths?.find((found) => found.instance === path.instance);
    const head = `\n<details><summary>Why <code>${escaped(path.instance)}</code> was ${mark(path)}</summary>\n\n`;
    room.add(`${head}${why(path, known).map((line) => `- ${line}\n`).join("")}\n</details>\n`);
  }
  room.close("reasons");
}

/** Adds the saved paths to the job summary. */
export function saved(result: Result): void {
  const row = (path: Path) => {
    const outcome = path.outcome === "saved" && !path.settled ? "saved, not as exact" : (path.outcome ?? "");
    return cells([path.instance, outcome, short(path.key), bytes(path.work?.bytes), seconds(path.work?.seconds), bytes(path.work?.stored_bytes), reason(path)]);
  };
  table(["path", "saved", "key", "size", "time", "stored", "reason"], (result.paths ?? []).map(row));
}

/** Annotates what a person should act on: each thing once, with the paths that it is said of. What an earlier phase of the job said is not repeated. */
export function annotate(result: Result, warnings: string[]): void {
  const known = said ?? (JSON.parse(core.getState(SAID) || "[]") as Said[]);
  const fresh: Said[] = [];
  const say = (name: string, text: string) => {
    // A save says the end of what the restore said.
    const isKnown = [...known, ...fresh].some(([of, other]) => of === name && other.endsWith(text));
    if (!isKnown) fresh.push([name, text]);
  };
  for (const path of result.paths ?? []) {
    if (path.trouble || path.outcome === "failed") say(path.instance, reason(path));
    for (const warning of path.warnings ?? []) say(path.instance, warning);
  }
  // Among those of all are those of the paths.
  const ofPaths = (result.paths ?? []).flatMap((path) => path.warnings ?? []);
  for (const warning of warnings) if (!ofPaths.some((one) => warning.endsWith(one))) say("", warning);
  for (const text of new Set(fresh.map(([, text]) => text))) {
    const names = fresh.filter(([name, other]) => other === text && name !== "").map(([name]) => name);
    core.warning(plain([names.join(", "), text].filter((part) => part !== "").join(": ")), { title: "sci" });
  }
  said = [...known, ...fresh];
  core.saveState(SAID, bounded(said));
}

/** As many of them as a later phase may be given: the runner puts them into a variable, and a program with a large one does not start.
 * What is left out is said twice. */
function bounded(all: Said[]): Said[] {
  let left = LARGEST_STATE;
  return all.filter((one) => (left -= Buffer.byteLength(JSON.stringify(one)) + 1) >= 0);
}

/** Says that a command ran without its cache. */
export function uncached(reason: string): void {
  core.warning(plain(`nothing was restored or saved: ${reason}`), { title: "sci" });
  new Room(2 * SPARE).add(`\nNothing was restored or saved: ${escaped(reason)}\n`);
}

/** Writes what was added. A summary that cannot be written is no fault of the job. */
export async function write(): Promise<void> {
  try {
    await core.summary.write();
  } catch (error) {
    core.warning(`the summary cannot be written: ${error instanceof Error ? error.message : String(error)}`, { title: "sci" });
  }
}

/** What was annotated, and of which path; of none where the name is empty. */
type Said = [name: string, text: string];
/** What this phase annotated, and those before it: a state cannot be read in the phase that saves it. */
let said: Said[] | undefined;

/** Says in the log what became of each path. */
export function log(result: Result | undefined): void {
  const line = (path: Path) => {
    const key = path.key === undefined ? [] : [`key ${short(path.key)}`];
    const work = path.work === undefined ? [] : [`${path.work.files} files`, bytes(path.work.bytes), seconds(path.work.seconds)];
    const words = [path.outcome ?? verdictOf(path), ...key, ...work, reason(path)].filter((word) => word !== "");
    return plain(`${path.instance}: ${words.join(", ")}`);
  };
  for (const path of result?.paths ?? []) core.info(line(path));
}

function reason({ reason, hint }: Path): string {
  return [reason ?? "", hint === undefined ? "" : `(${hint})`].join(" ").trim();
}

/** The word for how a path was restored. */
export function verdictOf(path: Path): string {
  return typeof path.verdict === "string" ? path.verdict : (path.verdict?.verdict ?? "miss");
}

function mark(path: Path): string {
  return verdictOf(path) === "miss" ? "not restored" : "restored from the nearest";
}

function why(path: Path, known: Path | undefined): string[] {
  const lines = [escaped(reason(path) || "no reason was given")];
  for (const { class: name, inputs } of known?.compared?.differences?.classes ?? []) {
    for (const input of inputs.slice(0, SHOWN)) lines.push(`${escaped(name)}: ${difference(input)}`);
    if (inputs.length > SHOWN) lines.push(`${escaped(name)}: ${inputs.length - SHOWN} more`);
  }
  if (known?.compared?.problem !== undefined) lines.push(escaped(known.compared.problem));
  lines.push(...(known?.refused ?? []).slice(0, SHOWN).map(refusal));
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

function refusal({ snapshot, scope, reason }: Refused): string {
  return `refused: ${code(snapshot.slice(0, 12))} of ${code(scope)}: ${escaped(reason)}`;
}

function table(head: string[], rows: string[][]): void {
  if (rows.length === 0) return;
  const room = new Room(LIMIT / 4 - 2 * SPARE);
  const row = (texts: string[], tag: string) => `<tr>${texts.map((text) => `<${tag}>${text}</${tag}>`).join("")}</tr>`;
  room.add(`<table>${row(head, "th")}`);
  for (const texts of rows) room.add(row(texts, "td"));
  core.summary.addRaw("</table>\n");
  room.close("paths");
}

/** A part of the summary that has no more than so many bytes, but for the words that say what was left out. */
class Room {
  private left: number;
  private omitted = 0;

  constructor(bytes: number) {
    this.left = bytes - SPARE;
  }

  /** Adds a piece, whole or not at all. */
  add(text: string): void {
    const size = Buffer.byteLength(text);
    if (size > this.left) {
      this.omitted += 1;
      return;
    }
    this.left -= size;
    core.summary.addRaw(text);
  }

  /** Says how many were left out. */
  close(name: string): void {
    if (this.omitted === 0) return;
    core.summary.addRaw(`\n${this.omitted} more ${name} are left out, for GitHub shows no summary of more than 1 MiB: \`sci explain\` and the output \`json\` have all of them.\n`);
  }
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
