// Three nodes under faults that follow from a seed, in virtual time: npm run simulate -- --seed N --hours H
//
// The real loop, decisions, journal, cursor and sender against a simulated chain and engine (test/simulation). Ends with 1 where something
// happened that must not, and then keeps the seed in test/simulation/seeds.json, which the tests run again for ever.
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Command } from "commander";
import { simulate, type SimulationResult } from "../test/simulation/simulation.ts";

const SEEDS_FILE = fileURLToPath(new URL("../test/simulation/seeds.json", import.meta.url));

const options = new Command("npm run simulate --")
  .description(
    "Runs three nodes in virtual time under RPC errors, lag, lies, reorganisations, gas spikes, full disks, failing engines and kills.",
  )
  .option("--seed <number>", "the first seed", "1")
  .option("--seeds <count>", "how many, one after the other", "1")
  .option("--hours <hours>", "virtual hours with faults, for each seed", "1")
  .option("--no-faults", "the same tasks without any fault")
  .option("--json", "one JSON object on standard output", false)
  .option("--out <file>", "also write the result there")
  .parse()
  .opts<{ seed: string; seeds: string; hours: string; faults: boolean; json: boolean; out?: string }>();

const first = Number(options.seed);
const count = Number(options.seeds);
const hours = Number(options.hours);
if (![first, count, hours].every((value) => Number.isFinite(value) && value > 0)) {
  process.stderr.write("wanted numbers above 0 for --seed, --seeds and --hours\n");
  process.exit(2);
}

const results: SimulationResult[] = [];
const started = performance.now();
for (let seed = first; seed < first + count; seed++) {
  const result = await simulate({ seed, hours, faults: options.faults });
  results.push(result);
  const { tasks, accepted, silentSeats, unopened, kills, restarts, violations } = result;
  process.stderr.write(
    `${violations.length === 0 ? "✔" : "✖"} seed ${seed}: ${accepted} of ${tasks} tasks accepted, ${silentSeats} silent seats, ${unopened} unopened, ${kills} kills, ${restarts} restarts\n`,
  );
  for (const violation of violations) process.stderr.write(`    ${violation}\n`);
}

const failing = results.filter(({ violations }) => violations.length > 0);
if (failing.length > 0) {
  const kept = JSON.parse(readFileSync(SEEDS_FILE, "utf8")) as { seed: number; hours: number; found: string }[];
  for (const { seed, violations } of failing)
    if (!kept.some((one) => one.seed === seed && one.hours === hours)) kept.push({ seed, hours, found: violations[0]! });
  writeFileSync(SEEDS_FILE, `${JSON.stringify(kept, null, 2)}\n`);
  process.stderr.write(`kept in ${path.relative(process.cwd(), SEEDS_FILE)}\n`);
}
const total = (pick: (result: SimulationResult) => number) => results.reduce((sum, result) => sum + pick(result), 0);
const summed = (pick: (result: SimulationResult) => Record<string, number>) => {
  const sums: Record<string, number> = {};
  for (const result of results) for (const [name, value] of Object.entries(pick(result))) sums[name] = (sums[name] ?? 0) + value;
  return sums;
};
const report = {
  seeds: count,
  firstSeed: first,
  hours,
  faults: summed(({ faults }) => faults),
  reorgs: summed(({ reorgs }) => reorgs),
  kills: total(({ kills }) => kills),
  restarts: total(({ restarts }) => restarts),
  tasks: total(({ tasks }) => tasks),
  accepted: total(({ accepted }) => accepted),
  failed: total(({ failed }) => failed),
  silentSeats: total(({ silentSeats }) => silentSeats),
  unopened: total(({ unopened }) => unopened),
  violations: failing.map(({ seed, violations }) => ({ seed, violations })),
  seconds: Math.round((performance.now() - started) / 1_000),
};
if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify(report, null, 2)}\n`);
if (options.json) process.stdout.write(`${JSON.stringify(report)}\n`);
process.exit(failing.length === 0 ? 0 : 1);
