import { Signature, type SigningKey, TypedDataEncoder, ZeroAddress } from "ethers";
import type { Head } from "../chain/cursor.ts";
import type { Deployment } from "../chain/deployment.ts";
import type { RoundView, RoundViews } from "../chain/roundViews.ts";
import type { RoundRole } from "../protocol/parts.ts";
import { awaitsNext, type RoundOpening } from "../protocol/roundWork.ts";
import type { RoundSight } from "./roles/rounds.ts";
import type { RunningRound, TimeSight } from "./roles/timekeeper.ts";
import type { RoundStore } from "./roundStore.ts";

/** Rounds that run at a time at most: `RoundStore.RING` of the contracts. */
const RING = 16;
/** Blocks after which the committee's members are read again. */
const COMMITTEE_BLOCKS = 32;
const MOST_DONE = 1_000;

/** What a node sees of rounds. */
export interface RoundsSight {
  /** Rounds in which this node was drawn. */
  rounds: RoundSight[];
  time: TimeSight;
}

/** A signed ping, as Liveness takes it. */
export interface SignedPing {
  node: number;
  window: number;
  r: string;
  vs: string;
}

export interface RoundWatchOptions {
  views: RoundViews;
  store: RoundStore;
  node: number;
  operator: string;
}

/** Rounds of network work as this node sees them, read anew with every head; the chain keeps all that matters. */
export class RoundWatch {
  /** Acts that were done, by kind and name. */
  readonly done = new Set<string>();
  readonly #o: RoundWatchOptions;
  #running = new Map<number, RoundView>();
  readonly #dueSeenAt = new Map<string, number>();
  #oracles: { addresses: string[]; readIn: number } | undefined;
  #pinged = 0;
  #openSeenAt: number | undefined;
  #counted: { last: number; running: number } | undefined;
  #head: Head | undefined;
  #sight: RoundsSight | undefined;

  constructor(options: RoundWatchOptions) {
    this.#o = options;
  }

  /** A round that runs, as of the last head. */
  view(round: number): RoundView | undefined {
    return this.#running.get(round);
  }

  /** The head that was looked at last. */
  get head(): Head | undefined {
    return this.#head;
  }

  /** Of these nodes, those whose accepted prompts were not all counted for rewards. */
  async uncounted(nodes: number[], head: Head): Promise<number[]> {
    return await this.#o.views.uncounted(nodes, head.number);
  }

  /** The openings of a round that have been revealed. */
  async openings(view: RoundView, head: Head): Promise<RoundOpening[]> {
    return await this.#o.views.openings(view, head);
  }

  /** Notes an act that need not be done again. */
  did(kind: string, of: string): void {
    if (this.done.size >= MOST_DONE) this.done.clear();
    this.done.add(`${kind}:${of}`);
  }

  /** Reads all rounds that run. Throws what the views throw. */
  async observe(head: Head): Promise<RoundsSight> {
    if (this.#sight !== undefined && this.#head?.hash === head.hash) return this.#mine(head, this.#sight.time);
    const { last, running } = await this.#count(head);
    await this.#readRounds(last, running, head.number);
    const now = { timestamp: head.timestamp, blockNumber: head.number + 1 };
    const seen = [...this.#running.values()].map((view): RunningRound => {
      const key = `${view.round}:${view.awaits}:${view.seedBlock}:${view.deadline}`;
      const due = awaitsNext(view, now).awaits === "advance";
      if (due && !this.#dueSeenAt.has(key)) this.#dueSeenAt.set(key, head.timestamp);
      const dueSeenAt = this.#dueSeenAt.get(key);
      return { ...view, ...(due && dueSeenAt !== undefined && { dueSeenAt }) };
    });
    if (this.#dueSeenAt.size > MOST_DONE) this.#dueSeenAt.clear();
    this.#head = head;
    return this.#mine(head, await this.#time(seen, last, head));
  }

  /** Number of the last round, and how many run; as before, where nothing can have changed that. */
  async #count(head: Head): Promise<{ last: number; running: number }> {
    const { views } = this.#o;
    const quiet = this.#counted?.running === 0 && this.#head?.hash === head.parentHash && views.unchangedIn(head);
    this.#counted = quiet ? this.#counted! : await views.count(head.number);
    return this.#counted;
  }

  #mine(head: Head, time: TimeSight): RoundsSight {
    this.#head = head;
    this.#sight = { rounds: [...this.#running.values()].flatMap((view) => this.#roleIn(view)), time };
    return this.#sight;
  }

  /** Running rounds are among the last numbers; some numbers are skipped, so a few more are asked for than run. */
  async #readRounds(last: number, running: number, block: number): Promise<void> {
    const found = new Map<number, RoundView>();
    const known = [...this.#running.keys()];
    const newest = Math.max(0, ...known);
    const fresh = Array.from({ length: Math.min(last - newest, 4 * RING) }, (_, i) => last - i);
    if (running > 0)
      for (const view of await Promise.all([...known, ...fresh].map(async (round) => await this.#o.views.round(round, block))))
        if (view.awaits !== "nothing") found.set(view.round, view);
    this.#running = found;
  }

  #roleIn(view: RoundView): RoundSight[] {
    const { node, store } = this.#o;
    const seats: [RoundRole, number][] = [];
    if (view.createdBy === node) seats.push(["creator", 0]);
    if (view.preparedBy === node) seats.push(["preparer", 0]);
    if (view.answerers.includes(node)) seats.push(["answerer", view.answerers.indexOf(node)]);
    if (view.validators.includes(node)) seats.push(["validator", view.validators.indexOf(node)]);
    return seats.map(([role, seat]) => ({
      ...view,
      role,
      seat,
      work: store.work({ round: view.round, role, seat }) === undefined ? "none" : "ready",
    }));
  }

  async #time(running: RunningRound[], last: number, head: Head): Promise<TimeSight> {
    const { views, operator, node } = this.#o;
    const { number: block, timestamp } = head;
    if (this.#oracles === undefined || block - this.#oracles.readIn >= COMMITTEE_BLOCKS || block < this.#oracles.readIn)
      this.#oracles = { addresses: await views.oracles(block), readIn: block };
    const { addresses: oracles } = this.#oracles;
    const seconds = await views.pingWindow();
    const window = Math.floor(timestamp / seconds);
    const epochSeconds = await views.epochSeconds();
    const base = {
      running,
      last,
      oracles: oracles.length,
      grace: await views.grace(),
      done: this.done,
      slotSeconds: views.slotSeconds(),
      pings: { window, seconds, pinged: true },
      epoch: { number: Math.floor(timestamp / epochSeconds), seconds: epochSeconds },
    };
    // Where no oracle was named, rounds are opened by hand, and nothing else of a committee is read.
    if (oracles.length === 0) return { ...base, mostRunning: 0, nextOpenAt: 0, isOracle: false, leads: false, mayRotate: false, slot: 0 };
    const [committee, nextOpenAt, mostRunning] = await Promise.all([
      views.committee(oracles, head),
      views.nextOpenAt(block),
      views.mostRunning(block),
    ]);
    // Others wait from here on, however long the last round took.
    this.#openSeenAt = timestamp >= nextOpenAt && running.length < mostRunning ? (this.#openSeenAt ?? timestamp) : undefined;
    const isOracle = oracles.includes(operator);
    const leads = committee.leader === operator && (committee.actor === ZeroAddress || committee.actor === operator);
    const mayRotate = isOracle && committee.leader !== operator && (await views.mayRotate(block));
    if (this.#pinged !== window && (await views.pinged(window, node, block))) this.#pinged = window;
    return {
      ...base,
      nextOpenAt,
      ...(this.#openSeenAt !== undefined && { openSeenAt: this.#openSeenAt }),
      mostRunning,
      isOracle,
      leads,
      mayRotate,
      slot: committee.slot,
      slotSeconds: views.slotSeconds(),
      pings: { window, seconds, pinged: this.#pinged === window },
    };
  }
}

/** The ping of a node in a window, signed by its operator. */
export function signedPing(key: SigningKey, { chainId, addresses }: Deployment, node: number, window: number): SignedPing {
  const domain = { name: "Corroborate", version: "1", chainId, verifyingContract: addresses.Liveness };
  const types = {
    Ping: [
      { name: "node", type: "uint24" },
      { name: "window", type: "uint40" },
    ],
  };
  const { r, yParityAndS: vs } = Signature.from(key.sign(TypedDataEncoder.hash(domain, types, { node, window })));
  return { node, window, r, vs };
}
