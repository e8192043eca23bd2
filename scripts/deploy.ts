import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Contract, ContractFactory, getCreateAddress, type InterfaceAbi, type Signer } from "ethers";
import type { NetworkParameters } from "./parameters.ts";

/** Names of all modules, in deployment order. */
export const MODULES = [
  "AccessManager",
  "COR",
  "ModelRegistry",
  "BlockRandomness",
  "NodePool",
  "SessionPayment",
  "Reputation",
  "Judge",
  "Validation",
  "SessionQueue",
  "Session",
  "Liveness",
  "OracleCommittee",
  "Rewards",
  "Referee",
  "PoUW",
  "Runtime",
] as const;
export type ModuleName = (typeof MODULES)[number];
export type Addresses = Record<ModuleName, string>;

/** What a deployment leaves behind; see deployments/README.md. */
export interface DeploymentRecord {
  network: string;
  chainId: number;
  /** Block before the first contract: where an event cursor starts. */
  blockNumber: number;
  addresses: Addresses;
}

const SOURCES: Record<ModuleName, string> = {
  AccessManager: "@openzeppelin/contracts/access/manager/AccessManager.sol",
  COR: "contracts/economy/COR.sol",
  ModelRegistry: "contracts/identity/ModelRegistry.sol",
  BlockRandomness: "contracts/randomness/BlockRandomness.sol",
  NodePool: "contracts/identity/NodePool.sol",
  SessionPayment: "contracts/service/SessionPayment.sol",
  Reputation: "contracts/assurance/Reputation.sol",
  Judge: "contracts/assurance/Judge.sol",
  Validation: "contracts/assurance/Validation.sol",
  SessionQueue: "contracts/service/SessionQueue.sol",
  Session: "contracts/service/Session.sol",
  Liveness: "contracts/identity/Liveness.sol",
  OracleCommittee: "contracts/assurance/OracleCommittee.sol",
  Rewards: "contracts/economy/Rewards.sol",
  Referee: "contracts/assurance/Referee.sol",
  PoUW: "contracts/assurance/PoUW.sol",
  Runtime: "contracts/identity/Runtime.sol",
};

/** ABI and bytecode of a module, from the build. */
export function artifactOf(name: ModuleName): { abi: InterfaceAbi; bytecode: string } {
  const file = new URL(`../artifacts/${SOURCES[name]}/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as { abi: InterfaceAbi; bytecode: string };
}

/**
 * Deploys and wires everything with one account, which becomes admin of the AccessManager, holder of the COR supply and treasury.
 * Contracts name each other by immutables, so addresses are computed ahead from the account's nonce: it must send nothing else meanwhile.
 * @param onStep told the name of each step before it is sent
 */
export async function deploy(
  signer: Signer,
  network: string,
  parameters: NetworkParameters,
  onStep: (name: string) => void = () => {},
): Promise<DeploymentRecord> {
  const provider = signer.provider;
  if (provider === null) throw new Error("deploy: the signer has no provider");
  const from = await signer.getAddress();
  const { chainId } = await provider.getNetwork();
  const blockNumber = await provider.getBlockNumber();
  let nonce = await provider.getTransactionCount(from, "latest");
  const ahead = Object.fromEntries(MODULES.map((name, i) => [name, getCreateAddress({ from, nonce: nonce + i })])) as Addresses;
  const { session, seedDelay, minWindow, pool, network: work } = parameters;
  const args: Record<ModuleName, unknown[]> = {
    AccessManager: [from],
    COR: [from],
    ModelRegistry: [ahead.AccessManager],
    BlockRandomness: [],
    NodePool: [
      ahead.AccessManager,
      {
        token: ahead.COR,
        models: ahead.ModelRegistry,
        session: ahead.Session,
        queue: ahead.SessionQueue,
        validation: ahead.Validation,
        scores: ahead.SessionPayment,
        pouw: ahead.PoUW,
        liveness: ahead.Liveness,
      },
      pool,
    ],
    SessionPayment: [ahead.COR, ahead.NodePool, ahead.Session, ahead.SessionQueue, from, ahead.Validation],
    Reputation: [ahead.SessionPayment, ahead.PoUW],
    Judge: [],
    Validation: [ahead.SessionQueue, ahead.Session, ahead.NodePool, ahead.SessionPayment, ahead.BlockRandomness, seedDelay],
    SessionQueue: [ahead.Session, ahead.SessionPayment, ahead.NodePool, ahead.BlockRandomness, ahead.Validation, ahead.Judge, seedDelay],
    Session: [
      ahead.AccessManager,
      ahead.SessionQueue,
      ahead.SessionPayment,
      ahead.NodePool,
      ahead.ModelRegistry,
      ahead.BlockRandomness,
      seedDelay,
      minWindow,
      session,
    ],
    Liveness: [ahead.NodePool, work.livenessWindow],
    OracleCommittee: [ahead.AccessManager, ahead.PoUW, work.oracleGrace, work.oracles],
    Rewards: [
      ahead.AccessManager,
      ahead.COR,
      ahead.NodePool,
      ahead.SessionPayment,
      ahead.Liveness,
      ahead.PoUW,
      work.epoch,
      work.livenessWindow,
      work.rewards,
    ],
    Referee: [ahead.NodePool, ahead.Reputation],
    PoUW: [
      ahead.AccessManager,
      {
        token: ahead.COR,
        pool: ahead.NodePool,
        models: ahead.ModelRegistry,
        randomness: ahead.BlockRandomness,
        reputation: ahead.Reputation,
        rewards: ahead.Rewards,
        oracles: ahead.OracleCommittee,
        referee: ahead.Referee,
        seedDelay,
      },
      work.rounds,
      [work.liveness.rules, work.capability.rules],
      [work.liveness.template, work.capability.template],
    ],
    Runtime: [ahead.AccessManager],
  };
  for (const name of MODULES) {
    onStep(name);
    const { abi, bytecode } = artifactOf(name);
    const contract = await new ContractFactory(abi, bytecode, signer).deploy(...args[name], { nonce: nonce++ });
    await contract.waitForDeployment();
    const found = await contract.getAddress();
    if (found !== ahead[name])
      throw new Error(`deploy: ${name} is at ${found}, wanted ${ahead[name]}: the account sent something else meanwhile`);
  }
  onStep("Runtime.setModules");
  const names = MODULES.filter((name) => name !== "Runtime");
  const runtime = new Contract(ahead.Runtime, artifactOf("Runtime").abi, signer);
  await (
    await runtime.getFunction("setModules").send(
      names,
      names.map((name) => ahead[name]),
      { nonce: nonce++ },
    )
  ).wait();
  const models = new Contract(ahead.ModelRegistry, artifactOf("ModelRegistry").abi, signer);
  for (const { id, ...model } of parameters.models) {
    onStep(`ModelRegistry.register ${model.name}`);
    const sent = await models.getFunction("register").send(id, { ...model, registeredAt: 0, deprecatedAt: 0 }, { nonce: nonce++ });
    await sent.wait();
  }
  return { network, chainId: Number(chainId), blockNumber, addresses: ahead };
}

/** Writes a record where programs look for it. */
export function writeRecord(file: string, record: DeploymentRecord): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`);
}
