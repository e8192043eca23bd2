import { readFileSync } from "node:fs";
import { Contract, Interface, type InterfaceAbi } from "ethers";
import { type ModuleName, interfaces } from "../offchain/chain/abis.ts";
import { address, required } from "./arguments.ts";
import type { Context } from "./command.ts";
import { Refusal } from "./failure.ts";

/** Contracts that no deployment record names, since a network has none or many of them, by their sources. */
const SOURCES = { Anchor: "contracts/identity/Anchor.sol", Vesting: "contracts/economy/Vesting.sol" } as const;
export type BesideName = keyof typeof SOURCES;

/** A contract beside the deployment: an option says where it lies. */
export interface Beside {
  name: BesideName;
  address: string;
}

/** What a call goes to. */
export type Target = ModuleName | Beside;

interface Built {
  abi: InterfaceAbi;
  bytecode: string;
}

/** A contract's build. Throws where the contracts are not built. */
export function builtOf(name: BesideName): Built {
  return JSON.parse(readFileSync(new URL(`../artifacts/${SOURCES[name]}/${name}.json`, import.meta.url), "utf8")) as Built;
}

const known = new Map<BesideName, Interface>();

/** The ABI of a contract beside the deployment. */
export function besideInterface(name: BesideName): Interface {
  const found = known.get(name) ?? new Interface(builtOf(name).abi);
  known.set(name, found);
  return found;
}

export const targetName = (target: Target): string => (typeof target === "string" ? target : target.name);
export const targetAbi = (target: Target): Interface => (typeof target === "string" ? interfaces[target] : besideInterface(target.name));
export const targetAddress = ({ deployment }: Context, target: Target): string =>
  typeof target === "string" ? deployment.addresses[target] : target.address;

/**
 * The contract that an option names, once the chain has code there and `probe`, a view that only such a contract has, answers. Throws
 * Refusal.
 */
export async function besideMeant(context: Context, name: BesideName, text: string | undefined, probe: string) {
  const flag = `--${name.toLowerCase()}`;
  const at = address(required(text, flag, `the address of a ${name} contract`), flag);
  const contract = new Contract(at, besideInterface(name), context.endpoint.provider);
  try {
    await contract.getFunction(probe).staticCall();
  } catch (error) {
    if ((error as { code?: unknown }).code === "RpcUnreachable") throw error;
    throw new Refusal(
      `${name}Missing`,
      `found no ${name} at ${at} on chain ${context.endpoint.chainId}, wanted one; correct ${flag}, or give another --network`,
    );
  }
  const target: Beside = { name, address: at };
  return { target, contract };
}
