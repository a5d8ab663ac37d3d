// Runs a program to its end. Not by the toolkit: that takes the program for a command line, so that a path with a space is two
// words, keeps all that a build says in memory, and leaves the program alone where the job is cancelled.

import { spawn } from "node:child_process";

/** What the runner sends when a job is cancelled: to this process alone. */
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** How a program ended. */
export interface Ended {
  code: number;
  stdout: string;
}

/** Runs a program in a directory. What it says goes to the log, in one stream as it comes, but for a stdout that is `read`. */
export async function child(program: string, args: string[], directory: string, read: boolean): Promise<Ended> {
  const started = spawn(program, args, { cwd: directory, stdio: ["ignore", read ? "pipe" : 1, 1] });
  // It says itself what it leaves; until then this process stays.
  const passed = SIGNALS.map((signal) => [signal, () => started.kill(signal)] as const);
  for (const [signal, pass] of passed) process.on(signal, pass);
  const parts: Buffer[] = [];
  started.stdout?.on("data", (part: Buffer) => parts.push(part));
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
