import dayjs from "dayjs";
import relativeTime from "dayjs/plugin/relativeTime.js";

dayjs.extend(relativeTime);

/** How long ago `date` was, for a reader. */
export function age(date) {
  return dayjs(date).fromNow();
}
