import { expect } from "chai";
import { Contract, type HDNodeWallet, id, parseEther } from "ethers";
import { interfaces, type ModuleName } from "../../offchain/chain/abis.ts";
import { createViews, type Views } from "../../offchain/chain/views.ts";
import { digestOf } from "../../offchain/content/contentId.ts";
import { encodePromptTokens } from "../../offchain/protocol/answers.ts";
import { AGREEMENT_ONLY } from "../../offchain/protocol/assurance.ts";
import { taskQueued } from "../../offchain/protocol/events.ts";
import { manifestBytes } from "../../offchain/protocol/manifest.ts";
import { Status } from "../../offchain/protocol/types.ts";
import { type Addresses, creationPlanOf, sendPlan } from "../../scripts/deploy.ts";
import { createdWith, switchCalls } from "../../scripts/deployment/upgrade.ts";
import { localParameters, type NetworkParameters } from "../../scripts/parameters.ts";
import { eventually } from "../offchain/chain/hardhatNode.ts";
import { type Daemon, give, promptTokens, startNode } from "../offchain/node/daemon.ts";
import { DEPLOYER, type LocalNetwork, question, startLocalNetwork } from "../offchain/node/localNetwork.ts";

const NODES = [1, 2, 3];
/** Registers with the new contracts only after the switch. */
const LATE = 3;
const QUESTION = question("What is the capital of France?");
const BYTES = manifestBytes(QUESTION);
const FOLLOWS = "the node follows Runtime to other contracts";
const STAYS = "this key operates no node there";

/** A vote that takes seconds. */
function quickVotes(): NetworkParameters {
  const parameters = localParameters();
  const votes = { ...parameters.governance.votes, votingDelay: 1, votingPeriod: 8, lateQuorum: 1 };
  return { ...parameters, governance: { ...parameters.governance, timelockDelay: 2, votes } };
}

describe("a module that is switched by a vote, under running nodes", function () {
  this.timeout(240_000);
  const parameters = quickVotes();
  const daemons = new Map<number, Daemon>();
  let net: LocalNetwork;
  let tokens: number[];
  let there: Addresses;
  let views: Views;
  /** Born in the block of the switch. */
  let lastTask: bigint;

  before(async () => {
    tokens = await promptTokens(QUESTION);
    net = await startLocalNetwork({ nodes: NODES.length, redundancy: NODES.length, parameters });
    for (const node of NODES) await give(net, node, BYTES);
    for (const node of NODES)
      daemons.set(node, await startNode(net, node, { role: node === 1 ? "miner,oracle" : "miner", "poll-ms": "150" }));
    await net.chain.rpc("evm_setIntervalMining", 500);
  });
  after(async () => {
    await Promise.all([...daemons.values()].map(async (daemon) => await daemon.end("SIGKILL")));
    await net?.stop();
  });

  const at = (addresses: Addresses, module: ModuleName, from: HDNodeWallet = DEPLOYER) =>
    new Contract(addresses[module], interfaces[module], from.connect(net.endpoint.provider));
  const send = async (module: ModuleName, method: string, args: unknown[], from?: HDNodeWallet) =>
    (await (
      await at(there, module, from)
        .getFunction(method)
        .send(...args)
    ).wait())!.logs;
  const queued = (logs: readonly { topics: readonly string[]; data: string }[]): bigint => {
    const born = logs.map((log) => interfaces.SessionQueue.parseLog(log)).find((found) => found?.name === "TaskQueued");
    return taskQueued(born!.args).task;
  };
  const request = () => ({
    manifest: digestOf(BYTES),
    promptTokens: encodePromptTokens(tokens),
    maxTokens: 32,
    clientReference: id("test"),
  });
  const told = (node: number, text: string) => daemons.get(node)!.output().includes(text);

  async function register(node: number): Promise<void> {
    const operator = net.operators[node - 1]!;
    await send("COR", "transfer", [operator.address, parameters.pool.minStake]);
    await send("COR", "approve", [there.NodePool, parameters.pool.minStake], operator);
    await send("NodePool", "register", [operator.address, parameters.models[0]!.id, parameters.pool.minStake, ""], operator);
  }

  /** Carries a proposal to where it can be executed; returns the call that does. */
  async function voted(calls: { module: ModuleName; method: string; args: unknown[] }[]): Promise<unknown[]> {
    const why = "a new Judge";
    const targets = calls.map(({ module }) => there[module]);
    const values = calls.map(() => 0n);
    const data = calls.map(({ module, method, args }) => interfaces[module].encodeFunctionData(method, args));
    const governor = at(there, "CorGovernor");
    await send("COR", "delegate", [DEPLOYER.address]);
    const logs = await send("CorGovernor", "propose", [targets, values, data, why]);
    const proposal = interfaces.CorGovernor.parseLog(logs[0]!)!.args.getValue("proposalId") as bigint;
    const state = async (wanted: bigint) => (await governor.getFunction("state").staticCall(proposal)) === wanted;
    await eventually(async () => await state(1n), "the vote", 30_000);
    await send("CorGovernor", "castVote", [proposal, 1]);
    await eventually(async () => await state(4n), "the end of the vote", 30_000);
    await send("CorGovernor", "queue", [targets, values, data, id(why)]);
    const eta = Number(await governor.getFunction("proposalEta").staticCall(proposal));
    await eventually(async () => (await net.endpoint.provider.getBlock("latest"))!.timestamp > eta, "the timelock", 30_000);
    return [targets, values, data, id(why)];
  }

  it("is created beside the old one, with all that know it, and Runtime names it once the vote is carried out", async () => {
    const old = net.deployment.addresses;
    const names = createdWith("Judge", parameters);
    expect(names).to.include.members(["Judge", "SessionQueue", "Session", "SessionPayment", "NodePool", "Validation"]);
    expect(names).to.not.include.members(["COR"]);
    const nonce = await net.endpoint.provider.getTransactionCount(DEPLOYER.address, "latest");
    const plan = creationPlanOf(DEPLOYER.address, nonce, parameters, old, names);
    await sendPlan(DEPLOYER.connect(net.endpoint.provider), plan, nonce);
    there = plan.addresses;
    views = createViews(net.endpoint, { addresses: there });
    for (const node of NODES) if (node !== LATE) await register(node);
    const execution = await voted(switchCalls(there, names, parameters));

    // A task is born in the very block in which Runtime names other contracts: nobody has been drawn for it yet.
    await net.chain.rpc("evm_setIntervalMining", 0);
    await net.chain.rpc("evm_setAutomine", false);
    const submitted = await at(old, "Session").getFunction("submit").send(1n, request());
    const executed = await at(there, "CorGovernor")
      .getFunction("execute")
      .send(...execution, { nonce: submitted.nonce + 1, gasLimit: 5_000_000n });
    await net.chain.rpc("evm_mine");
    await net.chain.rpc("evm_setAutomine", true);
    await net.chain.rpc("evm_setIntervalMining", 500);
    const [birth, change] = [(await submitted.wait())!, (await executed.wait())!];
    expect(birth.blockNumber).to.equal(change.blockNumber);
    lastTask = queued(birth.logs);
    const named = (await at(there, "Runtime").getFunction("moduleOf").staticCall("Judge")) as string;
    expect(named).to.equal(there.Judge).and.not.equal(old.Judge);
    expect(await at(there, "SessionQueue").getFunction("JUDGE").staticCall()).to.equal(there.Judge);
  });

  it("leaves the task that ran to the contracts in which it began, and all its nodes to that task", async () => {
    await eventually(async () => (await net.views.facts(lastTask)).status === Status.Accepted, "the end of the last task", 90_000);
    expect((await net.views.facts(lastTask)).revealed).to.equal(0b111);
  });

  it("is followed by the running nodes, also by one that registers with the new contracts only later", async () => {
    for (const node of NODES) if (node !== LATE) await eventually(() => told(node, FOLLOWS), `node ${node} to follow`, 60_000);
    await eventually(() => told(LATE, STAYS), "the late node to say that it stays");
    expect(told(LATE, FOLLOWS)).to.equal(false);
    await register(LATE);
    await eventually(() => told(LATE, FOLLOWS), "the late node to follow", 60_000);
  });

  it("judges new tasks, answered by the same processes", async () => {
    const windows = { queueWindow: 60, commitWindow: 60, revealWindow: 60, maxPrompts: 1, maxPromptTokens: 256, maxTokens: 128 };
    const seats = { redundancy: NODES.length, quorum: 2, leaseNodes: NODES.length, mode: 0, comparison: 1 };
    const model = parameters.models[0]!.id;
    await send("Session", "open", [{ model, ...seats, ...AGREEMENT_ONLY, ...windows, priceCeiling: parseEther("1") }]);
    await send("COR", "approve", [there.SessionPayment, parseEther("10000")]);
    await send("SessionPayment", "deposit", [1, parseEther("10000")]);
    await send("Session", "reserve", [1, 3_600, 0]);
    // Node 1 keeps time there too.
    await eventually(async () => (await views.session(1)).lease !== 0, "a lease", 60_000);
    const before = await at(net.deployment.addresses, "Session").getFunction("sessionOf").staticCall(1);
    const task = queued(await send("Session", "submit", [1, request()]));
    await eventually(async () => (await views.facts(task)).status === Status.Accepted, "a settled task", 90_000);
    expect((await views.facts(task)).revealed).to.equal(0b111);
    const after = await at(net.deployment.addresses, "Session").getFunction("sessionOf").staticCall(1);
    expect(after.toString()).to.equal(before.toString());
    // One process for each node, from the first task to the last.
    for (const daemon of daemons.values()) {
      expect(daemon.process.exitCode).to.equal(null);
      expect(daemon.process.signalCode).to.equal(null);
      expect(new Set(daemon.output().match(/"pid":\d+/g))).to.deep.equal(new Set([`"pid":${daemon.process.pid}`]));
    }
  });
});
