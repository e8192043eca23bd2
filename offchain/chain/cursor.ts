import { EventFragment, type Log } from "ethers";
import { interfaces, MODULE_NAMES, type ModuleName } from "./abis.ts";
import { headerOf, mayLog, type RawBlock } from "./blockHeader.ts";
import type { Addresses } from "./deployment.ts";
import type { Endpoint } from "./endpoint.ts";
import { ChainError, ReorgTooDeep } from "./errors.ts";
import { type EventArgs, eventDecoder } from "./eventDecoder.ts";

/** A block's header; timestamp in seconds. */
export interface Head {
  number: number;
  hash: string;
  parentHash: string;
  timestamp: number;
  /** Only where the hash was seen to cover it: it proves which contracts the block holds no events of (`mayLog`). */
  logsBloom?: string;
}

/** An event of one of the watched contracts. */
export interface DecodedLog {
  module: ModuleName;
  name: string;
  args: EventArgs;
  blockNumber: number;
  blockHash: string;
  logIndex: number;
  transactionHash: string;
  topics: readonly string[];
  data: string;
}

export interface SeenBlock {
  number: number;
  hash: string;
}

/** Keeps the cursor's place: the last blocks seen, ascending. */
export interface CursorStore {
  position(): SeenBlock[];
  savePosition(blocks: SeenBlock[]): void;
}

/** What one poll found. Nothing moves until it is confirmed. */
export interface Batch {
  head: Head;
  /** New events, ordered by block and log index. */
  added: DecodedLog[];
  /** Events of this block and later ones that were delivered before are void. */
  removedFrom?: number;
  /** The last block whose events are in `added`. */
  upTo: number;
  caughtUp: boolean;
  blocks: SeenBlock[];
}

export interface CursorOptions {
  endpoint: Endpoint;
  /** The contracts to watch, by module. */
  addresses: Partial<Addresses>;
  store: CursorStore;
  /** First block to read when the store is empty. */
  fromBlock: number;
  /** Most blocks of one request, default 2,000; halves by itself where the server refuses. */
  maxRange?: number;
  /** How long a head that is older than one seen before counts as lag, default 3 minutes. */
  behindMs?: number;
}

/** Blocks that are remembered: a reorganisation of more of them is refused. */
export const KEPT_BLOCKS = 128;
const ATTEMPTS = 3;
/** Announcements that wait to be looked at. */
const MOST_ANNOUNCED = 16;

/** The chain moved while it was being read. */
class HeadMoved extends ChainError {
  constructor() {
    super("HeadMoved", "found blocks of two chains in one read, wanted one; read again", true);
  }
}

/** The server tells an older head than it did before: it lags behind itself, or another one answers in its place. */
class HeadBehind extends ChainError {
  constructor(found: number, wanted: number) {
    super("HeadBehind", `found block ${found} as the newest, wanted ${wanted} or later, which was seen before; read again`, true);
  }
}

/** For so long an older head counts as lag; after that the chain is believed to have become shorter. */
const BEHIND_MS = 180_000;

/** Reads the events of a set of contracts once each, in order, and tells when a reorganisation takes some back. */
export class EventCursor {
  readonly #endpoint: Endpoint;
  readonly #modules: Map<string, ModuleName>;
  readonly #store: CursorStore;
  readonly #fromBlock: number;
  readonly #behindMs: number;
  #range: number;
  #blocks: SeenBlock[];
  #behindSince: number | undefined;
  /** By the hash of the block that they follow. */
  readonly #announced = new Map<unknown, RawBlock>();

  constructor({ endpoint, addresses, store, fromBlock, maxRange = 2_000, behindMs = BEHIND_MS }: CursorOptions) {
    this.#behindMs = behindMs;
    this.#endpoint = endpoint;
    this.#modules = new Map(Object.entries(addresses).map(([name, address]) => [address.toLowerCase(), name as ModuleName]));
    this.#store = store;
    this.#fromBlock = fromBlock;
    this.#range = maxRange;
    this.#blocks = store.position();
  }

  /** Reads on from the last confirmed batch. Throws RpcUnreachable, ReorgTooDeep, or a retryable ChainError. Calls must not overlap. */
  async poll(): Promise<Batch> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#read();
      } catch (error) {
        if (!(error instanceof HeadMoved) || attempt === ATTEMPTS) throw error;
      }
    }
  }

  /**
   * Takes note of a block that the endpoint's only server announced by itself. Where its header hashes to its hash, follows the last block read and
   * proves that none of the watched contracts has an event in it, the next poll asks the server nothing; in every other case it reads as ever. Not for
   * one of several servers: what the head is they have to agree on.
   */
  announce(block: RawBlock): void {
    this.#announced.set(block["parentHash"], block);
    if (this.#announced.size > MOST_ANNOUNCED) this.#announced.delete(this.#announced.keys().next().value);
  }

  /** Moves past a batch. Until then every poll delivers it again, so do this once its effects are on disk. */
  confirm({ blocks }: Batch): void {
    if (blocks.length > 0 && blocks === this.#blocks) return;
    this.#store.savePosition(blocks);
    this.#blocks = blocks;
  }

  async #read(): Promise<Batch> {
    const quiet = this.#quiet();
    const newest = quiet.at(-1);
    if (newest !== undefined) {
      const blocks = [...this.#blocks, ...quiet.map(({ number, hash }) => ({ number, hash }))].slice(-KEPT_BLOCKS);
      return { head: newest, added: [], upTo: newest.number, caughtUp: true, blocks };
    }
    const head = await this.header("latest");
    this.#refuseOlder(head);
    const kept = await this.#shared(head);
    const removedFrom = kept.length < this.#blocks.length ? (kept.at(-1)?.number ?? this.#fromBlock - 1) + 1 : undefined;
    const from = (kept.at(-1)?.number ?? this.#fromBlock - 1) + 1;
    if (from > head.number) {
      const blocks = removedFrom === undefined ? this.#blocks : kept;
      return { head, added: [], upTo: from - 1, caughtUp: true, blocks, ...(removedFrom !== undefined && { removedFrom }) };
    }
    const to = Math.min(head.number, from + this.#range - 1);
    const fresh = await this.#headers(kept, Math.max(from, to - KEPT_BLOCKS + 1), to, head);
    const { logs, upTo } = await this.#logs(from, to);
    const seen = fresh.filter(({ number }) => number <= upTo).map(({ number, hash }) => ({ number, hash }));
    const hashes = new Map(fresh.map(({ number, hash }) => [number, hash]));
    if (logs.some(({ blockNumber, blockHash }) => (hashes.get(blockNumber) ?? blockHash) !== blockHash)) throw new HeadMoved();
    // A shortened range can end before the fetched headers: its own last block must be known, to see it reorganised.
    if (seen.length === 0) seen.push(await this.header(upTo));
    const blocks = [...kept, ...seen].slice(-KEPT_BLOCKS);
    return {
      head,
      added: this.#decoded(logs),
      upTo,
      caughtUp: upTo === head.number,
      blocks,
      ...(removedFrom !== undefined && { removedFrom }),
    };
  }

  /** Announced blocks that follow those read, one after the other, and provably hold nothing that is watched. */
  #quiet(): Head[] {
    const found: Head[] = [];
    for (let last = this.#blocks.at(-1); last !== undefined; last = found.at(-1)) {
      const next = this.#announced.get(last.hash);
      this.#announced.delete(last.hash);
      const head = next && provenHead(next);
      if (head?.number !== last.number + 1 || [...this.#modules.keys()].some((address) => mayLog(head.logsBloom!, address))) break;
      found.push(head);
    }
    return found;
  }

  /** Throws HeadBehind where the head is a block that was passed before; another block of that number is a reorganisation. */
  #refuseOlder({ number, hash }: Head): void {
    const last = this.#blocks.at(-1)?.number ?? -1;
    const known = number < last && this.#blocks.some((block) => block.number === number && block.hash === hash);
    if (!known) return void (this.#behindSince = undefined);
    this.#behindSince ??= performance.now();
    if (performance.now() - this.#behindSince < this.#behindMs) throw new HeadBehind(number, last);
  }

  /** The known blocks that the chain still has. */
  async #shared(head: Head): Promise<SeenBlock[]> {
    for (let count = this.#blocks.length; count > 0; count--) {
      const { number, hash } = this.#blocks[count - 1]!;
      if (number > head.number) continue;
      if (head.hash === hash || head.parentHash === hash) return this.#blocks.slice(0, count);
      if (number < head.number && (await this.header(number)).hash === hash) return this.#blocks.slice(0, count);
    }
    if (this.#blocks.length > 0) throw new ReorgTooDeep(this.#blocks[0]!.number);
    return [];
  }

  async #headers(kept: SeenBlock[], first: number, last: number, head: Head): Promise<Head[]> {
    const numbers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
    const headers = await Promise.all(numbers.map(async (number) => (number === head.number ? head : await this.header(number))));
    let before = kept.at(-1);
    for (const header of headers) {
      if (before?.number === header.number - 1 && before.hash !== header.parentHash) throw new HeadMoved();
      before = header;
    }
    return headers;
  }

  async #logs(from: number, to: number): Promise<{ logs: Log[]; upTo: number }> {
    for (let upTo = to; ; upTo = from + this.#range - 1) {
      try {
        const filter = { address: [...this.#modules.keys()], fromBlock: from, toBlock: upTo };
        return { logs: await this.#endpoint.provider.getLogs(filter), upTo };
      } catch (error) {
        if (error instanceof ChainError || upTo === from) throw error;
        this.#range = Math.max(1, Math.floor((upTo - from + 1) / 2));
      }
    }
  }

  #decoded(logs: Log[]): DecodedLog[] {
    const once = new Map(logs.map((log) => [`${log.blockHash}:${log.index}`, log]));
    const ordered = [...once.values()].sort((a, b) => a.blockNumber - b.blockNumber || a.index - b.index);
    return ordered.flatMap(({ address, topics, data, blockNumber, blockHash, index, transactionHash, removed }) => {
      const module = this.#modules.get(address.toLowerCase());
      if (module === undefined || removed) return [];
      const log = decodeLog({ module, blockNumber, blockHash, logIndex: index, transactionHash, topics, data });
      return log ?? [];
    });
  }

  /** A block's header. Throws a retryable ChainError where the server does not have it. */
  async header(block: number | "latest"): Promise<Head> {
    const found = await this.#endpoint.provider.getBlock(block);
    if (found?.hash == null) throw new HeadMoved();
    return { number: found.number, hash: found.hash, parentHash: found.parentHash, timestamp: found.timestamp };
  }
}

/** A header whose hash covers all it says; undefined for any other. */
function provenHead(block: RawBlock): Head | undefined {
  try {
    headerOf(block);
  } catch {
    return undefined;
  }
  const { hash, parentHash, logsBloom } = block as Record<string, string>;
  return {
    number: Number(block["number"]),
    hash: hash!,
    parentHash: parentHash!,
    timestamp: Number(block["timestamp"]),
    logsBloom: logsBloom!,
  };
}

/** Every event by module and first topic. */
const events = new Map(
  MODULE_NAMES.flatMap((module) =>
    interfaces[module].fragments.flatMap((fragment) =>
      EventFragment.isFragment(fragment)
        ? [[`${module} ${fragment.topicHash}`, { name: fragment.name, decode: eventDecoder(fragment) }] as const]
        : [],
    ),
  ),
);

/** An event with its name and arguments; undefined where the ABI does not know it. Throws where its data is cut off. */
export function decodeLog(raw: Omit<DecodedLog, "name" | "args">): DecodedLog | undefined {
  const event = events.get(`${raw.module} ${raw.topics[0]}`);
  if (event === undefined) return undefined;
  return { ...raw, name: event.name, args: event.decode(raw.data, raw.topics) };
}
