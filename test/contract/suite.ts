import { readFileSync } from "node:fs";
import { AbiCoder, type Contract, ContractFactory, type InterfaceAbi, keccak256, toBeHex, type TransactionReceipt } from "ethers";
import type { Crowd } from "../../types/ethers-contracts/test/contracts/harness/Crowd.ts";
import type { Libraries } from "../../types/ethers-contracts/test/contracts/harness/Libraries.ts";
import { MODEL, type Network, type Setup, startNetwork } from "./network.ts";

/** How many random cases each comparison with the twin takes; `npm run differential` takes more. */
export const RUNS = Number(process.env["COUNT"] ?? 1_000);

/** Time for a test that takes `ms` at 1,000 cases. */
export const patience = (ms: number): number => (ms * Math.max(RUNS, 1_000)) / 1_000;

/** One network for the tests of the enclosing suite; each test finds it as it was at first. */
export function useNetwork(setup: Setup = {}, prepare: (net: Network) => Promise<unknown> = async () => {}): () => Network {
  let net: Network;
  let fresh: Awaited<ReturnType<Network["networkHelpers"]["takeSnapshot"]>>;
  before(async () => {
    net = await startNetwork(setup);
    await prepare(net);
    fresh = await net.networkHelpers.takeSnapshot();
  });
  afterEach(() => fresh.restore());
  after(() => net.close());
  return () => net;
}

/** Whoever is at this address, with gas money. */
export async function signerAt({ ethers, networkHelpers }: Network, address: string) {
  await networkHelpers.setBalance(address, 10n ** 20n);
  return await ethers.getImpersonatedSigner(address);
}

/** Time of the latest block, seconds. */
export const now = (net: Network): Promise<number> => net.networkHelpers.time.latest();

/** The next transaction happens in this second. */
export const nextAt = (net: Network, second: bigint | number): Promise<void> => net.networkHelpers.time.setNextBlockTimestamp(second);

/** Mines a block in this second, so that views answer for it. */
export async function moveTo(net: Network, second: bigint | number): Promise<void> {
  await nextAt(net, second);
  await net.networkHelpers.mine(1);
}

/** Waits for a transaction and gives its receipt. */
export async function receiptOf(sent: Promise<{ wait(): Promise<TransactionReceipt | null> }>): Promise<TransactionReceipt> {
  return (await (await sent).wait())!;
}

/** Gas that a transaction took. */
export const gasOf = async (sent: Parameters<typeof receiptOf>[0]): Promise<number> => Number((await receiptOf(sent)).gasUsed);

/** The arguments of every event of one name in a receipt. */
export function eventsIn(receipt: TransactionReceipt, contract: { interface: unknown; target: unknown }, name: string) {
  const { interface: abi, target } = contract as unknown as Contract;
  return receipt.logs.flatMap((log) => {
    const event = log.address === target ? abi.parseLog(log) : null;
    return event?.name === name ? [event.args] : [];
  });
}

/** What ethers gives as a list with names, as a list. */
export const plain = (args: unknown): unknown[] => [...(args as unknown[])];

/** `eventsIn`, each as a list. */
export const argsIn = (...args: Parameters<typeof eventsIn>): unknown[][] => eventsIn(...args).map(plain);

/** A struct of numbers as ethers gives its fields. */
export const asBigInts = (values: object): Record<string, bigint> =>
  Object.fromEntries(Object.entries(values).map(([name, value]: [string, unknown]) => [name, BigInt(value as number)]));

/** A custom error as bytes. */
export const errorBytes = (contract: { interface: unknown }, name: string, args: unknown[]): string =>
  (contract as unknown as Contract).interface.encodeErrorResult(name, args);

/** The name and arguments of a custom error, from the bytes of a reverted call. */
export function errorIn(contract: { interface: unknown }, data: string) {
  const found = (contract as unknown as Contract).interface.parseError(data);
  if (found === null) throw new Error(`unknown error ${data}`);
  return found;
}

interface Artifact {
  abi: InterfaceAbi;
  bytecode: string;
  buildInfoId: string;
  inputSourceName: string;
  contractName: string;
}

const readJson = (path: string) => JSON.parse(readFileSync(new URL(`../../artifacts/${path}`, import.meta.url), "utf8")) as unknown;

/** Deploys a contract of test/contracts/harness. */
export async function deployHarness<T>(net: Network, name: string): Promise<T> {
  const { abi, bytecode } = readJson(`test/contracts/harness/${name}.sol/${name}.json`) as Artifact;
  const contract = await new ContractFactory(abi, bytecode, net.deployer).deploy();
  await contract.waitForDeployment();
  return contract as unknown as T;
}

export const deployLibraries = (net: Network): Promise<Libraries> => deployHarness<Libraries>(net, "Libraries");

/** The chain traces every call: many small ones are much quicker than a large one. */
const BATCH = 40;

/** Answers of one function of the harness that takes lists, for lists of any length. */
export async function inBatches<T>(net: Network, libraries: Libraries, name: string, ...lists: unknown[][]): Promise<T[]> {
  const abi = (libraries as unknown as Contract).interface;
  const answers: T[] = [];
  for (let i = 0; i < lists[0]!.length; i += BATCH) {
    const data = abi.encodeFunctionData(
      name,
      lists.map((list) => list.slice(i, i + BATCH)),
    );
    const answer = await net.ethers.provider.call({ to: libraries.target, data });
    answers.push(...(abi.decodeFunctionResult(name, answer)[0] as T[]));
  }
  return answers;
}

/** Answers (or error bytes) of calls to one contract, with the clock that they saw. */
export async function askMany(net: Network, libraries: Libraries, target: { target: unknown }, calls: string[]) {
  const clock = { blockNumber: 0, timestamp: 0 };
  const answers: string[] = [];
  for (let i = 0; i < calls.length; i += BATCH) {
    const data = libraries.interface.encodeFunctionData("askMany", [target.target as string, calls.slice(i, i + BATCH)]);
    const answer = await net.ethers.provider.call({ to: libraries.target, data });
    const [blockNumber, timestamp, found] = libraries.interface.decodeFunctionResult("askMany", answer);
    Object.assign(clock, { blockNumber: Number(blockNumber), timestamp: Number(timestamp) });
    answers.push(...(found as unknown as string[]));
  }
  return { ...clock, answers };
}

type Layout = { label: string; slot: string; offset: number }[];
const layouts = new Map<string, Layout>();

/** Where a contract keeps a variable, from the compiler's own account of the storage: the slot, and the bits below it in the slot. */
export function placeOf(source: string, variable: string): { slot: bigint; shift: bigint } {
  if (!layouts.has(source)) {
    const name = source.slice(source.lastIndexOf("/") + 1);
    const { buildInfoId, inputSourceName } = readJson(`contracts/${source}.sol/${name}.json`) as Artifact;
    const { output } = readJson(`build-info/${buildInfoId}.output.json`) as {
      output: { contracts: Record<string, Record<string, { storageLayout: { storage: Layout } }>> };
    };
    layouts.set(source, output.contracts[inputSourceName]![name]!.storageLayout.storage);
  }
  const { slot, offset } = layouts.get(source)!.find(({ label }) => label === variable)!;
  return { slot: BigInt(slot), shift: BigInt(8 * offset) };
}

export const slotOf = (source: string, variable: string): bigint => placeOf(source, variable).slot;

/** Where a contract keeps the entry of a mapping whose keys are numbers; with more than one key, of the mapping in it. */
export const entryOf = (source: string, mapping: string, ...keys: bigint[]): string =>
  keys.reduce(
    (slot, key) => keccak256(AbiCoder.defaultAbiCoder().encode(["uint256", "uint256"], [key, slot])),
    toBeHex(slotOf(source, mapping), 32),
  );

export const QUEUE_SOURCE = "service/SessionQueue";

/** Overwrites the facts (packed word) of a task's ring slot. */
export async function writeFacts(net: Network, task: bigint, word: bigint): Promise<void> {
  const key = ((task >> 32n) << 32n) | (task & 63n);
  await write(net, net.modules.SessionQueue, entryOf(QUEUE_SOURCE, "_ring", key), word);
}

/** Overwrites the record of a task. */
export async function writeRecord(net: Network, task: bigint, record: bigint | string): Promise<void> {
  await write(net, net.modules.SessionQueue, entryOf(QUEUE_SOURCE, "_records", task), BigInt(record));
}

export async function write(net: Network, contract: { target: unknown }, slot: string, word: bigint): Promise<void> {
  await net.networkHelpers.setStorageAt(contract.target as string, slot, toBeHex(word, 32));
}

const ENROLLED_AT_ONCE = 100;

/** Registers so many nodes more, without stake, which governance allows from now on. */
export async function addCrowd(net: Network, count: number): Promise<void> {
  const { NodePool } = net.modules;
  await NodePool.setParameters({ ...net.parameters.pool, minStake: 0, assignmentLock: 0 });
  const crowd = await deployHarness<Crowd>(net, "Crowd");
  for (let left = count; left > 0; left -= ENROLLED_AT_ONCE) {
    await crowd.enrol(NodePool.target, MODEL, Math.min(ENROLLED_AT_ONCE, left), { gasLimit: 59_000_000 });
  }
}
