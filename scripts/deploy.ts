import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Contract, ContractFactory, getCreateAddress, id as hashOf, type InterfaceAbi, type Signer, ZeroAddress } from "ethers";
import { unsafeChain } from "./chains.ts";
import { INCENTIVES } from "./economy.ts";
import type { NetworkParameters } from "./parameters.ts";

/** What constructor arguments are made of. `at` knows every module's address before the first one is deployed. */
interface Site {
  at: Readonly<Record<string, string>>;
  parameters: NetworkParameters;
  deployer: string;
}

interface ModuleSpec {
  /** The source file, as the build names it. */
  source: string;
  args: (site: Site) => unknown[];
}

/**
 * Every module with its constructor arguments, in deployment order; bottom up where it can be. The deploying account holds the COR
 * that is not allotted, and administers until it hands over to the timelock.
 */
const SPECS = {
  AccessManager: { source: "@openzeppelin/contracts/access/manager/AccessManager.sol", args: ({ deployer }) => [deployer] },
  COR: { source: "contracts/economy/COR.sol", args: ({ deployer }) => [deployer] },
  ModelRegistry: { source: "contracts/identity/ModelRegistry.sol", args: ({ at }) => [at.AccessManager] },
  BlockRandomness: { source: "contracts/randomness/BlockRandomness.sol", args: () => [] },
  NodePool: {
    source: "contracts/identity/NodePool.sol",
    args: ({ at, parameters }) => [
      at.AccessManager,
      {
        token: at.COR,
        models: at.ModelRegistry,
        session: at.Session,
        queue: at.SessionQueue,
        validation: at.Validation,
        scores: at.SessionPayment,
        pouw: at.PoUW,
        liveness: at.Liveness,
      },
      parameters.pool,
    ],
  },
  SessionPayment: {
    source: "contracts/service/SessionPayment.sol",
    args: ({ at }) => [at.COR, at.NodePool, at.Session, at.SessionQueue, at.Treasury, at.Validation],
  },
  Reputation: { source: "contracts/assurance/Reputation.sol", args: ({ at }) => [at.SessionPayment, at.PoUW] },
  Judge: { source: "contracts/assurance/Judge.sol", args: () => [] },
  Validation: {
    source: "contracts/assurance/Validation.sol",
    args: ({ at, parameters }) => [at.SessionQueue, at.Session, at.NodePool, at.SessionPayment, at.BlockRandomness, parameters.seedDelay],
  },
  SessionQueue: {
    source: "contracts/service/SessionQueue.sol",
    args: ({ at, parameters }) => [
      at.Session,
      at.SessionPayment,
      at.NodePool,
      at.BlockRandomness,
      at.Validation,
      at.Judge,
      parameters.seedDelay,
    ],
  },
  Session: {
    source: "contracts/service/Session.sol",
    args: ({ at, parameters }) => [
      at.AccessManager,
      at.SessionQueue,
      at.SessionPayment,
      at.NodePool,
      at.ModelRegistry,
      at.BlockRandomness,
      parameters.seedDelay,
      parameters.minWindow,
      parameters.session,
    ],
  },
  Liveness: {
    source: "contracts/identity/Liveness.sol",
    args: ({ at, parameters }) => [at.NodePool, parameters.network.livenessWindow],
  },
  OracleCommittee: {
    source: "contracts/assurance/OracleCommittee.sol",
    args: ({ at, parameters: { network } }) => [at.AccessManager, at.PoUW, network.oracleGrace, network.oracles],
  },
  Rewards: {
    source: "contracts/economy/Rewards.sol",
    args: ({ at, parameters: { network } }) => [
      at.AccessManager,
      at.COR,
      at.NodePool,
      at.SessionPayment,
      at.Liveness,
      at.PoUW,
      network.epoch,
      network.livenessWindow,
      network.rewards,
    ],
  },
  Referee: { source: "contracts/assurance/Referee.sol", args: ({ at }) => [at.NodePool, at.Reputation] },
  PoUW: {
    source: "contracts/assurance/PoUW.sol",
    args: ({ at, parameters: { network, seedDelay } }) => [
      at.AccessManager,
      {
        token: at.COR,
        pool: at.NodePool,
        models: at.ModelRegistry,
        randomness: at.BlockRandomness,
        reputation: at.Reputation,
        rewards: at.Rewards,
        oracles: at.OracleCommittee,
        referee: at.Referee,
        seedDelay,
      },
      network.rounds,
      [network.liveness.rules, network.capability.rules],
      [network.liveness.template, network.capability.template],
    ],
  },
  ImageRegistry: {
    source: "contracts/identity/ImageRegistry.sol",
    args: ({ at, parameters: { images } }) => [at.AccessManager, at.COR, at.NodePool, images.bond, images.delay],
  },
  RestrictedList: { source: "contracts/economy/RestrictedList.sol", args: ({ at }) => [at.AccessManager] },
  Staking: {
    source: "contracts/economy/Staking.sol",
    args: ({ at, parameters }) => [at.AccessManager, at.COR, at.RestrictedList, parameters.staking.startsAt],
  },
  Incentives: { source: "contracts/economy/Incentives.sol", args: ({ at }) => [at.AccessManager, at.COR, at.Staking] },
  Allowance: {
    source: "contracts/economy/Allowance.sol",
    args: ({ at, parameters }) => [
      at.AccessManager,
      at.COR,
      at.Staking,
      at.Session,
      at.SessionPayment,
      at.RestrictedList,
      parameters.allowanceRate,
    ],
  },
  Treasury: {
    source: "contracts/economy/Treasury.sol",
    args: ({ at, parameters: { treasury } }) => [
      at.AccessManager,
      at.COR,
      treasury.quote,
      treasury.router,
      at.SessionPayment,
      at.RestrictedList,
      treasury.slippageBps,
    ],
  },
  TimelockController: {
    source: "@openzeppelin/contracts/governance/TimelockController.sol",
    args: ({ at, parameters }) => [parameters.governance.timelockDelay, [at.CorGovernor], [ZeroAddress], ZeroAddress],
  },
  CorGovernor: {
    source: "contracts/governance/CorGovernor.sol",
    args: ({ at, parameters }) => [at.COR, at.TimelockController, parameters.governance.votes],
  },
  Runtime: { source: "contracts/identity/Runtime.sol", args: ({ at }) => [at.AccessManager] },
} as const satisfies Record<string, ModuleSpec>;

export type ModuleName = keyof typeof SPECS;
export type Addresses = Record<ModuleName, string>;
/** Names of all modules, in deployment order. */
export const MODULES = Object.keys(SPECS) as ModuleName[];

/** Roles of the `AccessManager`: who administers, who may pause new work, and who admits nodes while the pool is not open. */
export const ADMIN_ROLE = 0n;
export const GUARDIAN_ROLE = 1n;
export const REGISTRAR_ROLE = 2n;
/** Modules whose new work a guardian can hold back. */
export const PAUSABLE = ["NodePool", "Session", "Staking"] as const satisfies readonly ModuleName[];
const selector = (signature: string) => hashOf(signature).slice(0, 10);
const PAUSE = selector("pause(uint40)");
const ADMIT = selector("admit(uint24,bool)");

/** One transaction of a deployment. `id` names it for people. */
export type Step = CreateStep | CallStep;
export interface CreateStep {
  kind: "create";
  id: ModuleName;
  args: unknown[];
  address: string;
}
export interface CallStep {
  kind: "call";
  id: string;
  module: ModuleName;
  method: string;
  args: unknown[];
}

/** What a deployment is: addresses known ahead and the transactions in their order, one per nonce. */
export interface Plan {
  addresses: Addresses;
  steps: Step[];
}

/** What a deployment leaves behind; see deployments/README.md. */
export interface DeploymentRecord {
  network: string;
  chainId: number;
  /** Block before the first contract: where an event cursor starts. */
  blockNumber: number;
  addresses: Addresses;
}

export interface Artifact {
  abi: InterfaceAbi;
  bytecode: string;
  deployedBytecode: string;
  /** Where the constructor wrote immutables into the deployed code: byte ranges by AST id. */
  immutableReferences?: Record<string, { start: number; length: number }[]>;
  inputSourceName: string;
}

/** A module's source file, as the build names it. */
export const sourceOf = (name: ModuleName): string => SPECS[name].source;

/** A module of the build. */
export function artifactOf(name: ModuleName): Artifact {
  const file = new URL(`../artifacts/${SPECS[name].source}/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as Artifact;
}

const call = (module: ModuleName, method: string, args: unknown[], about = ""): CallStep => ({
  kind: "call",
  id: `${module}.${method}${about === "" ? "" : ` ${about}`}`,
  module,
  method,
  args,
});

/** Creations of modules, whose addresses are known. */
const creations = (site: Site & { at: Addresses }, names: readonly ModuleName[]): CreateStep[] =>
  names.map((name) => ({ kind: "create", id: name, args: (SPECS[name] as ModuleSpec).args(site), address: site.at[name] }));

/** Writes modules into the address book. */
export const namedInRuntime = (at: Addresses, names: readonly ModuleName[]): CallStep =>
  call("Runtime", "setModules", [names, names.map((name) => at[name])]);

/** Gives the roles their functions: who pauses, who admits. */
export const functionRoles = (at: Addresses, names: readonly ModuleName[] = MODULES): CallStep[] => [
  ...PAUSABLE.filter((name) => names.includes(name)).map((name) =>
    call("AccessManager", "setTargetFunctionRole", [at[name], [PAUSE], GUARDIAN_ROLE], name),
  ),
  ...(names.includes("NodePool")
    ? [call("AccessManager", "setTargetFunctionRole", [at.NodePool, [ADMIT], REGISTRAR_ROLE], "registrar")]
    : []),
];

/** Registers the network's models. */
export const modelRegistrations = ({ models }: NetworkParameters): CallStep[] =>
  models.map(({ id, ...model }) => call("ModelRegistry", "register", [id, { ...model, registeredAt: 0, deprecatedAt: 0 }], model.name));

/** Modules that a module is told of when it is created. */
export function neededBy(name: ModuleName, parameters: NetworkParameters): Set<ModuleName> {
  const needed = new Set<ModuleName>();
  const at = new Proxy({}, { get: (_, asked) => (needed.add(asked as ModuleName), ZeroAddress) });
  (SPECS[name] as ModuleSpec).args({ at, parameters, deployer: ZeroAddress });
  return needed;
}

/**
 * The transactions of a deployment by `deployer`, whose next nonce is `nonce`. Contracts name each other by immutables, so addresses are
 * computed ahead from these nonces: the account must send nothing else until all are sent.
 */
export function planOf(deployer: string, nonce: number, parameters: NetworkParameters): Plan {
  const at = placesOf(MODULES, deployer, nonce) as Addresses;
  const { guardian, governance } = parameters;
  const names = MODULES.filter((name) => name !== "Runtime");
  const incentives = [call("COR", "transfer", [at.Incentives, INCENTIVES], "to Incentives"), call("Incentives", "fundStaking", [])];
  // The account that deploys gives its office up last.
  const roles = [
    ...functionRoles(at),
    call("AccessManager", "grantRole", [GUARDIAN_ROLE, guardian ?? deployer, 0], "guardian"),
    call("AccessManager", "grantRole", [REGISTRAR_ROLE, deployer, 0], "registrar"),
    call("AccessManager", "grantRole", [ADMIN_ROLE, at.TimelockController, 0], "timelock"),
    ...(governance.deployerStays ? [] : [call("AccessManager", "renounceRole", [ADMIN_ROLE, deployer])]),
  ];
  const created = creations({ at, parameters, deployer }, MODULES);
  return { addresses: at, steps: [...created, namedInRuntime(at, names), ...modelRegistrations(parameters), ...incentives, ...roles] };
}

/** The transactions that create `names` anew beside what lies at `at`. The same holds for their nonces. */
export function creationPlanOf(
  deployer: string,
  nonce: number,
  parameters: NetworkParameters,
  at: Addresses,
  names: readonly ModuleName[],
): Plan {
  const addresses = { ...at, ...placesOf(names, deployer, nonce) };
  return { addresses, steps: creations({ at: addresses, parameters, deployer }, names) };
}

/** Where modules come to lie that an account creates from this nonce on. */
export const placesOf = (names: readonly ModuleName[], from: string, nonce: number): Partial<Addresses> =>
  Object.fromEntries(names.map((name, i) => [name, getCreateAddress({ from, nonce: nonce + i })]));

/** Throws where seeds from block hashes are unsafe: the deployment would revert half way. */
export function refuseUnsafeChain(chainId: bigint): void {
  const unsafe = unsafeChain(chainId);
  if (unsafe === undefined) return;
  throw new Error(
    `found chain ${chainId} (${unsafe.name}), wanted one whose block hashes are random: ${unsafe.reason}; deploy with OracleRandomness there`,
  );
}

/**
 * Deploys and wires everything with one account, one transaction after the other: for chains that end with their process. Where a
 * deployment must survive an interruption, scripts/deployment/ignition.ts carries out the same plan.
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
  refuseUnsafeChain(chainId);
  const blockNumber = await provider.getBlockNumber();
  const nonce = await provider.getTransactionCount(from, "latest");
  const plan = planOf(from, nonce, parameters);
  await sendPlan(signer, plan, nonce, onStep);
  return { network, chainId: Number(chainId), blockNumber, addresses: plan.addresses };
}

/** Sends a plan's transactions with the nonces that it was made for. */
export async function sendPlan(signer: Signer, { addresses, steps }: Plan, nonce: number, onStep: (name: string) => void = () => {}) {
  for (const step of steps) {
    onStep(step.id);
    if (step.kind === "create") {
      const { abi, bytecode } = artifactOf(step.id);
      const contract = await new ContractFactory(abi, bytecode, signer).deploy(...step.args, { nonce: nonce++ });
      await contract.waitForDeployment();
      const found = await contract.getAddress();
      if (found !== step.address)
        throw new Error(`deploy: ${step.id} is at ${found}, wanted ${step.address}: the account sent something else meanwhile`);
    } else {
      const contract = new Contract(addresses[step.module], artifactOf(step.module).abi, signer);
      await (await contract.getFunction(step.method).send(...step.args, { nonce: nonce++ })).wait();
    }
  }
}

/** Writes a record where programs look for it: all of it or nothing, wherever the process ends. */
export function writeRecord(file: string, record: DeploymentRecord): void {
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(record, null, 2)}\n`);
  renameSync(`${file}.new`, file);
}
