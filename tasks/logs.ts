import { type ModuleName, interfaces } from "../offchain/chain/abis.ts";
import { type DecodedLog, decodeLog } from "../offchain/chain/cursor.ts";
import { logsSince } from "../offchain/chain/logsSince.ts";
import type { Connection } from "./connection.ts";

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
  const found: DecodedLog[] = [];
  for await (const log of logsSince(provider, { address, topics }, deployment.blockNumber)) {
    const { index: logIndex, blockNumber, blockHash, transactionHash, topics, data } = log;
    const decoded = decodeLog({ module, blockNumber, blockHash, logIndex, transactionHash, topics, data });
    if (decoded !== undefined) found.push(decoded);
  }
  return found;
}

/** An indexed number or address as a topic. */
const topic = (value: bigint | number | string): string => `0x${BigInt(value).toString(16).padStart(64, "0")}`;
