import { oneLine } from "../offchain/runtime/exit.ts";
import { Amount, Instant } from "./amounts.ts";

/** What a command found or did: printed as lines for people, or as one JSON document. */
export type Report = Record<string, unknown>;

/** One JSON document; bigints as decimal strings. */
export function asJson(report: unknown): string {
  return `${JSON.stringify(report, (_, value: unknown) => (typeof value === "bigint" ? value.toString() : value), 2)}\n`;
}

/** Names and values on lines, lists of records as tables. Texts from the chain are cleared of control characters. */
export function asText(report: Report): string {
  return `${recordLines(report, 0).join("\n")}\n`;
}

function recordLines(record: Report, indent: number): string[] {
  const entries = Object.entries(record).filter(([, value]) => value !== undefined);
  const width = Math.max(0, ...entries.filter(([, value]) => isPlain(value)).map(([name]) => words(name).length));
  return entries.flatMap(([name, value]) => {
    const head = `${" ".repeat(indent)}${words(name)}`;
    if (isPlain(value)) return [`${head.padEnd(indent + width)}  ${plain(value)}`];
    return [head, ...(Array.isArray(value) ? listLines(value as Report[], indent + 2) : recordLines(value as Report, indent + 2))];
  });
}

/** A table where every record is flat, else one block for each. */
function listLines(rows: Report[], indent: number): string[] {
  if (!rows.every((row) => Object.values(row).every(isPlain)))
    return rows.flatMap((row) =>
      recordLines(row, indent + 2).map((line, i) => (i === 0 ? `${" ".repeat(indent)}- ${line.trimStart()}` : line)),
    );
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => rows.some((row) => row[name] !== undefined));
  const cells = [columns.map(words), ...rows.map((row) => columns.map((name) => (row[name] === undefined ? "" : plain(row[name]))))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)));
  return cells.map((line) => `${" ".repeat(indent)}${line.map((text, i) => text.padEnd(widths[i]!)).join("  ")}`.trimEnd());
}

function isPlain(value: unknown): boolean {
  if (value === null || typeof value !== "object" || value instanceof Amount || value instanceof Instant) return true;
  return Array.isArray(value) && value.every((held) => typeof held !== "object" || held === null);
}

function plain(value: unknown): string {
  if (value === null) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(plain).join(", ");
  return oneLine(`${value as string | number | bigint | Amount | Instant}`);
}

/** leaseUntil becomes "lease until"; names that start with a capital stay as they are. */
const words = (name: string) => (/^[a-z]/.test(name) ? name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`) : name);
