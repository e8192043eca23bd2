import { Interface, type JsonFragment } from "ethers";
import COR from "../../../artifacts/contracts/economy/COR.sol/COR.json";
import ModelRegistry from "../../../artifacts/contracts/identity/ModelRegistry.sol/ModelRegistry.json";
import NodePool from "../../../artifacts/contracts/identity/NodePool.sol/NodePool.json";
import Validation from "../../../artifacts/contracts/assurance/Validation.sol/Validation.json";
import Session from "../../../artifacts/contracts/service/Session.sol/Session.json";
import SessionPayment from "../../../artifacts/contracts/service/SessionPayment.sol/SessionPayment.json";
import SessionQueue from "../../../artifacts/contracts/service/SessionQueue.sol/SessionQueue.json";

/** What offchain/chain/abis.ts is to programs, for the contracts that a browser talks to. */
const abis: Record<string, JsonFragment[]> = Object.fromEntries(
  Object.entries({ COR, ModelRegistry, NodePool, Validation, Session, SessionPayment, SessionQueue }).map(([name, { abi }]) => [
    name,
    abi as JsonFragment[],
  ]),
);

export type ModuleName = string;
export const MODULE_NAMES = Object.keys(abis);

export const interfaces = Object.fromEntries(MODULE_NAMES.map((name) => [name, new Interface(abis[name]!)])) as Record<string, Interface>;

const errors = new Map(
  Object.values(abis)
    .flat()
    .filter(({ type }) => type === "error")
    .map((fragment) => [`${fragment.name}(${fragment.inputs?.map(({ type }) => type).join(",")})`, fragment]),
);
export const errorsInterface = new Interface([...errors.values()]);
