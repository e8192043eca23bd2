import type { Log, Provider } from "ethers";
import { RpcUnreachable } from "./errors.ts";

/** Most blocks of one request; halves where the server refuses. */
const RANGE = 50_000;

/** Which logs: of these contracts, with these topics (null: any; a list: any of them). */
export interface LogsWanted {
  address: string | string[];
  topics: (string | string[] | null)[];
}

/**
 * All matching logs from a block to the head as it is now, in order, in ranges of blocks that the server answers. Throws RpcUnreachable, and
 * what the server says where it refuses a single block.
 */
export async function* logsSince(provider: Provider, wanted: LogsWanted, fromBlock: number): AsyncGenerator<Log> {
  const head = await provider.getBlockNumber();
  let range = RANGE;
  for (let from = fromBlock; from <= head;) {
    const to = Math.min(head, from + range - 1);
    let logs: Log[];
    try {
      logs = await provider.getLogs({ ...wanted, fromBlock: from, toBlock: to });
    } catch (error) {
      if (error instanceof RpcUnreachable || to === from) throw error;
      range = Math.max(1, Math.floor((to - from + 1) / 2));
      continue;
    }
    yield* logs;
    from = to + 1;
  }
}
