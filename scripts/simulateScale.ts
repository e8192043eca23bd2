// A day of a network of a thousand to a million nodes, on paper: npm run simulate:scale [-- --json] [-- --write] [-- --help]
//
// Draws, sampling and rewards' rules are those that nodes and auditors run (offchain/protocol); gas is what benches measured; what is assumed
// is in scripts/scale/assumptions.ts and printed with the result. All but `measured` follows from the seed.
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { DEFAULTS } from "./scale/assumptions.ts";
import { measure, simulate, type Simulation, SIZES } from "./scale/simulation.ts";
import { plotOf } from "./scale/plotOf.ts";
import { tableOf } from "./scale/table.ts";

const HELP = `npm run simulate:scale [-- --json] [-- --write] [-- --seed N] [-- --answers N] [-- --lease-seconds N] [-- --leased SHARE] [-- --block-gas N]
  --json           one JSON object on stdout
  --write          keep it in bench/scale.json, and the loads as bench/scale.svg
  --seed           what chance follows from; 1 unless given
  --answers        answers that a node gives a day; ${DEFAULTS.answersPerNode} unless given
  --lease-seconds  length of a lease; ${DEFAULTS.leaseSeconds} unless given
  --leased         share of the nodes that are leased at a time, between 0 and 1; ${DEFAULTS.leasedShare} unless given
  --block-gas      gas limit of a block; ${DEFAULTS.blockGas} unless given
  --quick          without what depends on this machine (times)
`;

const { values: flags } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    quick: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    answers: { type: "string", default: String(DEFAULTS.answersPerNode) },
    "lease-seconds": { type: "string", default: String(DEFAULTS.leaseSeconds) },
    leased: { type: "string", default: String(DEFAULTS.leasedShare) },
    "block-gas": { type: "string", default: String(DEFAULTS.blockGas) },
    help: { type: "boolean", default: false },
  },
});
if (flags.help) {
  process.stdout.write(HELP);
  process.exit(0);
}
const seed = Number(flags.seed);
const use = {
  ...DEFAULTS,
  answersPerNode: Number(flags.answers),
  leaseSeconds: Number(flags["lease-seconds"]),
  leasedShare: Number(flags.leased),
  blockGas: Number(flags["block-gas"]),
};
if (![seed, ...Object.values(use)].every((value) => Number.isFinite(value) && value > 0) || use.leasedShare >= 1) {
  process.stderr.write(`found a number that is not above 0, or a --leased of 1 or more; see --help\n`);
  process.exit(2);
}

const simulated: Simulation = simulate({ seed, use });
const result = flags.quick ? simulated : { ...simulated, measured: measure(SIZES) };
if (flags.write) {
  writeFileSync(new URL("../bench/scale.json", import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
  writeFileSync(new URL("../bench/scale.svg", import.meta.url), plotOf({ seed, use }));
}
process.stdout.write(flags.json ? `${JSON.stringify(result)}\n` : tableOf(result));
