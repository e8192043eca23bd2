import { Contract, type ContractRunner } from "ethers";
import { interfaces, MODULE_NAMES, type ModuleName } from "../offchain/chain/abis.ts";
import type { Addresses } from "../offchain/chain/deployment.ts";
import type {
  AccessManager,
  Allowance,
  BlockRandomness,
  COR,
  CorGovernor,
  ImageRegistry,
  Incentives,
  Judge,
  Liveness,
  ModelRegistry,
  NodePool,
  OracleCommittee,
  PoUW,
  Referee,
  Reputation,
  Rewards,
  RestrictedList,
  Runtime,
  Session,
  SessionPayment,
  SessionQueue,
  Staking,
  TimelockController,
  Treasury,
  Validation,
} from "../types/ethers-contracts/index.ts";

interface TypedModules {
  AccessManager: AccessManager;
  Allowance: Allowance;
  BlockRandomness: BlockRandomness;
  COR: COR;
  CorGovernor: CorGovernor;
  ImageRegistry: ImageRegistry;
  Incentives: Incentives;
  Judge: Judge;
  Liveness: Liveness;
  ModelRegistry: ModelRegistry;
  NodePool: NodePool;
  OracleCommittee: OracleCommittee;
  PoUW: PoUW;
  Referee: Referee;
  Reputation: Reputation;
  Rewards: Rewards;
  RestrictedList: RestrictedList;
  Runtime: Runtime;
  Session: Session;
  SessionPayment: SessionPayment;
  SessionQueue: SessionQueue;
  Staking: Staking;
  TimelockController: TimelockController;
  Treasury: Treasury;
  Validation: Validation;
}

/** Every module with the types of its ABI, for reads that offchain/chain/views.ts does not have. */
export type Contracts = { readonly [Name in ModuleName]: TypedModules[Name] };

/** The modules at a deployment's addresses. */
export function contractsAt(addresses: Addresses, runner: ContractRunner): Contracts {
  return Object.fromEntries(
    MODULE_NAMES.map((name) => [name, new Contract(addresses[name], interfaces[name], runner)]),
  ) as unknown as Contracts;
}
