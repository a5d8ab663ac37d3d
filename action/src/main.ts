// The step itself. Everything about keys, trust and snapshots is sci's: this gets sci, runs it and shows what it says.

import * as core from "@actions/core";

import { read } from "./inputs.ts";
import { install } from "./install.ts";
import * as steps from "./steps.ts";

try {
  const inputs = read();
  const program = await install(inputs);
  switch (inputs.command) {
    case "both":
      // Said before the restore: what the job builds is worth keeping also where nothing could be restored.
      core.saveState("program", program);
      await steps.restore(program, inputs);
      break;
    case "restore":
      await steps.restore(program, inputs);
      break;
    case "save":
      await steps.save(program, inputs, inputs.jobStatus !== "success");
      break;
    case "run":
      await steps.run(program, inputs);
      break;
    case "explain":
      await steps.explain(program, inputs);
      break;
  }
} catch (error) {
  core.setFailed(error instanceof Error ? error.message : String(error));
}
