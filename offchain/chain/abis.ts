import { Interface, type JsonFragment } from "ethers";

const SOURCES = {
  COR: "contracts/economy/COR.sol",
  ModelRegistry: "contracts/identity/ModelRegistry.sol",
  NodePool: "contracts/identity/NodePool.sol",
  Runtime: "contracts/identity/Runtime.sol",
  Reputation: "contracts/assurance/Reputation.sol",
  Judge: "contracts/assurance/Judge.sol",
  Validation: "contracts/assurance/Validation.sol",
  BlockRandomness: "contracts/randomness/BlockRandomness.sol",
  Session: "contracts/service/Session.sol",
  SessionPayment: "contracts/service/SessionPayment.sol",
  SessionQueue: "contracts/service/SessionQueue.sol",
  Liveness: "contracts/identity/Liveness.sol",
  OracleCommittee: "contracts/assurance/OracleCommittee.sol",
  Rewards: "contracts/economy/Rewards.sol",
  Referee: "contracts/assurance/Referee.sol",
  PoUW: "contracts/assurance/PoUW.sol",
  ImageRegistry: "contracts/identity/ImageRegistry.sol",
  RestrictedList: "contracts/economy/RestrictedList.sol",
  Staking: "contracts/economy/Staking.sol",
  Incentives: "contracts/economy/Incentives.sol",
  Allowance: "contracts/economy/Allowance.sol",
  Treasury: "contracts/economy/Treasury.sol",
  CorGovernor: "contracts/governance/CorGovernor.sol",
  TimelockController: "@openzeppelin/contracts/governance/TimelockController.sol",
  AccessManager: "@openzeppelin/contracts/access/manager/AccessManager.sol",
} as const;

/** A deployed contract's name. */
export type ModuleName = keyof typeof SOURCES;
export const MODULE_NAMES = Object.keys(SOURCES) as ModuleName[];

/** What a bundle holds instead of the build's files: bundlers replace this name (`define`) by the ABIs of all modules. */
declare const CORROBORATE_ABIS: Record<ModuleName, JsonFragment[]>;
const bundled = typeof CORROBORATE_ABIS === "undefined" ? undefined : CORROBORATE_ABIS;

function abiOf(name: ModuleName): JsonFragment[] {
  if (bundled !== undefined) return bundled[name];
  // Asked for at run time, so that a browser's bundle has no import that only Node.js could serve.
  const { readFileSync } = process.getBuiltinModule("node:fs");
  const here = import.meta.url;
  const file = new URL(`../../artifacts/${SOURCES[name]}/${name}.json`, here);
  try {
    return (JSON.parse(readFileSync(file, "utf8")) as { abi: JsonFragment[] }).abi;
  } catch (error) {
    throw new Error(`found no readable ABI of ${name} in artifacts/, wanted the built contracts; run npx hardhat build`, { cause: error });
  }
}

/** Every module's ABI, from the build. */
export const abis = Object.fromEntries(MODULE_NAMES.map((name) => [name, abiOf(name)])) as Record<ModuleName, JsonFragment[]>;

/** The interface of every module, from the build. */
export const interfaces = Object.fromEntries(MODULE_NAMES.map((name) => [name, new Interface(abis[name])])) as Record<
  ModuleName,
  Interface
>;

/** Every custom error of every module, for decoding reverts that come up through several contracts. */
export const errorsInterface = new Interface(
  Object.values(
    Object.fromEntries(
      MODULE_NAMES.flatMap((name) => abis[name])
        .filter(({ type }) => type === "error")
        .map((fragment) => [`${fragment.name}(${fragment.inputs?.map(({ type }) => type).join(",")})`, fragment]),
    ),
  ),
);
