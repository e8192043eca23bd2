// Gas of a lease: asked for, drawn, collected: node bench/leases-gas.ts [--json] [--write]
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startNetwork } from "../test/contract/network.ts";
import { gasOf } from "../test/contract/suite.ts";
import { median } from "./median.ts";

const TURNS = 9;
const SECONDS = 3_600;

const { values: flags } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (flags.help) {
  console.log(
    "node bench/leases-gas.ts [--json] [--write]\n  --json   one JSON object on stdout\n  --write  also store it as bench/leases-gas.json",
  );
  process.exit(0);
}

const net = await startNetwork({ nodes: 10, leased: false, leaseNodes: 3, terms: { mode: 0 } });
const { Session, NodePool } = net.modules;
const steps: Record<"reserve" | "draw" | "collect", number[]> = { reserve: [], draw: [], collect: [] };
for (let i = 0; i < TURNS; i++) {
  steps.reserve.push(await gasOf(Session.connect(net.client).reserve(1n, SECONDS, 0)));
  await net.networkHelpers.mine(net.parameters.seedDelay + 1);
  steps.draw.push(await gasOf(Session.connect(net.keeper).drawLease(1n)));
  await net.networkHelpers.time.increase(SECONDS + 1);
  steps.collect.push(await gasOf(NodePool.connect(net.keeper).collect(i + 1)));
}
await net.close();
// The first turn writes slots that the others find written.
const result = { nodes: 3, gas: Object.fromEntries(Object.entries(steps).map(([name, all]) => [name, median(all.slice(1))])) };
if (flags.write) writeFileSync(new URL("./leases-gas.json", import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
if (flags.json) console.log(JSON.stringify(result));
else for (const [name, gas] of Object.entries(result.gas)) console.log(`${name.padEnd(10)}${gas.toLocaleString("en").padStart(10)}`);
