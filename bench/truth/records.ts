import { appendFileSync, existsSync, readFileSync } from "node:fs";

/** Rows by probe number, one JSON line each, so that a run that was stopped goes on where it was. */
export class Records<Row extends { i: number }> {
  readonly rows = new Map<number, Row>();
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
    if (!existsSync(file)) return;
    for (const line of readFileSync(file, "utf8").split("\n")) {
      // A line cut by a kill is made again.
      const row = parsed<Row>(line);
      if (row !== undefined) this.rows.set(row.i, row);
    }
  }

  add(row: Row): void {
    this.rows.set(row.i, row);
    appendFileSync(this.#file, `\n${JSON.stringify(row)}`);
  }

  /** The rows of the first `count` probes, in order. */
  first(count: number): Row[] {
    return Array.from({ length: count }, (_, i) => this.rows.get(i)).filter((row) => row !== undefined);
  }
}

function parsed<Row>(line: string): Row | undefined {
  try {
    return JSON.parse(line) as Row;
  } catch {
    return undefined;
  }
}
