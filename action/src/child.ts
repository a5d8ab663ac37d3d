// Runs a program to its end. Not by the toolkit: that takes the program for a command line, so that a path with a space is two
// words, keeps all that a build says in memory, and leaves the program alone where the job is cancelled.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import { unordered } from "./log.ts";

/** What the runner sends when a job is cancelled: to this process alone. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** How a program ended. */
export interface Ended {
  code: number;
  stdout: string;
}

/**
 * What becomes of what a program says. It goes to the log, in one stream as it comes and with the orders to the runner that it
 * has; of `run`, whose stderr is the command's too, the stdout is read. Of `sci` alone nothing is an order.
 */
export type Saying = "log" | "run" | "sci";

/** Runs a program in a directory. */
export async function child(program: string, args: string[], directory: string, saying: Saying): Promise<Ended> {
  const stdio = ["ignore", saying === "log" ? 1 : "pipe", saying === "sci" ? "pipe" : 1] as const;
  const started = spawn(program, args, { cwd: directory, stdio: [...stdio] });
  // It says itself what it leaves; until then this process stays.
  const passed = SIGNALS.map((signal) => [signal, () => started.kill(signal)] as const);
  for (const [signal, pass] of passed) process.on(signal, pass);
  const parts: Buffer[] = [];
  started.stdout?.on("data", (part: Buffer) => parts.push(part));
  if (started.stderr !== null) {
    createInterface(started.stderr).on("line", (line) => process.stdout.write(`${unordered(line)}\n`));
  }
  try {
    const code = await new Promise<number>((resolve, reject) => {
      started.on("error", reject);
      started.on("close", (code) => resolve(code ?? 1));
    });
    return { code, stdout: Buffer.concat(parts).toString("utf8") };
  } finally {
    for (const [signal, pass] of passed) process.off(signal, pass);
  }
}
