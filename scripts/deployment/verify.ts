import { getBytes, keccak256, type Provider } from "ethers";
import { artifactOf, type ModuleName, MODULES } from "../deploy.ts";
import { type Data, type Difference, differences, stateOf } from "./chainState.ts";
import { creationData, type FullRecord, sourceHashOf } from "./record.ts";

/** What was compared, by kind, and all that differed. */
export interface Verification {
  checked: { modules: number; settings: number; transactions: number };
  differences: Difference[];
}

/**
 * Compares a record with the chain and with the build of these sources: creation transactions (sender, code and arguments to the byte),
 * deployed code (the build's but for immutables, and as recorded to the byte), every setting, the wiring, models, and roles.
 */
export async function verify(provider: Provider, record: FullRecord): Promise<Verification> {
  const found: Difference[] = [];
  for (const name of MODULES) {
    found.push(...(await creationDifferences(provider, record, name)), ...(await codeDifferences(provider, record, name)));
  }
  for (const { id, transaction, block } of record.calls) {
    const receipt = await provider.getTransactionReceipt(transaction);
    if (receipt?.status !== 1 || receipt.blockNumber !== block)
      found.push({ what: `calls.${id}`, found: receipt?.blockNumber ?? null, wanted: block });
  }
  const state = await stateOf(provider, record.addresses, record.blockNumber + 1);
  const { settings, ...others } = state;
  const { settings: wantedSettings, ...wantedOthers } = record.state;
  found.push(...differences(settings, wantedSettings));
  found.push(...differences(others, wantedOthers));
  for (const [name, address] of Object.entries(record.addresses)) {
    if (name !== "Runtime" && state.wiring[name] !== address)
      found.push({ what: `wiring.${name}`, found: state.wiring[name] ?? null, wanted: address });
  }
  const count = Object.values(settings).reduce((sum, views) => sum + Object.keys(views).length, 0);
  return {
    checked: { modules: MODULES.length, settings: count, transactions: MODULES.length + record.calls.length },
    differences: unique(found),
  };
}

const unique = (all: Difference[]): Difference[] => [...new Map(all.map((one) => [one.what, one])).values()];

async function creationDifferences(provider: Provider, record: FullRecord, name: ModuleName): Promise<Difference[]> {
  const { transaction, args, sourceHash, bytecodeHash, address } = record.modules[name]!;
  const found: Difference[] = [];
  const differs = (what: string, is: Data, wanted: Data) => {
    if (is !== wanted) found.push({ what: `${name}.${what}`, found: is, wanted });
  };
  differs("sourceHash", sourceHashOf(name), sourceHash);
  differs("bytecodeHash", keccak256(artifactOf(name).bytecode), bytecodeHash);
  const [sent, receipt] = await Promise.all([provider.getTransaction(transaction), provider.getTransactionReceipt(transaction)]);
  differs("creation.sender", sent?.from ?? null, record.deployer);
  differs("creation.address", receipt?.contractAddress ?? null, address);
  differs("creation.data", sent === null ? null : keccak256(sent.data), keccak256(creationData(name, args as unknown[])));
  return found;
}

/** The deployed code without what the constructor wrote into it. */
function masked(name: ModuleName, code: string): string {
  const bytes = getBytes(code);
  for (const ranges of Object.values(artifactOf(name).immutableReferences ?? {})) {
    for (const { start, length } of ranges) bytes.fill(0, start, start + length);
  }
  return keccak256(bytes);
}

async function codeDifferences(provider: Provider, record: FullRecord, name: ModuleName): Promise<Difference[]> {
  const code = await provider.getCode(record.addresses[name]);
  const built = masked(name, artifactOf(name).deployedBytecode);
  const there = masked(name, code);
  return there === built ? [] : [{ what: `${name}.code`, found: there, wanted: built }];
}
