// What rounds of network work cost, step by step; told by bench/rounds-gas.ts and held by the gas table's test.
import { MODEL, type Network, startNetwork } from "../test/contract/network.ts";
import { nextEpoch } from "../test/contract/pings.ts";
import { answer, Kind, membersOf, RoundDriver, scoring, verdict } from "../test/contract/rounds.ts";
import { addCrowd, gasOf } from "../test/contract/suite.ts";
import { median } from "./median.ts";

const ROUNDS = 7;

/** Gas by the name of the step. */
export type Steps = Record<string, number>;

/** Of every kind of round, by name: its steps, and the whole with all members. */
export type RoundGas = Record<string, { steps: Steps; total: number }>;

/**
 * A network of `size` nodes: real registrations, all but ten of them without stake. Its epoch is the day of the public
 * networks and has just begun: a node's first part in an epoch costs fresh slots, and would come into a median by chance.
 */
async function crowded(size: number): Promise<Network> {
  const net = await startNetwork({ nodes: 10, leased: false, parameters: { network: { livenessWindow: 1_800, epoch: 86_400 } } });
  await addCrowd(net, size - 10);
  await nextEpoch(net);
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

/** Rounds of both kinds among so many nodes. */
export async function measureRounds(size: number): Promise<RoundGas> {
  const found: RoundGas = {};
  for (const [name, kind] of Object.entries(Kind)) {
    const net = await crowded(size);
    const rules = kind === Kind.Liveness ? net.parameters.network.liveness.rules : net.parameters.network.capability.rules;
    const steps = await settled(net, kind);
    found[`${name.toLowerCase()}, ${size} nodes`] = { steps, total: total(steps, rules.answerers, rules.validators) };
    await net.close();
  }
  return found;
}
