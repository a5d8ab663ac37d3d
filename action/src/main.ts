// The step itself. Everything about keys, trust and snapshots is sci's: this gets sci, runs it and shows what it says.

import * as core from "@actions/core";

import type { Inputs } from "./inputs.ts";
import { read } from "./inputs.ts";
import { install, Unreachable } from "./install.ts";
import { keep } from "./kept.ts";
import * as steps from "./steps.ts";

let inputs: Inputs | undefined;
try {
  inputs = read();
  // For later steps that call sci, too, and for the end of the job.
  if (inputs.matrix !== "") core.exportVariable("SCI_MATRIX", inputs.matrix);
  const program = await install(inputs);
  core.setOutput("program", program);
  switch (inputs.command) {
    case "both":
      // Said before the restore: what the job builds is worth keeping also where nothing could be restored.
      keep(program, inputs);
      await steps.restore(program, inputs);
      break;
    case "restore":
      await steps.restore(program, inputs);
      break;
    case "save":
      await steps.save(program, inputs, inputs.status !== "success");
      break;
    case "run":
      await steps.run(program, inputs);
      break;
    case "explain":
      await steps.explain(program, inputs);
      break;
  }
} catch (error) {
  if (error instanceof Unreachable && inputs !== undefined && !inputs.require) {
    await steps.without(inputs, error.message).catch(fail);
  } else {
    fail(error);
  }
}

function fail(error: unknown): void {
  core.setFailed(error instanceof Error ? error.message : String(error));
}
