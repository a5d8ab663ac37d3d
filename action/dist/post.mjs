import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);
import {
  info,
  save,
  setFailed,
  status,
  take
} from "./shared.mjs";

// src/post.ts
try {
  const kept = take();
  if (kept !== null) {
    const stands = status();
    const succeeded = stands === "success";
    const wanted = succeeded ? kept.save !== "never" : kept.save === "always" && stands === "failure";
    if (wanted) {
      await save(kept.program, kept, !succeeded);
    } else {
      info(`Nothing is saved: the job's status is ${stands}, and \`save\` is ${kept.save}`);
    }
  }
} catch (error) {
  setFailed(error instanceof Error ? error.message : String(error));
}
