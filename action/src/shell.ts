// The shell that `run` is for: bash, as GitHub has it in steps with `shell: bash`; or sh, as in a container without one.

import { accessSync, constants, existsSync, statSync } from "node:fs";
import { delimiter, join } from "node:path";

/** The words that run a script. Throws where there is no shell. */
export function shell(script: string): string[] {
  const bash = gits() ?? found("bash");
  if (bash !== undefined) return [bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", script];
  const sh = found("sh");
  if (sh !== undefined) return [sh, "-e", "-c", script];
  throw new Error("`command: run` needs bash or sh, and neither is on the PATH");
}

/** On Windows git's: another one, of a Linux beside it, may come first on the PATH. */
function gits(): string | undefined {
  const bash = join(process.env["ProgramFiles"] ?? "", "Git", "bin", "bash.exe");
  return process.platform === "win32" && existsSync(bash) ? bash : undefined;
}

function found(name: string): string | undefined {
  const file = process.platform === "win32" ? `${name}.exe` : name;
  const places = (process.env["PATH"] ?? "").split(delimiter).filter((directory) => directory !== "");
  return places.map((directory) => join(directory, file)).find(isProgram);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
