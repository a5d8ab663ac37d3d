// The end of the job: saves, where the step was to. Of the inputs only how the job stands is read.

import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";

import * as core from "@actions/core";

import { status } from "./inputs.ts";
import { take } from "./kept.ts";
import * as steps from "./steps.ts";

try {
  const kept = take();
  if (kept !== null) {
    const stands = status();
    const succeeded = stands === "success";
    // Of a job that was cancelled nobody can say what it left.
    const wanted = succeeded ? kept.save !== "never" : kept.save === "always" && stands === "failure";
    const gone = [kept.program, kept.directory].find((place) => isAbsolute(place) && !existsSync(place));
    if (wanted && gone !== undefined) {
      const said = `${gone} is not there any more: nothing is saved`;
      if (kept.require) core.setFailed(said);
      else core.warning(said, { title: "sci" });
    } else if (wanted) {
      await steps.save(kept.program, kept, !succeeded);
    } else {
      core.info(`Nothing is saved: the job's status is ${stands}, and \`save\` is ${kept.save}`);
    }
  }
} catch (error) {
  core.setFailed(error instanceof Error ? error.message : String(error));
}
