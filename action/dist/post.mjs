import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);
import {
  getState,
  info,
  read,
  save,
  setFailed
} from "./shared.mjs";

// src/post.ts
try {
  const program = getState("program");
  const inputs = read();
  const succeeded = inputs.jobStatus === "success";
  const wanted = succeeded ? inputs.save !== "never" : inputs.save === "always" && inputs.jobStatus === "failure";
  if (program !== "" && wanted) {
    await save(program, inputs, !succeeded);
  } else if (program !== "") {
    info(`Nothing is saved: the job's status is ${inputs.jobStatus}, and \`save\` is ${inputs.save}`);
  }
} catch (error) {
  setFailed(error instanceof Error ? error.message : String(error));
}
