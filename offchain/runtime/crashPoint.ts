/** The one place that reads it: a step's name, for tests that kill a program there. It can end the process and nothing else. */
const KILLED_AT = process.env["CORROBORATE_CRASH_AT"];

/**
 * Ends this process as `kill -9` would, where the environment names this point; otherwise does nothing. A point that is about one thing in
 * particular says so: `crashPoint("stored", "commit:7:0")` is named by "stored:commit".
 */
export function crashPoint(name: string, subject?: string): void {
  if (KILLED_AT === undefined) return;
  if (KILLED_AT === (subject === undefined ? name : `${name}:${subject.split(":")[0]}`)) process.kill(process.pid, "SIGKILL");
}
