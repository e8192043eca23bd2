import { type ModuleName, interfaces } from "../offchain/chain/abis.ts";
import { type DecodedLog, decodeLog } from "../offchain/chain/cursor.ts";
import { RpcUnreachable } from "../offchain/chain/errors.ts";
import type { Connection } from "./connection.ts";

/** Most blocks of one request; halves where the server refuses. */
const RANGE = 50_000;

/** Which logs of a module: one event or all of them, and values of the indexed arguments in order (null: any). */
export interface LogFilter {
  module: ModuleName;
  event?: string;
  indexed: (bigint | number | string | null)[];
}

/** All matching logs since the deployment, in order. */
export async function logsOf(
  { endpoint: { provider }, deployment }: Connection,
  { module, event, indexed }: LogFilter,
): Promise<DecodedLog[]> {
  const first = event === undefined ? null : interfaces[module].getEvent(event)!.topicHash;
  const topics = [first, ...indexed.map((value) => (value === null ? null : topic(value)))];
  const address = deployment.addresses[module];
  const head = await provider.getBlockNumber();
  const found: DecodedLog[] = [];
  let range = RANGE;
  for (let from = deployment.blockNumber; from <= head;) {
    const to = Math.min(head, from + range - 1);
    try {
      for (const log of await provider.getLogs({ address, topics, fromBlock: from, toBlock: to })) {
        const { index: logIndex, blockNumber, blockHash, transactionHash, topics, data } = log;
        const decoded = decodeLog({ module, blockNumber, blockHash, logIndex, transactionHash, topics, data });
        if (decoded !== undefined) found.push(decoded);
      }
      from = to + 1;
    } catch (error) {
      if (error instanceof RpcUnreachable || to === from) throw error;
      range = Math.max(1, Math.floor((to - from + 1) / 2));
    }
  }
  return found;
}

/** An indexed number or address as a topic. */
const topic = (value: bigint | number | string): string => `0x${BigInt(value).toString(16).padStart(64, "0")}`;
