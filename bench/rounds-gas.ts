// Gas of a round of network work, step by step, with few and with many nodes, and of a ping: npm run bench:rounds [-- --json] [-- --write]
import { writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Crowd } from "../types/ethers-contracts/test/contracts/harness/Crowd.ts";
import { MODEL, type Network, startNetwork } from "../test/contract/network.ts";
import { signedPing } from "../test/contract/pings.ts";
import { answer, Kind, membersOf, RoundDriver, scoring, verdict } from "../test/contract/rounds.ts";
import { deployHarness } from "../test/contract/suite.ts";

const ROUNDS = 7;
const BATCH = 100;
const PINGS = [1, 16, 128, 256];

type Steps = Record<string, number>;

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

const median = (values: number[]): number => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)]!;
const gasOf = async (sent: Promise<{ wait(): Promise<{ gasUsed: bigint } | null> }>): Promise<number> =>
  Number((await (await sent).wait())!.gasUsed);

/** A network of `size` nodes: real registrations, all but ten of them without stake. */
async function crowded(size: number): Promise<Network> {
  const net = await startNetwork({ nodes: 10, leased: false });
  const { NodePool } = net.modules;
  await NodePool.setParameters({ ...net.parameters.pool, minStake: 0, assignmentLock: 0 });
  const crowd = await deployHarness<Crowd>(net, "Crowd");
  for (let left = size - 10; left > 0; left -= BATCH) {
    await crowd.enrol(NodePool.target, MODEL, Math.min(BATCH, left), { gasLimit: 59_000_000 });
  }
  return net;
}

/** The signer of any node's operator; those of the crowd are contracts, and impersonated. */
async function operatorOf(net: Network, node: number) {
  const known = net.operators.get(node);
  if (known !== undefined) return known;
  const address = await net.modules.NodePool.operatorOf(node);
  await net.networkHelpers.impersonateAccount(address);
  await net.networkHelpers.setBalance(address, 10n ** 18n);
  return await net.ethers.getSigner(address);
}

/** Gas of every step of a round in which all do their part by transactions of their own. */
async function roundSteps(net: Network, kind: number): Promise<Steps> {
  const { PoUW } = net.modules;
  const { networkHelpers } = net;
  const steps: Steps = {};
  await networkHelpers.time.increase(net.parameters.network.rounds.interval);
  const opened = await (await PoUW.open(MODEL, kind, 0)).wait();
  const [id] = await PoUW.roundCount();
  steps["open"] = Number(opened!.gasUsed);
  const round = new RoundDriver(net, id);
  const draw = async (): Promise<number> => {
    await networkHelpers.mine(2);
    return await gasOf(PoUW.advance(id));
  };
  steps["draw type 1"] = await draw();
  steps["create"] = await gasOf(PoUW.connect(await operatorOf(net, await round.creator())).create(id, `0x${"01".repeat(32)}`));
  steps["draw type 2"] = await draw();
  steps["prepare"] = await gasOf(PoUW.connect(await operatorOf(net, await round.preparer())).prepare(id, `0x${"02".repeat(32)}`));
  steps["draw answerers"] = await draw();
  const members = membersOf((await round.view()).answerers);
  const openings = members.map((_, seat) => answer(seat));
  const commits: number[] = [];
  for (const [seat, node] of members.entries()) {
    const commitment = await round.commitOf(node, openings[seat]!);
    commits.push(await gasOf(PoUW.connect(await operatorOf(net, node)).commit(id, seat, commitment)));
  }
  steps["commit, each"] = median(commits);
  await networkHelpers.time.increase(1);
  steps[kind === Kind.Liveness ? "reveal all and end" : "reveal all"] = await gasOf(PoUW.reveal(id, openings));
  if (kind === Kind.Liveness) return steps;
  steps["draw validators"] = await draw();
  const panel = membersOf((await round.view()).validators);
  const scores = panel.map((_, seat) => scoring(seat, verdict(members.map(() => 8))));
  const committed: number[] = [];
  for (const [seat, node] of panel.entries()) {
    const commitment = await PoUW.scoreCommitmentOf(id, node, scores[seat]!);
    committed.push(await gasOf(PoUW.connect(await operatorOf(net, node)).commit(id, seat, commitment)));
  }
  steps["commit scores, each"] = median(committed);
  await networkHelpers.time.increase(1);
  steps["reveal scores and end"] = await gasOf(PoUW.revealScores(id, scores));
  return steps;
}

/** Medians over rounds, after one turn of the ring, when its places have their slots. */
async function settled(net: Network, kind: number): Promise<Steps> {
  for (let i = 0; i < 16; i++) await roundSteps(net, kind);
  const all: Steps[] = [];
  for (let i = 0; i < ROUNDS; i++) all.push(await roundSteps(net, kind));
  return Object.fromEntries(Object.keys(all[0]!).map((name) => [name, median(all.map((steps) => steps[name]!))]));
}

/** Members times each step that is one's own. */
function total(steps: Steps, answerers: number, validators: number): number {
  const times = (name: string) => (name === "commit, each" ? answerers : name === "commit scores, each" ? validators : 1);
  return Object.entries(steps).reduce((sum, [name, gas]) => sum + times(name) * gas, 0);
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

const rounds: Record<string, { steps: Steps; total: number }> = {};
for (const size of CROWDS) {
  for (const [name, kind] of Object.entries(Kind)) {
    const net = await crowded(size);
    const rules = kind === Kind.Liveness ? net.parameters.network.liveness.rules : net.parameters.network.capability.rules;
    const steps = await settled(net, kind);
    rounds[`${name.toLowerCase()}, ${size} nodes`] = { steps, total: total(steps, rules.answerers, rules.validators) };
    await net.close();
  }
}
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
