import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { ROOT } from "./build.ts";
import { readResults, type Result, sourceHash } from "./run.ts";
import type { Mutant } from "./switched.ts";

interface Tally {
  score: number;
  tested: number;
  killed: number;
  survived: number;
  equivalent: number;
}
export interface Report extends Tally {
  /** All mutants that compile. */
  population: number;
  complete: boolean;
  sample: string;
  operators: Record<string, Tally>;
  perContract: Record<string, Tally & { population: number }>;
  [more: string]: unknown;
}

const FOLDER = path.join(ROOT, "test", "mutation");
const REASONS = path.join(FOLDER, "reasons.json");

/** Why a mutant may survive. `equivalent`: nothing that anybody can see changes, so it does not count. */
export interface Reason {
  /** Text that the place and the change must contain, such as `Sketch.sol` or `unchecked`. */
  file: string;
  /** Where the same change elsewhere in the file is another matter. */
  function?: string;
  before: string;
  after: string;
  equivalent: boolean;
  reason: string;
}

export const readReasons = (): Reason[] => (existsSync(REASONS) ? (JSON.parse(readFileSync(REASONS, "utf8")) as Reason[]) : []);

export const reasonFor = (mutant: Mutant, reasons: readonly Reason[]): Reason | undefined =>
  reasons.find(
    ({ file, function: inside = mutant.function, before, after }) =>
      mutant.file.endsWith(file) && mutant.function === inside && mutant.before === before && mutant.after === after,
  );

const isAlive = (result: Result): boolean => result.outcome === "survived" || result.outcome === "unreached";

function tally(entries: { result: Result; equivalent: boolean }[]): Tally {
  const equivalent = entries.filter((entry) => entry.equivalent && isAlive(entry.result)).length;
  const survived = entries.filter(({ result }) => isAlive(result)).length - equivalent;
  const killed = entries.length - survived - equivalent;
  const tested = killed + survived;
  return { score: tested === 0 ? 1 : Math.round((killed / tested) * 10_000) / 10_000, tested, killed, survived, equivalent };
}

/** Writes test/mutation/report.json and survivors.md from the results so far. */
export function writeReport(all: Mutant[], { seed, sample }: { seed: string; sample?: number }): Report {
  const known = readResults();
  const reasons = readReasons();
  const hashes = new Map<string, string>();
  const entries = all.flatMap((mutant) => {
    if (!hashes.has(mutant.file)) hashes.set(mutant.file, sourceHash(mutant.file));
    const result = known.get(`${mutant.key}|${hashes.get(mutant.file)}`);
    if (result === undefined) return [];
    const reason = reasonFor(mutant, reasons);
    return [{ mutant, result, reason, equivalent: reason?.equivalent === true }];
  });
  const by = <T extends object>(nameOf: (mutant: Mutant) => string, extra: (name: string) => T) =>
    Object.fromEntries(
      [...new Set(all.map(nameOf))]
        .sort()
        .map((name) => [name, { ...tally(entries.filter(({ mutant }) => nameOf(mutant) === name)), ...extra(name) }]),
    );
  const complete = entries.length === all.length;
  const report: Report = {
    ...tally(entries),
    population: all.length,
    complete,
    sample: complete
      ? "every mutant was tested"
      : `${entries.length} of ${all.length} mutants, contract by contract (perContract says of each how many), in an order that seed ${seed} decides${sample === undefined ? "" : `, cut at ${sample}`}`,
    how: "A mutant counts as killed when a test fails or the tests do not end. Each is tried on the tests that reach it, within a budget of time; what the budget cuts off counts as survived.",
    operators: by(
      ({ operator }) => operator,
      () => ({}),
    ),
    perContract: by(
      ({ contract }) => contract,
      (name) => ({ population: all.filter(({ contract }) => contract === name).length }),
    ),
  };
  mkdirSync(FOLDER, { recursive: true });
  writeFileSync(path.join(FOLDER, "report.json"), `${JSON.stringify(report, null, 2)}\n`);
  const alive = entries.filter(({ result }) => isAlive(result));
  writeFileSync(path.join(FOLDER, "survivors.md"), survivors(alive, report));
  return report;
}

function survivors(alive: { mutant: Mutant; result: Result; reason: Reason | undefined }[], report: Report): string {
  const cell = (text: string): string => `\`${text.replace(/\s+/g, " ").replaceAll("|", "\\|").replaceAll("`", "'").slice(0, 110)}\``;
  const rows = alive
    .sort((a, b) => a.mutant.file.localeCompare(b.mutant.file) || a.mutant.line - b.mutant.line)
    .map(({ mutant, result, reason }) => {
      const why = reason?.reason ?? (result.outcome === "unreached" ? "no test reaches it" : "no test notices it yet");
      const place = `${mutant.file.replace("contracts/", "")}:${mutant.line}`;
      return `| ${place} | ${mutant.operator} | ${cell(mutant.before)} | ${mutant.after === "" ? "removed" : cell(mutant.after)} | ${why} |`;
    });
  return [
    "# Mutants that no test notices",
    "",
    `Written by \`npm run mutate -- --report\`. ${report.killed} of ${report.tested} killed (${(report.score * 100).toFixed(1)} %); ${report.sample}.`,
    "",
    "| place | operator | before | after | reason |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
    "",
  ].join("\n");
}
