import { oneLine } from "../offchain/runtime/exit.ts";
import { Amount, Instant } from "./amounts.ts";

/** What a command found or did: printed as lines for people, or as one JSON document. */
export type Report = Record<string, unknown>;

const bigintsAsText = (_: string, value: unknown) => (typeof value === "bigint" ? value.toString() : value);

/** One JSON document; bigints as decimal strings. */
export const asJson = (report: unknown): string => `${JSON.stringify(report, bigintsAsText, 2)}\n`;

/** The same on a line of its own, for reports that come one after the other. */
export const asJsonLine = (report: unknown): string => `${JSON.stringify(report, bigintsAsText)}\n`;

/** Something that scripts get whole, and people as a word on where to see it. */
export class Detail {
  readonly value: unknown;
  readonly hint: string;
  constructor(value: unknown, hint: string) {
    this.value = value;
    this.hint = hint;
  }
  toString(): string {
    return this.hint;
  }
  toJSON(): unknown {
    return this.value;
  }
}

/** Narrower than this a terminal breaks lines by itself. */
const LEAST_WIDTH = 40;

/** Columns of the terminal; where the output goes elsewhere, a line is never broken: programs may read it by lines. */
const terminalWidth = (): number => (process.stdout.isTTY ? Math.max(LEAST_WIDTH, process.stdout.columns) : Infinity);

/**
 * Names and values on lines, lists of records as tables, in so many columns where it can be: what is too wide for a table is told record by
 * record, and long texts go on below their beginning. Texts from the chain are cleared of control characters.
 */
export function asText(report: Report, width = terminalWidth()): string {
  return `${recordLines(report, 0, width).join("\n")}\n`;
}

function recordLines(record: Report, indent: number, width: number): string[] {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined);
  const widest = Math.max(0, ...entries.filter(([, value]) => isPlain(value)).map(([name]) => words(name).length));
  return entries.flatMap(([name, value]) => {
    const head = `${" ".repeat(indent)}${words(name)}`;
    if (isPlain(value)) return wrapped(head.padEnd(indent + widest + 2), plain(value), width);
    const inner = indent + 2;
    return [head, ...(Array.isArray(value) ? listLines(value as Report[], inner, width) : recordLines(value as Report, inner, width))];
  });
}

/** A text behind its name; goes on below its beginning where it is too long for a line. */
function wrapped(head: string, text: string, width: number): string[] {
  const lines = [head];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    const fresh = line.length <= head.length;
    if (fresh || line.length + 1 + word.length <= width) lines[lines.length - 1] = fresh ? `${line}${word}` : `${line} ${word}`;
    else lines.push(`${" ".repeat(head.length)}${word}`);
  }
  return lines;
}

/** A table where every record is flat and it fits, else one block for each. */
function listLines(rows: Report[], indent: number, width: number): string[] {
  if (rows.every((row) => Object.values(row).every(isPlain))) {
    const table = tableLines(rows, indent);
    if (table.every((line) => line.length <= width)) return table;
  }
  return rows.flatMap((row) =>
    recordLines(row, indent + 2, width).map((line, i) => (i === 0 ? `${" ".repeat(indent)}- ${line.trimStart()}` : line)),
  );
}

function tableLines(rows: Report[], indent: number): string[] {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => rows.some((row) => row[name] !== undefined));
  const cells = [columns.map(words), ...rows.map((row) => columns.map((name) => (row[name] === undefined ? "" : plain(row[name]))))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)));
  return cells.map((line) => `${" ".repeat(indent)}${line.map((text, i) => text.padEnd(widths[i]!)).join("  ")}`.trimEnd());
}

function isPlain(value: unknown): boolean {
  if (value === null || typeof value !== "object") return true;
  if (value instanceof Amount || value instanceof Instant || value instanceof Detail) return true;
  return Array.isArray(value) && value.every((held) => typeof held !== "object" || held === null);
}

function plain(value: unknown): string {
  if (value === null) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(plain).join(", ");
  return oneLine(`${value as string | number | bigint | Amount | Instant | Detail}`);
}

/** leaseUntil becomes "lease until"; names that start with a capital stay as they are. */
const words = (name: string) => (/^[a-z]/.test(name) ? name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`) : name);
