// Named requests, served from submission to payment, each step's gas as the chain counts it.
import { readdirSync, readFileSync } from "node:fs";
import { agreeing, differing, startNetwork, type Network, type Task } from "../test/contract/network.ts";
import { FINE, validationOf, VERDICTS } from "../test/contract/verdicts.ts";
import { type Profile, profileOf, sumOf } from "./profile.ts";

const RING = 64;

/** Gas by step of a request's life. */
export type Steps = Record<string, number>;
/** The table that is kept in git. */
export interface GasTable {
  n1k3: number;
  n1k3OwnTx: number;
  n1k3FirstOfSession: number;
  n1k3Batch16PerTask: number;
  n64k3PerPrompt: number;
  n64k3Marginal: number;
  n64k3DistinctPerPrompt: number;
  /** What three validators of every task add, in percent of the same tasks without: one alone, and sixteen in a transaction. */
  v3AddsPercent: number;
  v3Batch16AddsPercent: number;
  steps: Record<string, Steps>;
  /** Deployed bytecode, bytes; a chain takes at most 24,576. */
  bytecode: Record<string, number>;
}

type Sent = Promise<{ hash: string; wait(): Promise<{ gasUsed: bigint } | null> }>;

/** Adds up what transactions cost, and keeps their hashes. */
class Meter {
  readonly hashes: Record<string, string[]> = {};
  readonly steps: Steps = {};

  async add(step: string, sent: Sent): Promise<void> {
    const { hash, wait } = await sent.then((one) => ({ hash: one.hash, wait: () => one.wait() }));
    this.steps[step] = (this.steps[step] ?? 0) + Number((await wait())!.gasUsed);
    (this.hashes[step] ??= []).push(hash);
  }
}

async function submitted(net: Network, meter: Meter, requests: ReturnType<Network["request"]>[]): Promise<Task[]> {
  const { modules, router, session, networkHelpers } = net;
  const as = modules.Session.connect(router);
  const sent = await (requests.length === 1 ? as.submit(session, requests[0]!) : as.submitMany(session, requests));
  await meter.add("submit", Promise.resolve(sent));
  await networkHelpers.mine(2);
  return net.taskFrom((await sent.wait())!.logs);
}

/** Signed commitments of all seats of all tasks in one transaction, and all openings in another. */
async function carried(net: Network, tasks: number, prompts: number, distinct = false): Promise<Meter> {
  const meter = new Meter();
  const { modules, router, networkHelpers } = net;
  const answers = (seat: number) => (distinct ? differing(prompts, seat, 20) : agreeing(prompts));
  const born = await submitted(
    net,
    meter,
    Array.from({ length: tasks }, () => net.request(prompts)),
  );
  const queue = modules.SessionQueue.connect(router);
  const bundles = [];
  for (const task of born) {
    const nodes = await net.seatsOf(task);
    task.commits.push(...nodes.map((node, seat) => net.prepare(task, seat, node, answers(seat))));
    bundles.push({ task: task.id, commitments: task.commits.map((commit) => net.sign(commit)) });
  }
  await meter.add("commit", queue.commitMany(bundles));
  await networkHelpers.mine(2);
  const handovers = born.map((task) => net.handover(task));
  await meter.add("reveal", handovers.length === 1 ? queue.reveal(handovers[0]!) : queue.revealMany(handovers));
  if (born[0]!.terms.assurance !== 0n) await judged(net, meter, born);
  for (const task of born) await mustBeAccepted(net, task);
  return meter;
}

/** Three validators each: drawn and committed in one transaction, opened in one a task, settled in one. */
async function judged(net: Network, meter: Meter, tasks: Task[]): Promise<void> {
  const { modules, router, networkHelpers } = net;
  const validation = validationOf(net);
  await networkHelpers.mine(net.parameters.seedDelay + 1);
  const panels = [];
  for (const task of tasks) panels.push(await validation.prepared(task, 0, () => FINE));
  const bundles = panels.map(({ task, verdicts }) => ({ task: task.id, verdicts }));
  await meter.add("verdict commit", modules.Validation.connect(router).commitMany(bundles));
  await networkHelpers.mine(2);
  for (const { task, openings } of panels) await meter.add("verdict reveal", modules.Validation.connect(router).reveal(task.id, openings));
  const queue = modules.SessionQueue.connect(router);
  const handovers = tasks.map((task) => net.handover(task));
  await meter.add("settle", handovers.length === 1 ? queue.settle(handovers[0]!) : queue.revealMany(handovers));
}

/** One request, where every miner sends its own two transactions. */
async function ownTransactions(net: Network): Promise<Meter> {
  const meter = new Meter();
  const { modules, networkHelpers } = net;
  const [task] = (await submitted(net, meter, [net.request(1)])) as [Task];
  const nodes = await net.seatsOf(task);
  const queueOf = (node: number) => modules.SessionQueue.connect(net.operators.get(node));
  for (const [seat, node] of nodes.entries()) {
    const prepared = net.prepare(task, seat, node, agreeing(1));
    task.commits.push(prepared);
    await meter.add("commit", queueOf(node).commit(task.id, seat, prepared.commitment));
  }
  await networkHelpers.mine(2);
  // The last one hands over what the others have made public, and so settles.
  for (const [seat, node] of nodes.entries()) {
    const known = seat === nodes.length - 1 ? nodes.map((_, i) => i) : [seat];
    await meter.add("reveal", queueOf(node).reveal(net.handover(task, known)));
  }
  await mustBeAccepted(net, task);
  return meter;
}

async function mustBeAccepted(net: Network, task: Task): Promise<void> {
  const [, status] = await net.modules.SessionQueue.factsOf(task.id);
  if (Number(status) !== 2) throw new Error(`task ${task.id} ended with status ${status}, wanted 2 (Accepted)`);
}

/** Once round the ring, so that slots are recycled as in a session that has worked for a while. */
async function warm(net: Network): Promise<void> {
  for (let i = 0; i <= RING; i++) await carried(net, 1, 1);
}

export const total = (steps: Steps): number => Object.values(steps).reduce((sum, gas) => sum + gas, 0);

/**
 * Serves every scenario on fresh in-process chains.
 * @param profiled told where the gas of a step went, by contract and class of opcode; leave out for speed
 */
export async function measure(profiled?: (scenario: string, profiles: Record<string, Profile>) => void): Promise<GasTable> {
  const steps: Record<string, Steps> = {};
  const note = async (net: Network, name: string, meter: Meter) => {
    steps[name] = meter.steps;
    if (profiled === undefined) return;
    const names = new Map(Object.entries(net.record.addresses).map(([module, address]) => [address.toLowerCase(), module]));
    const profiles: Record<string, Profile> = {};
    for (const [step, hashes] of Object.entries(meter.hashes)) {
      const found = [];
      for (const hash of hashes) found.push(await profileOf(net.ethers.provider, hash, names));
      profiles[step] = sumOf(found);
    }
    profiled(name, profiles);
  };
  for (const redundancy of [1, 3, 5]) {
    const net = await startNetwork({ nodes: redundancy, redundancy, leaseNodes: redundancy });
    if (redundancy === 3) await note(net, "n=1 k=3 first of a session", await carried(net, 1, 1));
    await warm(net);
    for (const prompts of [1, 8, 64]) await note(net, `n=${prompts} k=${redundancy}`, await carried(net, 1, prompts));
    if (redundancy === 3) {
      await note(net, "n=64 k=3 all distinct", await carried(net, 1, 64, true));
      await note(net, "n=1 k=3 own transactions", await ownTransactions(net));
      await note(net, "16 tasks of n=1 k=3", await carried(net, 16, 1));
    }
    await net.close();
  }
  const net = await startNetwork({ nodes: 9, redundancy: 3, leaseNodes: 3, terms: { ...VERDICTS, appealWindow: 0 } });
  await warm(net);
  await note(net, "n=1 k=3 v=3", await carried(net, 1, 1));
  await note(net, "16 tasks of n=1 k=3 v=3", await carried(net, 16, 1));
  await net.close();
  const of = (name: string) => total(steps[name]!);
  const percent = (more: number, base: number) => Math.round((1_000 * (more - base)) / base) / 10;
  return {
    n1k3: of("n=1 k=3"),
    n1k3OwnTx: of("n=1 k=3 own transactions"),
    n1k3FirstOfSession: of("n=1 k=3 first of a session"),
    n1k3Batch16PerTask: Math.round(of("16 tasks of n=1 k=3") / 16),
    n64k3PerPrompt: Math.round(of("n=64 k=3") / 64),
    n64k3Marginal: Math.round((of("n=64 k=3") - of("n=8 k=3")) / 56),
    n64k3DistinctPerPrompt: Math.round(of("n=64 k=3 all distinct") / 64),
    v3AddsPercent: percent(of("n=1 k=3 v=3"), of("n=1 k=3")),
    v3Batch16AddsPercent: percent(of("16 tasks of n=1 k=3 v=3"), of("16 tasks of n=1 k=3")),
    steps,
    bytecode: bytecodeSizes(),
  };
}

/** Deployed bytecode of every contract of the network, bytes, from the build. */
export function bytecodeSizes(): Record<string, number> {
  const root = new URL("../artifacts/contracts/", import.meta.url);
  const sizes: [string, number][] = [];
  for (const folder of readdirSync(root)) {
    for (const source of readdirSync(new URL(`${folder}/`, root))) {
      if (!source.endsWith(".sol")) continue;
      for (const file of readdirSync(new URL(`${folder}/${source}/`, root))) {
        if (!file.endsWith(".json")) continue;
        const text = readFileSync(new URL(`${folder}/${source}/${file}`, root), "utf8");
        const { contractName, deployedBytecode } = JSON.parse(text) as { contractName: string; deployedBytecode: string };
        const size = (deployedBytecode.length - 2) / 2;
        // Libraries whose functions are all internal are nothing but a stub.
        if (size > 100) sizes.push([contractName, size]);
      }
    }
  }
  return Object.fromEntries(sizes.sort(([a], [b]) => a.localeCompare(b)));
}
