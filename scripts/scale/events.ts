import { type Log, ZeroAddress, ZeroHash, toQuantity } from "ethers";
import { interfaces, type ModuleName } from "../../offchain/chain/abis.ts";
import { SyntheticChain } from "../../bench/syntheticChain.ts";

/** Events of something that happens, and their bytes as an RPC server sends them. */
export interface Sizes {
  events: number;
  bytes: number;
}
export interface EventSizes {
  task: Sizes;
  lease: Sizes;
  ping: Sizes;
}

const TASKS = 64;

/** A log's bytes in a JSON-RPC answer. */
function bytesOf({ address, topics, data }: Pick<Log, "address" | "topics" | "data">): number {
  const [blockNumber, index] = [toQuantity(20_000_000), toQuantity(99)];
  const place = { blockHash: ZeroHash, blockNumber, logIndex: index, transactionHash: ZeroHash, transactionIndex: index, removed: false };
  return JSON.stringify({ address, topics, data, ...place }).length + 1;
}

/** Bytes of an event whose values are all of fixed size. */
function bytesOfEvent(module: ModuleName, event: string): number {
  const abi = interfaces[module];
  const { inputs } = abi.getEvent(event)!;
  const { topics, data } = abi.encodeEventLog(
    event,
    inputs.map(({ type }) => (type === "address" ? ZeroAddress : type === "bytes32" ? ZeroHash : 0)),
  );
  return bytesOf({ address: ZeroAddress, topics, data });
}

/** Sizes from the contracts' own ABIs: tasks as the synthetic chain logs them, the rest by their events. */
export function eventSizes(): EventSizes {
  const chain = new SyntheticChain();
  const before = chain.logs.length;
  chain.addTasks(TASKS);
  const logs = chain.logs.slice(before).flat();
  const lease = [
    ["Session", "LeaseReserved"],
    ["NodePool", "LeaseDrawn"],
    ["Session", "LeaseStarted"],
    ["NodePool", "LeaseCollected"],
  ] as const;
  return {
    task: { events: logs.length / TASKS, bytes: Math.round(logs.reduce((sum, log) => sum + bytesOf(log), 0) / TASKS) },
    lease: { events: lease.length, bytes: lease.reduce((sum, [module, event]) => sum + bytesOfEvent(module, event), 0) },
    ping: { events: 1, bytes: bytesOfEvent("Liveness", "Pinged") },
  };
}

/** Logs as a cursor would read them, for measuring. */
export function sampleLogs(tasks: number): SyntheticChain {
  const chain = new SyntheticChain();
  chain.addTasks(tasks);
  return chain;
}
