import { Contract, type InterfaceAbi, Interface, keccak256, type Provider, Result } from "ethers";
import { artifactOf, type ModuleName, MODULES } from "../deploy.ts";

/** A value as JSON: bigints are decimal strings, structs are objects, lists are lists. */
export type Data = string | boolean | number | null | Data[] | { [name: string]: Data };

/** All that a deployment promises to be, read from a chain. */
export interface ChainState {
  /** keccak256 of each module's deployed code. */
  code: Record<string, string>;
  /** Every view without arguments that does not move by itself: immutables, constants, governed parameters. */
  settings: Record<string, Record<string, Data>>;
  /** The address book, by name. */
  wiring: Record<string, string>;
  models: Record<string, Data>;
  /** Members of each AccessManager role with their delay, and which role each function wants. */
  roles: { members: Record<string, Record<string, string>>; functions: Record<string, string> };
}

/**
 * Views that move as the network works, and so are no promise. Every other view without arguments is compared, also of a contract that
 * is added later: one that moves shows itself at the next comparison and is named here.
 */
const MOVING: Partial<Record<ModuleName, string[]>> = {
  COR: ["totalSupply", "clock"],
  NodePool: ["totals", "nodeCount", "leaseCount"],
  Session: ["sessionCount"],
  SessionPayment: ["liabilities", "totals"],
  OracleCommittee: ["leader"],
  Rewards: ["promised"],
  PoUW: ["nextOpenAt"],
  ImageRegistry: ["held"],
  Staking: ["owed"],
  Incentives: ["grantable", "sentToStaking"],
  Treasury: ["observations"],
  Runtime: ["modules"],
};
/** The same, by what names say wherever they stand. */
const MOVING_NAMES =
  /^(clock|total[A-Z]\w*|\w+Count|liabilities|totals|paused|pausedUntil|current\w*|now\w*|solvent|surplus|budget\w*|reserves?)$/;

/** Takes what ethers decodes to plain data. */
export function dataOf(value: unknown): Data {
  if (typeof value === "bigint") return `${value}`;
  if (value instanceof Result) {
    const names = value.length === 0 ? [] : Object.keys(value.toObject());
    const named = names.length === value.length && names.every((name) => name !== "_");
    return named ? Object.fromEntries(names.map((name) => [name, dataOf(value[name])])) : [...value].map(dataOf);
  }
  if (Array.isArray(value)) return value.map(dataOf);
  return value as string | boolean | null;
}

/** Names of the views of a module that are a promise. */
export function settingsOf(name: ModuleName, abi: InterfaceAbi): string[] {
  const names: string[] = [];
  new Interface(abi).forEachFunction((view) => {
    if (!view.constant || view.inputs.length > 0) return;
    if (MOVING[name]?.includes(view.name) === true || MOVING_NAMES.test(view.name)) return;
    names.push(view.name);
  });
  return names.sort();
}

/** Reads the state of the modules at `addresses`. Events are read from `fromBlock` on. */
export async function stateOf(provider: Provider, addresses: Record<string, string>, fromBlock: number): Promise<ChainState> {
  const code: ChainState["code"] = {};
  const settings: ChainState["settings"] = {};
  for (const name of MODULES) {
    const { abi } = artifactOf(name);
    const at = addresses[name]!;
    code[name] = keccak256(await provider.getCode(at));
    const contract = new Contract(at, abi, provider);
    const read = async (view: string): Promise<[string, Data]> => [
      view,
      await contract
        .getFunction(view)
        .staticCall()
        .then(dataOf, () => null),
    ];
    settings[name] = Object.fromEntries(await Promise.all(settingsOf(name, abi).map(read)));
  }
  const runtime = new Contract(addresses.Runtime!, artifactOf("Runtime").abi, provider);
  const [names, found] = (await runtime
    .getFunction("modules")
    .staticCall()
    .catch(() => [[], []])) as [string[], string[]];
  const wiring = Object.fromEntries(names.map((name, i) => [name, found[i]!]));
  return { code, settings, wiring, models: await modelsOf(provider, addresses), roles: await rolesOf(provider, addresses, fromBlock) };
}

async function modelsOf(provider: Provider, addresses: Record<string, string>): Promise<Record<string, Data>> {
  const registry = new Contract(addresses.ModelRegistry!, artifactOf("ModelRegistry").abi, provider);
  const ids = (await registry
    .getFunction("models")
    .staticCall(0, 10_000)
    .catch(() => [])) as string[];
  const read = async (id: string): Promise<[string, Data]> => [id, dataOf(await registry.getFunction("modelOf").staticCall(id))];
  return Object.fromEntries(await Promise.all([...ids].map(read)));
}

/** Replays the AccessManager's events: the contract itself has no list of members. */
export async function rolesOf(provider: Provider, addresses: Record<string, string>, fromBlock: number): Promise<ChainState["roles"]> {
  const manager = new Interface(artifactOf("AccessManager").abi);
  const logs = await provider.getLogs({ address: addresses.AccessManager!, fromBlock, toBlock: "latest" });
  const members: Record<string, Record<string, string>> = {};
  const functions: Record<string, string> = {};
  const nameOf = new Map(Object.entries(addresses).map(([name, at]) => [at.toLowerCase(), name]));
  for (const log of logs) {
    const event = manager.parseLog(log);
    const [role, second, third] = (event?.args ?? []) as unknown as [unknown, unknown, unknown];
    if (event?.name === "RoleGranted")
      (members[String(role)] ??= {})[nameOf.get(String(second).toLowerCase()) ?? String(second)] = String(third);
    if (event?.name === "RoleRevoked") delete members[String(role)]?.[nameOf.get(String(second).toLowerCase()) ?? String(second)];
    if (event?.name === "TargetFunctionRoleUpdated") {
      const target = nameOf.get(String(role).toLowerCase()) ?? String(role);
      functions[`${target}.${selectorName(target, String(second))}`] = String(third);
    }
  }
  return { members, functions };
}

function selectorName(target: string, selector: string): string {
  if (!(MODULES as string[]).includes(target)) return selector;
  return new Interface(artifactOf(target as ModuleName).abi).getFunction(selector)?.name ?? selector;
}

/** One place where two states differ, by its path: `NodePool.parameters.minStake`. */
export interface Difference {
  what: string;
  found: Data | undefined;
  wanted: Data | undefined;
}

/** Every leaf in which `found` differs from `wanted`. */
export function differences(found: Data | undefined, wanted: Data | undefined, what = ""): Difference[] {
  if (isRecord(found) && isRecord(wanted)) {
    const names = [...new Set([...Object.keys(wanted), ...Object.keys(found)])];
    return names.flatMap((name) => differences(found[name], wanted[name], what === "" ? name : `${what}.${name}`));
  }
  return JSON.stringify(found) === JSON.stringify(wanted) ? [] : [{ what, found, wanted }];
}

const isRecord = (value: Data | undefined): value is { [name: string]: Data } =>
  value !== null && typeof value === "object" && !Array.isArray(value);
