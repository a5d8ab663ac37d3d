// What goes to the log is read by the runner, too, which takes orders there. Names come from files of a checkout, which anybody may
// have written: they order nothing.

/** A line without what is an order to the runner: `::` where it begins, `##[` wherever that stands. What is blank to the runner is
 * more than it is here. */
export function unordered(line: string): string {
  return line.replaceAll("##[", "# #[").replace(/^([\s\u0085]*)::/, "$1: :");
}

/** A text in one line that is no order. */
export function plain(text: string): string {
  return unordered(text.replace(/[\s\u0085]+/g, " "));
}
