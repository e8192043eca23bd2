import { setTimeout as delay } from "node:timers/promises";
import { MODULE_NAMES, type ModuleName } from "../chain/abis.ts";
import { type Batch, EventCursor, type Head } from "../chain/cursor.ts";
import type { Deployment } from "../chain/deployment.ts";
import type { Endpoint } from "../chain/endpoint.ts";
import { ChainError, mayPass } from "../chain/errors.ts";
import type { Change, IndexStore } from "./indexStore.ts";

/** Contracts whose events say nothing that the index shows: a token's transfers alone outnumber everything else. */
const PASSED_OVER: readonly string[] = ["COR", "AccessManager", "Judge", "BlockRandomness", "Reputation"] satisfies ModuleName[];
const HEADERS_AT_ONCE = 32;

export interface Progress extends Change {
  head: Head;
  /** The last block that is in the index. */
  upTo: number;
  caughtUp: boolean;
  reorganised: boolean;
}

export interface FollowOptions {
  endpoint: Endpoint;
  deployment: Deployment;
  store: IndexStore;
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
  /** Pause between looks at the chain once caught up, default 250; 0: end when caught up. */
  pollMs?: number;
  /** Most blocks of one request. */
  maxRange?: number;
}

/**
 * Brings the index up to the chain's head and keeps it there until the signal aborts. What a server gets wrong for a while is waited for.
 * Throws ReorgTooDeep, and whatever is no fault of the server.
 */
export async function follow({ endpoint, deployment, store, signal, onProgress, pollMs = 250, maxRange }: FollowOptions): Promise<void> {
  const watched = MODULE_NAMES.filter((name) => !PASSED_OVER.includes(name));
  const addresses = Object.fromEntries(watched.map((name) => [name, deployment.addresses[name]]));
  const fromBlock = deployment.blockNumber;
  const cursor = new EventCursor({ endpoint, addresses, store: store.chain, fromBlock, ...(maxRange !== undefined && { maxRange }) });
  const ended = () => signal?.aborted === true;
  while (!ended()) {
    let batch: Batch;
    let times: Map<number, number>;
    try {
      batch = await cursor.poll();
      times = await timesOf(batch, cursor);
    } catch (error) {
      if (ended()) return;
      if (!mayPass(error)) throw error;
      await delay(Math.max(pollMs, 250), undefined, { signal }).catch(() => {});
      continue;
    }
    const silent = await silentSeeds(batch, cursor, store);
    const change = store.absorb(batch, times, cursor, silent);
    onProgress?.({ ...change, head: batch.head, upTo: batch.upTo, caughtUp: batch.caughtUp, reorganised: batch.removedFrom !== undefined });
    if (!batch.caughtUp) continue;
    if (pollMs === 0) return;
    await delay(pollMs, undefined, { signal }).catch(() => {});
  }
}

/** The time of every block with an event. Throws a retryable ChainError where the chain moved meanwhile. */
async function timesOf({ added, head }: Batch, cursor: EventCursor): Promise<Map<number, number>> {
  const hashes = new Map(added.map(({ blockNumber, blockHash }) => [blockNumber, blockHash]));
  const times = new Map<number, number>();
  const numbers = [...hashes.keys()];
  for (let i = 0; i < numbers.length; i += HEADERS_AT_ONCE)
    await Promise.all(
      numbers.slice(i, i + HEADERS_AT_ONCE).map(async (number) => {
        const header = number === head.number ? head : await cursor.header(number);
        if (header.hash !== hashes.get(number))
          throw new ChainError("HeadMoved", `found another block ${number} than a moment ago, wanted the same; read again`, true);
        times.set(number, header.timestamp);
      }),
    );
  return times;
}

/** Hashes of the blocks that seated tasks to which nobody committed: no event says who was silent there. */
async function silentSeeds(batch: Batch, cursor: EventCursor, store: IndexStore): Promise<Map<number, string>> {
  const numbers = new Set<number>();
  const born = new Map<string, number>();
  for (const { module, name, args } of batch.added) {
    if (module !== "SessionQueue") continue;
    const task = String(args.getValue("task"));
    if (name === "TaskQueued" || name === "TaskRerun") born.set(task, Number(args.getValue("seedBlock")));
    if (name !== "TaskSettled" || args.getValue("base") !== "0x") continue;
    const seedBlock = born.get(task) ?? store.seedBlockOf(task);
    if (seedBlock !== undefined && seedBlock <= batch.head.number) numbers.add(seedBlock);
  }
  const found = new Map<number, string>();
  for (const number of numbers) found.set(number, (await cursor.header(number)).hash);
  return found;
}
