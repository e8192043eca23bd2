// Gas of every step and of whole requests: npm run bench:gas [-- --json] [-- --write] [-- --profile]
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Profile, sumOf } from "./profile.ts";
import { type GasTable, measure, total } from "./scenarios.ts";

const { values: flags } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    profile: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (flags.help) {
  console.log(
    [
      "npm run bench:gas [-- --json] [-- --write] [-- --profile]",
      "  --json     one JSON object on stdout",
      "  --write    also store it as bench/gas.json (with --profile: bench/gas.profile.json)",
      "  --profile  where the gas went, by contract and class of opcode, from the traces of the transactions",
    ].join("\n"),
  );
  process.exit(0);
}

const store = (name: string, value: unknown) => writeFileSync(new URL(name, import.meta.url), `${JSON.stringify(value, null, 2)}\n`);

/** Scenarios whose traces are worth keeping: those with a target. */
const PROFILED = /^(n=1 k=3|n=1 k=3 own transactions|16 tasks of n=1 k=3|n=64 k=3|n=64 k=3 all distinct|n=1 k=3 v=3)$/;

if (flags.profile) {
  const found: Record<string, Record<string, Profile>> = {};
  await measure((scenario, profiles) => {
    if (PROFILED.test(scenario)) found[scenario] = profiles;
  });
  if (flags.write) store("./gas.profile.json", found);
  if (flags.json) console.log(JSON.stringify(found));
  else for (const [scenario, profiles] of Object.entries(found)) printProfile(scenario, Object.values(profiles));
} else {
  const table = await measure();
  if (flags.write) store("./gas.json", table);
  if (flags.json) console.log(JSON.stringify(table));
  else printTables(table);
}

function row(name: string, ...cells: (string | number)[]): void {
  const shown = cells.map((cell) => (typeof cell === "number" ? cell.toLocaleString("en") : cell).padStart(12));
  console.log(`${name.padEnd(64)}${shown.join("")}`);
}

/** One line a class, summed over contracts, then one a contract. */
function printProfile(scenario: string, profiles: Profile[]): void {
  const all = sumOf(profiles);
  console.log(`\n${scenario}\n`);
  const by = (part: 0 | 1) => {
    const sums: Profile = {};
    for (const [name, gas] of Object.entries(all)) {
      const key = name.split(": ")[part]!;
      sums[key] = (sums[key] ?? 0) + gas;
    }
    return Object.entries(sums).sort(([, a], [, b]) => b - a);
  };
  for (const [name, gas] of by(1)) row(name, gas);
  console.log();
  for (const [name, gas] of by(0)) row(name, gas);
}

function printTables(table: GasTable): void {
  console.log("Gas under prague (calldata floor of EIP-7623 included), whole life from submission to payment\n");
  row("", "submit", "commit", "reveal", "verdicts", "whole");
  for (const [name, one] of Object.entries(table.steps)) {
    const { submit = 0, commit = 0, reveal = 0 } = one;
    row(name, submit, commit, reveal, total(one) - submit - commit - reveal, total(one));
  }
  console.log();
  row("64 prompts, three answers that agree, per prompt", table.n64k3PerPrompt);
  row("the same, one prompt more", table.n64k3Marginal);
  row("64 prompts, all answers distinct, per prompt", table.n64k3DistinctPerPrompt);
  row("16 tasks in one transaction a step, per task", table.n1k3Batch16PerTask);
  row("three validators add to one task, percent", table.v3AddsPercent);
  row("three validators add to each of 16 tasks, percent", table.v3Batch16AddsPercent);
  console.log("\nDeployed bytecode, bytes (at most 24,576)\n");
  for (const [name, size] of Object.entries(table.bytecode)) row(name, size);
  const { peers, floor } = JSON.parse(readFileSync(new URL("./peers.json", import.meta.url), "utf8")) as Peers;
  console.log("\nOne request with three answers here against the peers, and against the floor (bench/peers.json)\n");
  row("", "answers", "gas", "here/there");
  for (const { name, answers, gas } of [...peers, ...floor]) {
    const own = name.includes("its own transactions") ? table.n1k3OwnTx : table.n1k3;
    row(name, answers, gas, (own / gas).toFixed(2));
  }
}

interface Peers {
  peers: { name: string; answers: number; gas: number }[];
  floor: { name: string; answers: number; gas: number }[];
}
