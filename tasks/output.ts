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
    if (!Array.isArray(value)) return [head, ...recordLines(value as Report, indent + 2)];
    return [head, ...tableLines(value as Report[]).map((line) => `${" ".repeat(indent + 2)}${line}`)];
  });
}

function tableLines(rows: Report[]): string[] {
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))].filter((name) => rows.some((row) => row[name] !== undefined));
  const cells = [columns.map(words), ...rows.map((row) => columns.map((name) => cell(row[name])))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)));
  return cells.map((line) =>
    line
      .map((text, i) => text.padEnd(widths[i]!))
      .join("  ")
      .trimEnd(),
  );
}

/** A value in a table: what is no plain value goes on the line in brackets. */
function cell(value: unknown): string {
  if (isPlain(value)) return value === undefined ? "" : plain(value);
  const parts = Object.entries(value as object).map(([name, held]: [string, unknown]) => `${words(name)} ${cell(held)}`);
  return Array.isArray(value) ? `[${value.map(cell).join("; ")}]` : parts.join(", ");
}

function isPlain(value: unknown): boolean {
  if (value === null || typeof value !== "object" || value instanceof Amount || value instanceof Instant) return true;
  return Array.isArray(value) && value.every((held) => typeof held !== "object" || held === null);
}

function plain(value: unknown): string {
  if (value === null) return "none";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(plain).join(", ");
  return oneLine(String(value));
}

/** leaseUntil becomes "lease until". */
const words = (name: string) =>
  name.replace(/[A-Z](?=[a-z]|$)/g, (letter, offset: number) => (offset === 0 ? letter : ` ${letter.toLowerCase()}`));
