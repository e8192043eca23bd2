// Mutation testing of contracts/: changes one thing at a time and looks whether a test notices.
//
//   npm run mutate -- --help
import { parseArgs } from "node:util";
import { createHash } from "node:crypto";
import { build } from "./mutation/build.ts";
import { readReasons, reasonFor, writeReport } from "./mutation/report.ts";
import { readResults, run, sourceHash, trace } from "./mutation/run.ts";
import type { Mutant } from "./mutation/switched.ts";

const HELP = `npm run mutate -- [options]

Changes the contracts in one place at a time (a mutant) and runs the tests that reach the place. A mutant that no test notices
survived. All mutants are compiled at once, each behind a switch; results go to test/mutation/results.jsonl as they come, so an
interrupted run goes on where it stopped.

  --contract NAME,...   only mutants of these contracts and libraries
  --sample N            only N mutants, chosen by --seed
  --seed S              of the choice (default 1)
  --shard I/N           the I-th of N parts (from 1), to run parts side by side
  --tests PATTERN       tests whose file names match, and "solidity" for all Solidity tests (default: all); what was used once stays
  --survivors           only those that survived before, after new tests, and that nobody has shown to be equivalent
  --limit MINUTES       stop after so long
  --report              write test/mutation/report.json and survivors.md from the results so far, and run nothing
  --list                list the mutants and run nothing
  --json                print the report
`;

const { values: options } = parseArgs({
  options: {
    contract: { type: "string" },
    sample: { type: "string" },
    seed: { type: "string", default: "1" },
    shard: { type: "string" },
    tests: { type: "string", default: "" },
    survivors: { type: "boolean", default: false },
    limit: { type: "string" },
    report: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
const say = (text: string): void => void process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);

function fail(problem: string): never {
  console.error(`mutate: ${problem}\nSee npm run mutate -- --help.`);
  process.exit(1);
}

/** An order that depends on the seed and the mutants' keys alone. */
const drawn = (mutants: Mutant[], seed: string): Mutant[] => {
  const rank = (key: string): string => createHash("sha256").update(`${seed}|${key}`).digest("hex");
  return [...mutants].sort((a, b) => (rank(a.key) < rank(b.key) ? -1 : 1));
};

function choose(all: Mutant[]): Mutant[] {
  const contracts = options.contract?.split(",");
  const unknown = contracts?.filter((name) => !all.some(({ contract }) => contract === name)) ?? [];
  if (unknown.length > 0)
    fail(`no mutants in ${unknown.join(", ")}; there are: ${[...new Set(all.map(({ contract }) => contract))].join(", ")}`);
  let chosen = drawn(
    all.filter(({ contract }) => contracts === undefined || contracts.includes(contract)),
    options.seed,
  );
  if (options.sample !== undefined) {
    const size = Number(options.sample);
    if (!Number.isInteger(size) || size < 1) fail(`--sample is ${options.sample}, wanted a number of mutants`);
    chosen = chosen.slice(0, size);
  }
  if (options.shard === undefined) return chosen;
  const [part, parts] = options.shard.split("/").map(Number);
  if (!part || !parts || part > parts) fail(`--shard is ${options.shard}, wanted I/N with 1 <= I <= N`);
  return chosen.filter((_, i) => i % parts === part - 1);
}

if (options.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const all = build(say);
const chosen = choose(all);
if (options.list) {
  for (const { file, line, operator, before, after } of chosen)
    console.log(`${file}:${line}\t${operator}\t${before} -> ${after}`.replace(/\n\s*/g, " "));
  process.exit(0);
}
if (!options.report) {
  await trace(new RegExp(options.tests), say);
  const [known, reasons] = [readResults(), readReasons()];
  const outcomeOf = (mutant: Mutant) => known.get(`${mutant.key}|${sourceHash(mutant.file)}`)?.outcome;
  const open = chosen.filter((mutant) => {
    const outcome = outcomeOf(mutant);
    if (!options.survivors) return outcome === undefined;
    return (outcome === "survived" || outcome === "unreached") && !reasonFor(mutant, reasons)?.equivalent;
  });
  say(`${chosen.length} mutants, ${open.length} to run`);
  // Neighbours are reached in the same states, whose chains stand ready for one after the other.
  open.sort((a, b) => a.id - b.id);
  if (options.limit !== undefined) setTimeout(() => process.exit(0), Number(options.limit) * 60_000).unref();
  await run(open, say);
}
const report = writeReport(all, { seed: options.seed, ...(options.sample === undefined ? {} : { sample: Number(options.sample) }) });
if (options.json) console.log(JSON.stringify(report, null, 2));
else say(`${report.killed} of ${report.tested} mutants killed: ${(report.score * 100).toFixed(1)} %`);
