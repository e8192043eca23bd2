import { mkdirSync, rmSync } from "node:fs";
import path from "node:path";
import { JsonRpcProvider, parseEther } from "ethers";
import { deploy, type DeploymentRecord, writeRecord } from "../deploy.ts";
import { localParameters, type NetworkParameters, templateDigest } from "../parameters.ts";
import { account, ACCOUNTS } from "./accounts.ts";
import { freePort, type Program, ROOT, startProgram, untilReady } from "./processes.ts";
import { contractOf } from "./setUp.ts";

/** What may be set about a network of rounds. */
export interface RoundsOptions {
  /** Folder for state and logs; emptied first. */
  folder: string;
  nodes: number;
  /** So many of the nodes, the first ones, are on the oracle committee. */
  oracles: number;
  /** Length of an epoch, seconds. */
  epoch: number;
  rpcPort: number;
  /** Changes to the parameters, for tests. */
  adjust?: (parameters: NetworkParameters) => void;
  onStage?: (text: string) => void;
  signal?: AbortSignal;
}

/** A chain and nodes that work for the network alone. */
export interface RoundsNetwork {
  provider: JsonRpcProvider;
  rpc: string;
  record: DeploymentRecord;
  /** File of the record. */
  deployment: string;
  parameters: NetworkParameters;
  model: string;
  nodeUrls: string[];
  nodes: Program[];
  chain: Program;
  /** Starts a node's process again, as a service manager would. */
  restart(node: number): Program;
  stop(): Promise<void>;
}

/** Windows short enough to watch, long enough for seven models on a busy laptop. */
export function roundsParameters({ nodes, oracles, epoch }: Pick<RoundsOptions, "nodes" | "oracles" | "epoch">): NetworkParameters {
  const parameters = localParameters();
  const { network } = parameters;
  const windows = { drawWindow: 30, claimWindow: 20, createWindow: 60, prepareWindow: 60, commitWindow: 90, revealWindow: 60 };
  network.oracles = Array.from({ length: Math.min(oracles, nodes) }, (_, i) => account(ACCOUNTS.firstOperator + i).address);
  network.oracleGrace = 6;
  network.livenessWindow = 30;
  network.epoch = epoch;
  // Every node has a part in a round of the second kind, so one runs at a time.
  network.rounds = { interval: 3, most: 1, bounty: parseEther("0.001") };
  const rules = { ...network.liveness.rules, ...windows, passesUp: 1, scoreWindow: 120 };
  network.liveness = { rules: { ...rules, validators: 0 }, template: templateDigest("toy-liveness") };
  network.capability = {
    rules: { ...rules, validators: nodes >= 7 ? 2 : 0, maxTokens: 160, speed: 250 },
    template: templateDigest("toy-capability"),
  };
  return parameters;
}

/** Starts chain, contracts and nodes, with an epoch that has just begun. Whatever fails, nothing is left running. */
export async function startRoundsNetwork(options: RoundsOptions): Promise<RoundsNetwork> {
  const { folder, nodes: count, onStage = () => {}, signal } = options;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const rpcPort = await freePort(options.rpcPort);
  const ports: number[] = [];
  for (let i = 0; i < count; i++) ports.push(await freePort((ports.at(-1) ?? rpcPort) + 1));
  const rpc = `http://127.0.0.1:${rpcPort}`;
  const nodeUrls = ports.map((port) => `http://127.0.0.1:${port}`);
  const provider = new JsonRpcProvider(rpc, 31_337, { staticNetwork: true, cacheTimeout: -1, pollingInterval: 100 });
  const hardhat = path.join(ROOT, "node_modules/hardhat/dist/src/cli.js");
  const chainArgs = [hardhat, "node", "--hostname", "127.0.0.1", "--port", String(rpcPort)];
  const nodes: Program[] = [];
  const chain = startProgram("the chain", chainArgs, path.join(folder, "chain.log"));
  const stop = async () => {
    await Promise.all(nodes.map(async (node) => await node.stop(20_000)));
    provider.destroy();
    await chain.stop(5_000);
  };
  try {
    await untilReady(chain, async () => (await provider.send("eth_chainId", [])) === "0x7a69");
    signal?.throwIfAborted();
    onStage(`chain 31337 at ${rpc}`);
    const parameters = roundsParameters(options);
    options.adjust?.(parameters);
    const { record, model } = await setUpRounds(provider, parameters, nodeUrls);
    const deployment = path.join(folder, "deployment.json");
    writeRecord(deployment, record);
    onStage(`${Object.keys(record.addresses).length} contracts deployed, ${count} nodes registered, ${options.oracles} of them oracles`);
    signal?.throwIfAborted();
    const now = (await provider.getBlock("latest"))!.timestamp;
    await provider.send("evm_increaseTime", [options.epoch - (now % options.epoch)]);
    // A block a second and no other: the chain's clock goes as fast as people's.
    await provider.send("evm_setAutomine", [false]);
    await provider.send("evm_setIntervalMining", [1_000]);
    const start = (i: number, log: string): Program => {
      const args = ["offchain/node/cli.ts", "start", "--rpc", rpc, "--chain-id", "31337", "--deployment", deployment];
      args.push("--models-dir", "models", "--model", model, "--key", account(ACCOUNTS.firstOperator + i).privateKey);
      // Every node may stand in for the oracles; only those on the committee lead.
      args.push("--poll-ms", "400");
      args.push("--data", path.join(folder, `node-${i + 1}`), "--listen", `127.0.0.1:${ports[i]}`);
      return startProgram(`node ${i + 1}`, args, path.join(folder, log));
    };
    for (let i = 0; i < count; i++) nodes.push(start(i, `node-${i + 1}.log`));
    const healthy = (url: string) => async () => (await fetch(`${url}/healthz`)).ok;
    await Promise.all(nodes.map(async (node, i) => await untilReady(node, healthy(nodeUrls[i]!), 240_000)));
    onStage(`${count} nodes run`);
    signal?.throwIfAborted();
    const restart = (node: number): Program => (nodes[node - 1] = start(node - 1, `node-${node}.again.log`));
    return { provider, rpc, record, deployment, parameters, model, nodeUrls, nodes, chain, restart, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Deploys, registers the nodes (owner and operator apart), and gives rewards and bounties their money. */
async function setUpRounds(
  provider: JsonRpcProvider,
  parameters: NetworkParameters,
  nodeUrls: string[],
): Promise<{ record: DeploymentRecord; model: string }> {
  const deployer = account(ACCOUNTS.deployer, provider);
  const record = await deploy(deployer, "rounds", parameters);
  const model = parameters.models.find(({ name }) => name === "toy-world-f16");
  if (model === undefined) throw new Error("models/registry.json does not list toy-world-f16, the model of the local network");
  const send = async (by: typeof deployer, name: Parameters<typeof contractOf>[1], method: string, ...args: unknown[]) =>
    await (
      await contractOf(record, name, by)
        .getFunction(method)
        .send(...args)
    ).wait();
  const { minStake } = parameters.pool;
  await send(deployer, "COR", "transfer", record.addresses.Rewards, parameters.network.rewards.budget * 1_000n);
  await send(deployer, "COR", "transfer", record.addresses.PoUW, parameters.network.rounds.bounty * 100_000n);
  for (const [i, url] of nodeUrls.entries()) {
    const owner = account(ACCOUNTS.firstOwner + i, provider);
    const operator = account(ACCOUNTS.firstOperator + i, provider);
    await send(deployer, "COR", "transfer", owner.address, minStake);
    await send(owner, "COR", "approve", record.addresses.NodePool, minStake);
    await send(owner, "NodePool", "register", operator.address, model.id, minStake, url);
    await send(operator, "NodePool", "acceptOperator", i + 1);
  }
  return { record, model: model.name };
}
