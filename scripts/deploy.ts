import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Contract, ContractFactory, getCreateAddress, Interface, type InterfaceAbi, type Signer, ZeroAddress } from "ethers";
import { unsafeChain } from "./chains.ts";
import { INCENTIVES } from "./economy.ts";
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
  "ImageRegistry",
  "RestrictedList",
  "Staking",
  "Incentives",
  "Allowance",
  "Treasury",
  "TimelockController",
  "CorGovernor",
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
  ImageRegistry: "contracts/identity/ImageRegistry.sol",
  RestrictedList: "contracts/economy/RestrictedList.sol",
  Staking: "contracts/economy/Staking.sol",
  Incentives: "contracts/economy/Incentives.sol",
  Allowance: "contracts/economy/Allowance.sol",
  Treasury: "contracts/economy/Treasury.sol",
  TimelockController: "@openzeppelin/contracts/governance/TimelockController.sol",
  CorGovernor: "contracts/governance/CorGovernor.sol",
  Runtime: "contracts/identity/Runtime.sol",
};

/** Role of the `AccessManager` that may pause new work; 0 administers. */
export const GUARDIAN_ROLE = 1n;
const ADMIN_ROLE = 0n;
/** Modules whose new work a guardian can hold back. */
export const PAUSABLE = ["NodePool", "Session", "Staking"] as const satisfies readonly ModuleName[];

/** A call that wires the modules after all of them are there. */
interface Wiring {
  step: string;
  module: ModuleName;
  method: string;
  args: unknown[];
}

/** ABI and bytecode of a module, from the build. */
export function artifactOf(name: ModuleName): { abi: InterfaceAbi; bytecode: string } {
  const file = new URL(`../artifacts/${SOURCES[name]}/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as { abi: InterfaceAbi; bytecode: string };
}

/**
 * Deploys and wires everything with one account, which holds the COR that is not allotted. The timelock becomes administrator of the
 * AccessManager; the account stays one beside it only where the parameters say so.
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
  const unsafe = unsafeChain(chainId);
  if (unsafe !== undefined)
    throw new Error(
      `deploy: found chain ${chainId} (${unsafe.name}), wanted one whose block hashes are random: ${unsafe.reason}; use OracleRandomness`,
    );
  const blockNumber = await provider.getBlockNumber();
  let nonce = await provider.getTransactionCount(from, "latest");
  const ahead = Object.fromEntries(MODULES.map((name, i) => [name, getCreateAddress({ from, nonce: nonce + i })])) as Addresses;
  const { session, seedDelay, minWindow, pool, images, staking, allowanceRate, treasury, governance } = parameters;
  const startsAt = staking.startsAt ?? (await provider.getBlock(blockNumber))!.timestamp;
  const args: Record<ModuleName, unknown[]> = {
    AccessManager: [from],
    COR: [from],
    ModelRegistry: [ahead.AccessManager],
    BlockRandomness: [],
    NodePool: [
      ahead.AccessManager,
      ahead.COR,
      ahead.ModelRegistry,
      ahead.Session,
      ahead.SessionQueue,
      ahead.Validation,
      ahead.SessionPayment,
      pool,
    ],
    SessionPayment: [ahead.COR, ahead.NodePool, ahead.Session, ahead.SessionQueue, ahead.Treasury, ahead.Validation],
    Reputation: [ahead.SessionPayment],
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
    ImageRegistry: [ahead.AccessManager, ahead.COR, ahead.NodePool, images.bond, images.delay],
    RestrictedList: [ahead.AccessManager],
    Staking: [ahead.AccessManager, ahead.COR, ahead.RestrictedList, startsAt],
    Incentives: [ahead.AccessManager, ahead.COR, ahead.Staking],
    Allowance: [ahead.AccessManager, ahead.COR, ahead.Staking, ahead.Session, ahead.SessionPayment, ahead.RestrictedList, allowanceRate],
    Treasury: [
      ahead.AccessManager,
      ahead.COR,
      treasury.quote,
      treasury.router,
      ahead.SessionPayment,
      ahead.RestrictedList,
      treasury.slippageBps,
    ],
    TimelockController: [governance.timelockDelay, [ahead.CorGovernor], [ZeroAddress], ZeroAddress],
    CorGovernor: [ahead.COR, ahead.TimelockController, governance.votes],
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
  for (const { step, module, method, args } of wiring(from, ahead, parameters)) {
    onStep(step);
    const contract = new Contract(ahead[module], artifactOf(module).abi, signer);
    await (await contract.getFunction(method).send(...args, { nonce: nonce++ })).wait();
  }
  return { network, chainId: Number(chainId), blockNumber, addresses: ahead };
}

/** What is called once all modules are there, in this order. The account that deployed gives its office up last. */
function wiring(from: string, addresses: Addresses, { models, governance, guardian }: NetworkParameters): Wiring[] {
  const names = MODULES.filter((name) => name !== "Runtime");
  const access = (method: string, ...args: unknown[]): Wiring => ({
    step: `AccessManager.${method}`,
    module: "AccessManager",
    method,
    args,
  });
  const pause = new Interface(["function pause(uint40)"]).getFunction("pause")!.selector;
  return [
    { step: "Runtime.setModules", module: "Runtime", method: "setModules", args: [names, names.map((name) => addresses[name])] },
    ...models.map(({ id, ...model }) => ({
      step: `ModelRegistry.register ${model.name}`,
      module: "ModelRegistry" as const,
      method: "register",
      args: [id, { ...model, registeredAt: 0, deprecatedAt: 0 }],
    })),
    { step: "COR.transfer to Incentives", module: "COR", method: "transfer", args: [addresses.Incentives, INCENTIVES] },
    { step: "Incentives.fundStaking", module: "Incentives", method: "fundStaking", args: [] },
    ...PAUSABLE.map((name) => access("setTargetFunctionRole", addresses[name], [pause], GUARDIAN_ROLE)),
    access("grantRole", GUARDIAN_ROLE, guardian ?? from, 0),
    access("grantRole", ADMIN_ROLE, addresses.TimelockController, 0),
    ...(governance.deployerStays ? [] : [access("renounceRole", ADMIN_ROLE, from)]),
  ];
}

/** Writes a record where programs look for it. */
export function writeRecord(file: string, record: DeploymentRecord): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(record, null, 2)}\n`);
}
