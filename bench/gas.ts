// Gas of every step and of whole requests: npm run bench:gas [-- --json] [-- --write]
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { agreeing, differing, startNetwork, type Network, type Task } from "../test/contract/network.ts";

const RING = 64;

type Steps = Record<string, number>;
const gasOf = async (sent: Promise<{ wait(): Promise<{ gasUsed: bigint } | null> }>) => Number((await (await sent).wait())!.gasUsed);

/** A request in the session's steady state: one was served before, so that every account has its slots. */
async function carried(net: Network, prompts: number, distinct: boolean): Promise<Steps> {
  const { modules, router, session, networkHelpers } = net;
  const sent = await modules.Session.connect(router).submit(session, net.request(prompts));
  const receipt = (await sent.wait())!;
  await networkHelpers.mine(2);
  const task = net.taskFrom(receipt.logs)[0]!;
  const commit = await gasOf(net.commitCarried(task, (seat) => (distinct ? differing(prompts, seat, 20) : agreeing(prompts))));
  await networkHelpers.mine(2);
  const reveal = await gasOf(modules.SessionQueue.connect(router).reveal(net.handover(task)));
  await mustBeAccepted(net, task);
  return { submit: Number(receipt.gasUsed), commit, reveal };
}

/** The same, where every miner sends its own two transactions. */
async function ownTransactions(net: Network): Promise<Steps> {
  const { modules, router, session, networkHelpers } = net;
  const receipt = (await (await modules.Session.connect(router).submit(session, net.request(1))).wait())!;
  await networkHelpers.mine(2);
  const task = net.taskFrom(receipt.logs)[0]!;
  const nodes = await net.seatsOf(task);
  let commit = 0;
  let reveal = 0;
  for (const [seat, node] of nodes.entries()) {
    const prepared = net.prepare(task, seat, node, agreeing(1));
    task.commits.push(prepared);
    commit += await gasOf(modules.SessionQueue.connect(net.operators.get(node)).commit(task.id, seat, prepared.commitment));
  }
  await networkHelpers.mine(2);
  // The last one hands over what the others have made public, and so settles.
  for (const [seat, node] of nodes.entries()) {
    const known = seat === nodes.length - 1 ? nodes.map((_, i) => i) : [seat];
    reveal += await gasOf(modules.SessionQueue.connect(net.operators.get(node)).reveal(net.handover(task, known)));
  }
  await mustBeAccepted(net, task);
  return { submit: Number(receipt.gasUsed), commit, reveal };
}

async function batched(net: Network, tasks: number): Promise<Steps> {
  const { modules, router, session, networkHelpers } = net;
  const requests = Array.from({ length: tasks }, () => net.request(1));
  const receipt = (await (await modules.Session.connect(router).submitMany(session, requests)).wait())!;
  await networkHelpers.mine(2);
  const born = net.taskFrom(receipt.logs);
  const bundles = [];
  for (const task of born) {
    const nodes = await net.seatsOf(task);
    task.commits.push(...nodes.map((node, seat) => net.prepare(task, seat, node, agreeing(1))));
    bundles.push({ task: task.id, commitments: task.commits.map((commit) => net.sign(commit)) });
  }
  const commit = await gasOf(modules.SessionQueue.connect(router).commitMany(bundles));
  await networkHelpers.mine(2);
  const reveal = await gasOf(modules.SessionQueue.connect(router).revealMany(born.map((task) => net.handover(task))));
  for (const task of born) await mustBeAccepted(net, task);
  return { submit: Number(receipt.gasUsed), commit, reveal };
}

async function mustBeAccepted(net: Network, task: Task): Promise<void> {
  const [, status] = await net.modules.SessionQueue.factsOf(task.id);
  if (Number(status) !== 2) throw new Error(`task ${task.id} ended with status ${status}, wanted 2 (Accepted)`);
}

const total = (steps: Steps) => Object.values(steps).reduce((sum, gas) => sum + gas, 0);

const { values: flags } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    write: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (flags.help) {
  console.log(
    "npm run bench:gas [-- --json] [-- --write]\n  --json   one JSON object on stdout\n  --write  also store it as bench/gas.json",
  );
  process.exit(0);
}

const steps: Record<string, Steps> = {};
for (const redundancy of [1, 3, 5]) {
  const net = await startNetwork({ nodes: redundancy, redundancy, leaseNodes: redundancy });
  if (redundancy === 3) steps["n=1 k=3 first of a session"] = await carried(net, 1, false);
  // Once round the ring, so that slots are recycled as in a session that has worked for a while.
  for (let i = 0; i <= RING; i++) await carried(net, 1, false);
  for (const prompts of [1, 8, 64]) steps[`n=${prompts} k=${redundancy}`] = await carried(net, prompts, false);
  if (redundancy !== 3) continue;
  steps["n=64 k=3 all distinct"] = await carried(net, 64, true);
  steps["n=1 k=3 own transactions"] = await ownTransactions(net);
  steps["16 tasks of n=1 k=3"] = await batched(net, 16);
}

const n64 = steps["n=64 k=3"]!;
const result = {
  n1k3: total(steps["n=1 k=3"]!),
  n1k3OwnTx: total(steps["n=1 k=3 own transactions"]!),
  n1k3FirstOfSession: total(steps["n=1 k=3 first of a session"]!),
  n1k3Batch16PerTask: Math.round(total(steps["16 tasks of n=1 k=3"]!) / 16),
  n64k3PerPrompt: Math.round(total(n64) / 64),
  n64k3Marginal: Math.round((total(n64) - total(steps["n=8 k=3"]!)) / 56),
  n64k3DistinctPerPrompt: Math.round(total(steps["n=64 k=3 all distinct"]!) / 64),
  steps,
};
if (flags.write) writeFileSync(new URL("./gas.json", import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
if (flags.json) console.log(JSON.stringify(result));
else printTables();

function printTables(): void {
  const row = (name: string, ...cells: (string | number)[]) =>
    console.log(
      `${name.padEnd(64)}${cells.map((cell) => (typeof cell === "number" ? cell.toLocaleString("en") : cell).padStart(12)).join("")}`,
    );
  console.log("Gas under prague (calldata floor of EIP-7623 included), whole life from submission to payment\n");
  row("", "submit", "commit", "reveal", "whole");
  for (const [name, one] of Object.entries(steps)) row(name, ...Object.values(one), total(one));
  console.log();
  row("64 prompts, three answers that agree, per prompt", result.n64k3PerPrompt);
  row("the same, one prompt more", result.n64k3Marginal);
  row("64 prompts, all answers distinct, per prompt", result.n64k3DistinctPerPrompt);
  row("16 tasks in one transaction a step, per task", result.n1k3Batch16PerTask);
  const { peers, floor } = JSON.parse(readFileSync(new URL("./peers.json", import.meta.url), "utf8")) as Peers;
  console.log("\nOne request with three answers here against the peers, and against the floor (bench/peers.json)\n");
  row("", "answers", "gas", "here/there");
  for (const { name, answers, gas } of [...peers, ...floor]) {
    const own = name.includes("its own transactions") ? result.n1k3OwnTx : result.n1k3;
    row(name, answers, gas, (own / gas).toFixed(2));
  }
}

interface Peers {
  peers: { name: string; answers: number; gas: number }[];
  floor: { name: string; answers: number; gas: number }[];
}
