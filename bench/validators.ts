// Whether it pays to validate without working: node bench/validators.ts [--json] [--write] [--help]
import { writeFileSync } from "node:fs";
import { Command } from "commander";
import { copying, honest, incomeOf, type Manner, type Paying, praising, simulate, WORK } from "./panels/simulate.ts";

const options = new Command("node bench/validators.ts")
  .description(
    "Six honest validators and one that does no work, by the share of answers that are known to be bad: with every opened verdict paid, as the contract does it, and with those alone that agree with their panel.",
  )
  .option("--json", "one JSON object on stdout", false)
  .option("--write", "keep the result in bench/validators.json", false)
  .parse()
  .opts<{ json: boolean; write: boolean }>();

const RATES = [0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.4];
const TASKS = 8_000;
const SEEDS = [1, 2, 3, 4, 5];
const HONEST = 6;
const LAZY: Record<string, Manner> = { praising, copying };

/** What the idle one earns for each unit that an honest one earns, mean over seeds. */
function relative(lazy: Manner, rate: number, paying: Paying): number {
  const found = SEEDS.map((seed) => {
    const run = simulate([...Array.from({ length: HONEST }, () => honest), lazy], rate, TASKS, seed, paying);
    const others = Array.from({ length: HONEST }, (_, i) => incomeOf(run, i, true));
    return incomeOf(run, HONEST, false) / (others.reduce((sum, one) => sum + one, 0) / HONEST);
  });
  return Number((found.reduce((sum, one) => sum + one, 0) / found.length).toFixed(3));
}

const rows = Object.entries(LAZY).flatMap(([manner, lazy]) =>
  RATES.map((rate) => ({ manner, knownBad: rate, allPaid: relative(lazy, rate, "all"), nearPaid: relative(lazy, rate, "near") })),
);
const result = { work: WORK, tasks: TASKS, seeds: SEEDS.length, honest: HONEST, rows };
if (options.write) writeFileSync(new URL("./validators.json", import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`);
else console.table(rows);
