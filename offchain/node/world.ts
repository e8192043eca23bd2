import type { Batch, Head } from "../chain/cursor.ts";
import { TaskBook, type TaskEntry } from "../chain/taskBook.ts";
import type { LeaseView, Views } from "../chain/views.ts";
import { committee, decidingBlock } from "../protocol/draw.ts";
import { type Clock, phaseOf } from "../protocol/phases.ts";
import { type Facts, Phase, State, Status } from "../protocol/types.ts";
import { usableEndpoint } from "../content/endpoints.ts";
import type { Journal } from "./journal.ts";
import type { SeatSight } from "./roles/miner.ts";
import type { DrawSight, LeaseSight, TaskSight, Turns } from "./roles/oracle.ts";

/** What a node remembers of a task besides chain and journal; lost with the process, and harmless to lose. */
export interface Progress {
  refused?: boolean;
  lost?: boolean;
  carrierRefused?: boolean;
  handed: { commitmentAt?: number; openingAt?: number };
}

/** All that decisions are made from. */
export interface Observation {
  now: Clock;
  seats: SeatSight[];
  tasks: TaskSight[];
  draws: DrawSight[];
  leases: LeaseSight[];
  turns: Turns;
}

/** Events of this many blocks are kept after a task has ended, so that a reorganisation can bring it back. */
const KEPT_BLOCKS = 128;

/** The chain as this node sees it: events from the journal, facts from the chain, read again whenever an event touches them. */
export class World {
  book = new TaskBook();
  readonly #views: Pick<Views, "facts" | "seed" | "lease">;
  readonly #journal: Journal;
  readonly #node: number;
  readonly #local: boolean;
  #prunedAt = 0;
  readonly #facts = new Map<bigint, Facts>();
  readonly #seats = new Map<bigint, { decidedBy: string; seat: number }>();
  readonly #members = new Map<number, LeaseView>();
  readonly #closedSeenAt = new Map<bigint, number>();
  readonly #progress = new Map<bigint, Progress>();
  readonly #seenAt = new Map<bigint, number>();

  /** `local`: a local chain, where endpoints may be private addresses. */
  constructor({
    views,
    journal,
    node,
    local,
  }: {
    views: Pick<Views, "facts" | "seed" | "lease">;
    journal: Journal;
    node: number;
    local: boolean;
  }) {
    this.#views = views;
    this.#journal = journal;
    this.#node = node;
    this.#local = local;
    this.#rebuild();
  }

  /** Takes a batch that is in the journal. */
  absorb({ added, removedFrom, upTo }: Batch): void {
    if (removedFrom !== undefined) this.#rebuild();
    else for (const log of added) this.book.apply(log);
    for (const { module, name, args } of added) {
      if (module !== "SessionQueue") continue;
      const task = args.getValue("task") as bigint;
      this.#facts.delete(task);
      if (name === "TaskQueued") this.#seenAt.set(task, performance.now());
    }
    if (upTo - this.#prunedAt >= KEPT_BLOCKS) this.#prune(upTo);
  }

  /** When this process read of a task's birth, on its own clock; undefined for tasks of before it started. */
  seenAt(task: bigint): number | undefined {
    return this.#seenAt.get(task);
  }

  progress(task: bigint): Progress {
    const known = this.#progress.get(task) ?? { handed: {} };
    this.#progress.set(task, known);
    return known;
  }

  /** Everything that may need an act. Reads what changed; throws what the views throw. */
  async observe(head: Head): Promise<Observation> {
    const now: Clock = { timestamp: head.timestamp, blockNumber: head.number + 1 };
    const open = [...this.book.tasks.values()].filter(({ settled }) => settled === undefined);
    const known = await Promise.all(
      open.map(async (entry) => ({ entry, facts: await this.#factsOf(entry.task, head), seat: await this.#seatOf(entry, head) })),
    );
    const running = known.filter(({ facts }) => facts.status === Status.Open);
    return {
      now,
      seats: running.flatMap(({ entry, facts, seat }) => (seat < 0 ? [] : [this.#seatSight(entry, facts, seat)])),
      tasks: running.map(({ entry: { task }, facts }) => this.#taskSight(task, facts, now)),
      draws: [...this.book.reservations].map(([session, seedBlock]) => ({ session, seedBlock })),
      leases: [...this.book.leases].map(([lease, { until }]) => ({ lease, until })),
      turns: { node: this.#node, nodeCount: this.book.nodeCount },
    };
  }

  /** Base URL of who carries for a task; undefined where nobody does or it refused. */
  carrierOf({ session, terms, task }: TaskEntry): string | undefined {
    if (this.#progress.get(task)?.carrierRefused) return undefined;
    const announced = this.book.routers.get(session)?.get(terms.router);
    return announced === undefined ? undefined : usableEndpoint(announced, this.#local);
  }

  /** Base URLs of who may have a task's content: its router first, then the session's others, then fellow members of the lease. */
  sourcesOf({ session, terms, lease }: TaskEntry): string[] {
    const routers = this.book.routers.get(session) ?? new Map<string, string>();
    const fellows = (this.#members.get(lease)?.nodes ?? [])
      .filter((node) => node !== this.#node)
      .map((node) => this.book.endpoints.get(node));
    const announced = [routers.get(terms.router), ...routers.values(), ...fellows];
    return [...new Set(announced.flatMap((text) => usableEndpoint(text ?? "", this.#local) ?? []))];
  }

  async #factsOf(task: bigint, head: Head): Promise<Facts> {
    const facts = this.#facts.get(task) ?? (await this.#views.facts(task, head.number));
    this.#facts.set(task, facts);
    return facts;
  }

  /** This node's seat; -1 where it has none or the committee is not known yet. */
  async #seatOf({ task, lease, terms }: TaskEntry, head: Head): Promise<number> {
    const facts = this.#facts.get(task)!;
    const id = lease === 0 ? facts.lease : lease;
    if (id === 0 || (facts.state === State.Unseeded && BigInt(head.number) < facts.seed)) return -1;
    const decidedBy = facts.state === State.Seeded ? `seed ${facts.seed}` : `block ${decidingBlock(Number(facts.seed), head.number + 1)}`;
    const known = this.#seats.get(task);
    if (known?.decidedBy === decidedBy) return known.seat;
    const members = this.#members.get(id) ?? (await this.#views.lease(id));
    this.#members.set(id, members);
    const seed = members.nodes.includes(this.#node) ? await this.#views.seed(task, facts, head.number) : undefined;
    const seat = seed === undefined ? -1 : committee(members.nodes, seed, terms.redundancy).indexOf(this.#node);
    this.#seats.set(task, { decidedBy, seat });
    return seat;
  }

  #seatSight(entry: TaskEntry, facts: Facts, seat: number): SeatSight {
    const { task, terms, commits } = entry;
    const progress = this.progress(task);
    const work = this.#journal.work(task, seat, entry.attempt);
    const committed = commits.find((commit) => commit.seat === seat)?.commitment;
    const lost = progress.lost || (work !== undefined && committed !== undefined && work.commitment !== committed);
    return {
      task,
      seat,
      terms,
      facts,
      work: lost ? "lost" : work !== undefined ? "ready" : progress.refused ? "refused" : "none",
      carrier: this.carrierOf(entry) === undefined ? "none" : "ready",
      handed: progress.handed,
    };
  }

  #taskSight(task: bigint, facts: Facts, now: Clock): TaskSight {
    if (phaseOf(facts, now) === Phase.Closed) {
      if (!this.#closedSeenAt.has(task)) this.#closedSeenAt.set(task, now.timestamp);
    } else this.#closedSeenAt.delete(task);
    const closedSeenAt = this.#closedSeenAt.get(task);
    return { task, facts, ...(closedSeenAt !== undefined && { closedSeenAt }) };
  }

  #rebuild(): void {
    this.book = new TaskBook();
    for (const log of this.#journal.logs()) this.book.apply(log);
    for (const cache of [this.#facts, this.#seats, this.#members, this.#closedSeenAt]) cache.clear();
  }

  #prune(head: number): void {
    this.#prunedAt = head;
    const upTo = head - KEPT_BLOCKS;
    const ended = [...this.book.tasks.values()].filter(({ settled }) => settled !== undefined && settled.blockNumber <= upTo);
    const collected = this.#journal
      .subjects("lease:", upTo)
      .filter((subject) => !this.book.leases.has(Number(subject.slice("lease:".length))));
    this.#journal.prune([...ended.map(({ task }) => `task:${task}`), ...collected], upTo);
    for (const { task } of ended) {
      this.book.forget(task);
      for (const cache of [this.#facts, this.#seats, this.#closedSeenAt, this.#progress, this.#seenAt]) cache.delete(task);
    }
  }
}
