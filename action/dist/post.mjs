import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);
import {
  info,
  save,
  setFailed,
  status,
  take,
  warning
} from "./shared.mjs";

// src/post.ts
import { existsSync } from "node:fs";
import { isAbsolute } from "node:path";
try {
  const kept = take();
  if (kept !== null) {
    const stands = status();
    const succeeded = stands === "success";
    const wanted = succeeded ? kept.save !== "never" : kept.save === "always" && stands === "failure";
    const gone = [kept.program, kept.directory].find((place) => isAbsolute(place) && !existsSync(place));
    if (wanted && gone !== void 0) {
      const said = `${gone} is not there any more: nothing is saved`;
      if (kept.require) setFailed(said);
      else warning(said, { title: "sci" });
    } else if (wanted) {
      await save(kept.program, kept, !succeeded);
    } else {
      info(`Nothing is saved: the job's status is ${stands}, and \`save\` is ${kept.save}`);
    }
  }
} catch (error) {
  setFailed(error instanceof Error ? error.message : String(error));
}
