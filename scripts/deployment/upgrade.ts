import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { Provider } from "ethers";
import {
  type Addresses,
  type CallStep,
  functionRoles,
  type ModuleName,
  modelRegistrations,
  MODULES,
  namedInRuntime,
  neededBy,
  type Plan,
} from "../deploy.ts";
import type { NetworkParameters } from "../parameters.ts";
import { stateOf } from "./chainState.ts";
import { type FullRecord, modulesOf } from "./record.ts";

/**
 * Modules that are not switched: they hold everybody's COR or rights, which a new one would not have. What governs changes them by their
 * own means, as a timelock hands its role on.
 */
export const KEPT: readonly ModuleName[] = [
  "AccessManager",
  "COR",
  "Staking",
  "Incentives",
  "TimelockController",
  "CorGovernor",
  "Runtime",
];

/** A module cannot be switched as asked: the message says what was found, what was wanted, what to do. */
export class UpgradeRefused extends Error {
  override readonly name = "UpgradeRefused";
  readonly code = "UpgradeRefused";
}

/**
 * The modules that must be created anew with `module`, itself among them, in deployment order: contracts know each other by immutables, so
 * whoever was told of the old one goes along. Throws UpgradeRefused.
 */
export function createdWith(module: string, parameters: NetworkParameters): ModuleName[] {
  const open = MODULES.filter((name) => !KEPT.includes(name));
  if (!(open as string[]).includes(module))
    throw new UpgradeRefused(`found ${JSON.stringify(module)}, wanted a module that can be switched: one of ${open.join(", ")}`);
  const found = new Set<ModuleName>([module as ModuleName]);
  for (let before = 0; before < found.size;) {
    before = found.size;
    for (const name of MODULES) if ([...neededBy(name, parameters)].some((needed) => found.has(needed))) found.add(name);
  }
  const kept = KEPT.filter((name) => found.has(name));
  if (kept.length > 0)
    throw new UpgradeRefused(`found ${kept.join(", ")} to know ${module} by its address, wanted none of these to; it cannot be switched`);
  return MODULES.filter((name) => found.has(name));
}

/** What governance calls to switch: roles and models for the new contracts, and at last the address book, which programs follow. */
export const switchCalls = (at: Addresses, names: readonly ModuleName[], parameters: NetworkParameters): CallStep[] => [
  ...functionRoles(at, names),
  ...(names.includes("ModelRegistry") ? modelRegistrations(parameters) : []),
  namedInRuntime(at, names),
];

/** Contracts that lie beside those of a record until `Runtime` names them. */
export interface Upgrade {
  module: string;
  names: ModuleName[];
  /** The record as it will be, but for its state. */
  record: FullRecord;
}

/** Where an upgrade waits for its vote. */
export const upgradeFile = (deploymentFile: string): string => path.join(path.dirname(deploymentFile), "upgrade.json");

export const readUpgrade = (deploymentFile: string): Upgrade => {
  const file = upgradeFile(deploymentFile);
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Upgrade;
  } catch (error) {
    throw new UpgradeRefused(`found no upgrade in ${file} (${(error as Error).message}), wanted one; run upgrade deploy first`);
  }
};

/** Notes what was created for an upgrade. `transactions` by step id. */
export async function noteUpgrade(
  provider: Provider,
  file: string,
  { record, module }: { record: FullRecord; module: string },
  plan: Plan,
  transactions: Map<string, string>,
): Promise<Upgrade> {
  const { modules } = await modulesOf(provider, plan, transactions);
  const names = Object.keys(modules) as ModuleName[];
  const upgrade: Upgrade = { module, names, record: { ...record, addresses: plan.addresses, modules: { ...record.modules, ...modules } } };
  writeFileSync(upgradeFile(file), `${JSON.stringify(upgrade, null, 2)}\n`);
  return upgrade;
}

/** The record of a network that has switched to an upgrade. Throws UpgradeRefused where `Runtime` does not name it yet. */
export async function adopted(provider: Provider, { names, record }: Upgrade): Promise<FullRecord> {
  const state = await stateOf(provider, record.addresses, record.blockNumber + 1);
  const waiting = names.filter((name) => state.wiring[name] !== record.addresses[name]);
  if (waiting.length > 0)
    throw new UpgradeRefused(
      `found Runtime to name other contracts than those of the upgrade for ${waiting.join(", ")}, wanted the switch done; have the proposal executed first`,
    );
  return { ...record, state };
}
