// The end of the job: saves, where the step was to. The inputs are read anew, and with them how the job stands by now.

import * as core from "@actions/core";

import { read } from "./inputs.ts";
import * as steps from "./steps.ts";

try {
  const program = core.getState("program");
  const inputs = read();
  const succeeded = inputs.jobStatus === "success";
  // Of a job that was cancelled nobody can say what it left.
  const wanted = succeeded ? inputs.save !== "never" : inputs.save === "always" && inputs.jobStatus === "failure";
  if (program !== "" && wanted) {
    await steps.save(program, inputs, !succeeded);
  } else if (program !== "") {
    core.info(`Nothing is saved: the job's status is ${inputs.jobStatus}, and \`save\` is ${inputs.save}`);
  }
} catch (error) {
  core.setFailed(error instanceof Error ? error.message : String(error));
}
