import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { Interface, keccak256, type Provider } from "ethers";
import { artifactOf, type DeploymentRecord, type ModuleName, MODULES, type Plan, sourceOf } from "../deploy.ts";
import type { NetworkParameters } from "../parameters.ts";
import { type ChainState, type Data, stateOf } from "./chainState.ts";
import { asData } from "./ignition.ts";

/** How one contract came to be. */
export interface ModuleRecord {
  address: string;
  source: string;
  /** sha256 of the compiler's metadata: names every source file by its hash, and all settings. */
  sourceHash: string;
  /** keccak256 of the creation code in the build, without arguments. */
  bytecodeHash: string;
  args: Data;
  transaction: string;
  block: number;
}

/** A full record: what every program reads (`DeploymentRecord`), and what proves it against the chain. */
export interface FullRecord extends DeploymentRecord {
  deployer: string;
  /** git commit of the sources, with `-dirty` where they differed from it; null outside a checkout. */
  commit: string | null;
  modules: Record<string, ModuleRecord>;
  calls: { id: string; transaction: string; block: number }[];
  /** What it was deployed with, as scripts/parameters.ts says it. */
  parameters: Data;
  state: ChainState;
}

export function commitOf(folder: string): string | null {
  const git = (...args: string[]) =>
    execFileSync("git", args, { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  try {
    const dirty = git("status", "--porcelain", "--untracked-files=no") !== "";
    return `${git("rev-parse", "HEAD")}${dirty ? "-dirty" : ""}`;
  } catch {
    return null;
  }
}

interface BuildOutput {
  output: { contracts: Record<string, Record<string, { metadata?: string }>> };
}

/** sha256 of a module's compiler metadata in the build. */
export function sourceHashOf(name: ModuleName): string {
  const { buildInfoId, inputSourceName } = artifactOf(name) as unknown as { buildInfoId: string; inputSourceName: string };
  const { output } = outputOf(buildInfoId);
  const metadata = output.contracts[inputSourceName]?.[name]?.metadata;
  if (metadata === undefined) throw new Error(`found no metadata of ${name} in the build; run npx hardhat build`);
  return createHash("sha256").update(metadata).digest("hex");
}

const outputs = new Map<string, BuildOutput>();
function outputOf(id: string): BuildOutput {
  const known = outputs.get(id);
  if (known !== undefined) return known;
  const file = new URL(`../../artifacts/build-info/${id}.output.json`, import.meta.url);
  const output = JSON.parse(readFileSync(file, "utf8")) as BuildOutput;
  outputs.set(id, output);
  return output;
}

/** How a plan's contracts came to be, and the calls after them, read from the chain. `transactions` by step id. */
export async function modulesOf(
  provider: Provider,
  plan: Plan,
  transactions: Map<string, string>,
): Promise<Pick<FullRecord, "modules" | "calls">> {
  const blockOf = async (id: string) => (await provider.getTransactionReceipt(transactions.get(id)!))!.blockNumber;
  const modules: FullRecord["modules"] = {};
  const calls: FullRecord["calls"] = [];
  for (const step of plan.steps) {
    const transaction = transactions.get(step.id)!;
    const block = await blockOf(step.id);
    if (step.kind === "call") {
      calls.push({ id: step.id, transaction, block });
      continue;
    }
    const { bytecode } = artifactOf(step.id);
    modules[step.id] = {
      address: step.address,
      source: sourceOf(step.id),
      sourceHash: sourceHashOf(step.id),
      bytecodeHash: keccak256(bytecode),
      args: JSON.parse(asData(step.args)) as Data,
      transaction,
      block,
    };
  }
  return { modules, calls };
}

/** Reads all that belongs into a record from the chain. `transactions` by step id. */
export async function recordOf(
  provider: Provider,
  about: { network: string; chainId: number; blockNumber: number; deployer: string; root: string },
  plan: Plan,
  transactions: Map<string, string>,
  parameters: NetworkParameters,
): Promise<FullRecord> {
  const { network, chainId, blockNumber, deployer, root } = about;
  const { modules, calls } = await modulesOf(provider, plan, transactions);
  const state = await stateOf(provider, plan.addresses, blockNumber + 1);
  const given = JSON.parse(asData(parameters)) as Data;
  const commit = commitOf(root);
  return { network, chainId, blockNumber, addresses: plan.addresses, deployer, commit, modules, calls, parameters: given, state };
}

/** The data of the transaction that creates a module: its code in the build and its encoded arguments. */
export function creationData(name: ModuleName, args: unknown[]): string {
  const { abi, bytecode } = artifactOf(name);
  return bytecode + new Interface(abi).encodeDeploy(args).slice(2);
}

export const isFull = (record: unknown): record is FullRecord => {
  const { modules, state } = record as Partial<FullRecord>;
  return modules !== undefined && state !== undefined && MODULES.every((name) => modules[name] !== undefined);
};
