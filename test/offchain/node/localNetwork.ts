import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Contract, HDNodeWallet, id, parseEther, type Log } from "ethers";
import { interfaces, type ModuleName } from "../../../offchain/chain/abis.ts";
import { readDeployment, type Deployment } from "../../../offchain/chain/deployment.ts";
import { connect, type Endpoint } from "../../../offchain/chain/endpoint.ts";
import { createViews, type Views } from "../../../offchain/chain/views.ts";
import { digestOf } from "../../../offchain/content/contentId.ts";
import { AGREEMENT_ONLY } from "../../../offchain/protocol/assurance.ts";
import { encodePromptTokens } from "../../../offchain/protocol/answers.ts";
import { taskQueued } from "../../../offchain/protocol/events.ts";
import type { Manifest } from "../../../offchain/protocol/manifest.ts";
import { deploy, writeRecord } from "../../../scripts/deploy.ts";
import { localParameters, type NetworkParameters } from "../../../scripts/parameters.ts";
import { startHardhatNode, type HardhatNode } from "../chain/hardhatNode.ts";

const ROOT_KEY = HDNodeWallet.fromPhrase("test test test test test test test test test test test junk", "", "m/44'/60'/1'/0");
const SESSION = 1n;
/** Roles of a node, as `NodePool` has them. */
const MINER = 1;
const VALIDATOR = 2;
export const DEPLOYER = HDNodeWallet.fromPhrase(
  "test test test test test test test test test test test junk",
  "",
  "m/44'/60'/0'/0",
).deriveChild(0);

/** Contracts on a chain of its own, registered nodes, and a funded session with a lease. */
export interface LocalNetwork {
  chain: HardhatNode;
  endpoint: Endpoint;
  deployment: Deployment;
  deploymentFile: string;
  views: Views;
  folder: string;
  /** Private keys of the operators, node 1 first. */
  operators: HDNodeWallet[];
  send(module: ModuleName, method: string, args: unknown[], from?: HDNodeWallet): Promise<readonly Log[]>;
  submit(manifest: Uint8Array, promptTokens: number[], maxTokens: number): Promise<bigint>;
  stop(): Promise<void>;
}

export interface LocalNetworkOptions {
  nodes?: number;
  /** Nodes of the session's lease; default all. */
  leaseNodes?: number;
  redundancy?: number;
  commitWindow?: number;
  revealWindow?: number;
  /** Endpoint of the router, which is the deployer; without it nobody carries. */
  router?: string;
  /** So many nodes more, after the others, that judge and do not mine; all of them judge every task. */
  validators?: number;
  /** Seconds to commit verdicts, and to open them. */
  verdictWindow?: number;
  /** What it is deployed with. */
  parameters?: NetworkParameters;
}

/** Who routes where a session has a router. */
export const ROUTER = ROOT_KEY.deriveChild(1_000);

/** A manifest with one question, greedy. */
export function question(text: string, maxTokens = 32): Manifest {
  const sampling = {
    temperature: 0,
    topP: 1,
    topK: 0,
    seed: 0,
    maxTokens,
    stop: [],
    frequencyPenalty: 0,
    presencePenalty: 0,
    repeatPenalty: 1,
  };
  return { v: 1, service: "chat", prompts: [{ messages: [{ role: "user", content: text }] }], sampling };
}

export async function startLocalNetwork(options: LocalNetworkOptions = {}): Promise<LocalNetwork> {
  const { nodes = 1, leaseNodes = nodes, redundancy = 1, commitWindow = 60, revealWindow = 60, router } = options;
  const { validators = 0, verdictWindow = 60, parameters = localParameters() } = options;
  const folder = mkdtempSync(path.join(tmpdir(), "corroborate-node-"));
  const chain = await startHardhatNode();
  const endpoint = await connect({ url: chain.url });
  const deployer = DEPLOYER.connect(endpoint.provider);
  const deploymentFile = path.join(folder, "deployment.json");
  writeRecord(deploymentFile, await deploy(deployer, "test", parameters));
  const deployment = readDeployment(deploymentFile);
  const views = createViews(endpoint, deployment);
  const send: LocalNetwork["send"] = async (module, method, args, from = DEPLOYER) => {
    const contract = new Contract(deployment.addresses[module], interfaces[module], from.connect(endpoint.provider));
    const sent = await contract.getFunction(method).send(...args);
    return (await sent.wait())!.logs;
  };
  const operators: HDNodeWallet[] = [];
  const model = parameters.models[0]!.id;
  for (let node = 1; node <= nodes + validators; node++) {
    const operator = ROOT_KEY.deriveChild(node);
    await (await deployer.sendTransaction({ to: operator.address, value: parseEther("10") })).wait();
    await send("COR", "transfer", [operator.address, parameters.pool.minStake]);
    await send("COR", "approve", [deployment.addresses.NodePool, parameters.pool.minStake], operator);
    await send("NodePool", "register", [operator.address, model, parameters.pool.minStake, ""], operator);
    if (validators > 0) await send("NodePool", "setRoles", [node, node > nodes ? VALIDATOR : MINER], operator);
    operators.push(operator);
  }
  const quorum = Math.floor(redundancy / 2) + 1;
  const limits = {
    queueWindow: 60,
    commitWindow,
    revealWindow,
    maxPrompts: 64,
    maxPromptTokens: 256,
    maxTokens: 128,
    priceCeiling: parseEther("1"),
  };
  const windows = { verdictCommitWindow: verdictWindow, verdictRevealWindow: verdictWindow };
  const judged = validators === 0 ? AGREEMENT_ONLY : { ...AGREEMENT_ONLY, ...windows, validators, sampleBps: 10_000, bar: 2 };
  await send("Session", "open", [{ model, redundancy, quorum, leaseNodes, mode: 0, comparison: 1, ...judged, ...limits }]);
  await (await deployer.sendTransaction({ to: ROUTER.address, value: parseEther("10") })).wait();
  if (router !== undefined) await send("Session", "setRouter", [SESSION, ROUTER.address, true, router]);
  await send("COR", "approve", [deployment.addresses.SessionPayment, parseEther("1000000")]);
  await send("SessionPayment", "deposit", [SESSION, parseEther("100000")]);
  await send("Session", "reserve", [SESSION, 86_400, 0]);
  await chain.rpc("hardhat_mine", "0x3");
  await send("Session", "drawLease", [SESSION]);
  return {
    chain,
    endpoint,
    deployment,
    deploymentFile,
    views,
    folder,
    operators,
    send,
    submit: async (manifest, promptTokens, maxTokens) => {
      const request = {
        manifest: digestOf(manifest),
        promptTokens: encodePromptTokens(promptTokens),
        maxTokens,
        clientReference: id("test"),
      };
      const from = router === undefined ? DEPLOYER : ROUTER;
      const logs = await send("Session", "submit", [SESSION, request], from);
      const event = logs.map((log) => interfaces.SessionQueue.parseLog(log)).find((found) => found?.name === "TaskQueued");
      return taskQueued(event!.args).task;
    },
    stop: async () => {
      endpoint.close();
      await chain.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
