// Gas of a round of network work, step by step, with few and with many nodes, and of a ping: npm run bench:rounds [-- --json] [-- --write]
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { type Network, startNetwork } from "../test/contract/network.ts";
import { signedPing } from "../test/contract/pings.ts";
import { gasOf } from "../test/contract/suite.ts";
import { measureRounds, type RoundGas } from "./roundSteps.ts";

const PINGS = [1, 16, 128, 256];

const { values: flags } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    crowds: { type: "string", default: "10,1000,10000" },
    help: { type: "boolean", default: false },
  },
});
const CROWDS = flags.crowds.split(",").map(Number);
if (flags.help || !CROWDS.every((size) => Number.isInteger(size) && size >= 10)) {
  console.log(
    "npm run bench:rounds [-- --json] [-- --write] [-- --crowds 10,1000,10000]\n  --json    one JSON object on stdout\n  --write   also store it as bench/rounds-gas.json\n  --crowds  numbers of nodes, each at least 10",
  );
  process.exit(flags.help ? 0 : 2);
}

/** Gas a node of pings carried in one transaction, in a window in which nobody pinged before. */
async function pingGas(net: Network, count: number): Promise<number> {
  const { Liveness } = net.modules;
  const next = ((await Liveness.currentWindow()) + 1n) * (await Liveness.WINDOW());
  await net.networkHelpers.time.increaseTo(next);
  const window = await Liveness.currentWindow();
  const pings = [...net.operators.keys()].slice(0, count).map((node) => signedPing(net, node, window));
  return Math.round((await gasOf(Liveness.ping(window, pings))) / count);
}

const rounds: RoundGas = {};
for (const size of CROWDS) Object.assign(rounds, await measureRounds(size));
const pinging = await startNetwork({ nodes: Math.max(...PINGS), leased: false });
const pings: Record<string, number> = {};
for (const count of PINGS) pings[count] = await pingGas(pinging, count);
await pinging.close();
const result = { rounds, pingPerNode: pings };
if (flags.write) writeFileSync(new URL("./rounds-gas.json", import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
if (flags.json) console.log(JSON.stringify(result));
else {
  for (const [name, { steps, total: whole }] of Object.entries(rounds)) {
    console.log(`\n${name}: ${whole.toLocaleString("en")} gas a round`);
    for (const [step, gas] of Object.entries(steps)) console.log(`  ${step.padEnd(28)}${gas.toLocaleString("en").padStart(10)}`);
  }
  console.log("\nPings carried in one transaction, gas a node");
  for (const [count, gas] of Object.entries(pings)) console.log(`  ${count.padStart(4)} nodes${gas.toLocaleString("en").padStart(10)}`);
}
