import { Contract, type ContractRunner } from "ethers";
import { interfaces, MODULE_NAMES, type ModuleName } from "../offchain/chain/abis.ts";
import type { Addresses } from "../offchain/chain/deployment.ts";
import type {
  AccessManager,
  BlockRandomness,
  COR,
  Judge,
  Liveness,
  ModelRegistry,
  NodePool,
  OracleCommittee,
  PoUW,
  Referee,
  Reputation,
  Rewards,
  Runtime,
  Session,
  SessionPayment,
  SessionQueue,
  Validation,
} from "../types/ethers-contracts/index.ts";

interface TypedModules {
  AccessManager: AccessManager;
  BlockRandomness: BlockRandomness;
  COR: COR;
  Judge: Judge;
  Liveness: Liveness;
  ModelRegistry: ModelRegistry;
  NodePool: NodePool;
  OracleCommittee: OracleCommittee;
  PoUW: PoUW;
  Referee: Referee;
  Reputation: Reputation;
  Rewards: Rewards;
  Runtime: Runtime;
  Session: Session;
  SessionPayment: SessionPayment;
  SessionQueue: SessionQueue;
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
