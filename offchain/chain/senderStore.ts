import type { Wallet } from "ethers";
import type { Endpoint } from "./endpoint.ts";

/** A transaction that is wanted. Its value is always zero. */
export interface Intent {
  /** Names the wish; the same id is never sent twice. */
  id: string;
  to: string;
  data: string;
  /** Without it the estimate is taken, a quarter more, and `headroom`. */
  gasLimit?: bigint;
  /** Gas beyond the estimate, for calls that may do more by the time they are mined; default 100,000. */
  headroom?: bigint;
  /** Block time (seconds) after which it is worthless: what is then not mined is replaced by an empty transfer to oneself. */
  deadline?: number;
  /** What it is worth that it is mined in time, wei: it is not sent where it costs more, and its fees rise up to this and no further. */
  worth?: bigint;
  /** Gas that must remain payable after this, for what is promised already. */
  reserveGas?: bigint;
}

export type SentState = "pending" | "mined" | "reverted" | "dropped";

/** A transaction in the journal. */
export interface SentRow {
  id: string;
  sender: string;
  nonce: number;
  to: string;
  data: string;
  gasLimit: bigint;
  deadline: number | null;
  /** Null where nobody said. */
  worth: bigint | null;
  state: SentState;
  /** Block after which the latest version was broadcast. */
  sentIn: number;
  minedIn: number | null;
  minedHash: string | null;
  /** Signed versions of the same nonce, oldest first. */
  raws: { hash: string; raw: string }[];
}

/** The sender's journal. Every write is on disk when it returns. */
export interface SenderStore {
  byId(id: string): SentRow | undefined;
  /** By nonce. */
  pending(sender: string): SentRow[];
  /** One past the highest nonce in the journal, dropped ones aside; 0 where it is empty. */
  nextNonce(sender: string): number;
  /** Replaces an ended row of the same id. */
  insert(row: SentRow): void;
  addRaw(id: string, raw: { hash: string; raw: string }, sentIn: number): void;
  finish(id: string, state: SentState, mined?: { blockNumber: number; hash: string }): void;
  /** Makes what was mined from this block on pending again; returns how many. */
  reopen(sender: string, fromBlock: number): number;
  prune(sender: string, beforeBlock: number): void;
}

export interface SenderOptions {
  endpoint: Endpoint;
  signer: Wallet;
  store: SenderStore;
  /** Most transactions that wait at once, default 8. */
  maxInFlight?: number;
  /** Blocks without being mined after which fees rise by an eighth, default 3. */
  bumpAfterBlocks?: number;
  /** Highest fee per gas, wei; default none. */
  maxFeePerGas?: bigint;
  /** Told of what happens to a transaction; nothing secret is in it. */
  onEvent?: (event: {
    kind: "sent" | "bumped" | "mined" | "reverted" | "dropped" | "abandoned";
    id: string;
    nonce: number;
    hash?: string;
    /** What it cost, wei; where it is mined. */
    cost?: bigint;
  }) => void;
}
