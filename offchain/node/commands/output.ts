/** What a command reports: one object for programs, lines for people. */
export interface Report {
  /** For --json; bigints are written as text. */
  data: Record<string, unknown>;
  /** For people. */
  lines: string[];
  exitCode?: number;
}

/** Writes a report to standard output. */
export function print({ data, lines }: Report, json: boolean): void {
  const text = json
    ? JSON.stringify(data, (_key, value: unknown) => (typeof value === "bigint" ? String(value) : value))
    : lines.join("\n");
  process.stdout.write(`${text}\n`);
}
