import type { Batch, Head } from "../chain/cursor.ts";
import { TaskBook, type TaskEntry } from "../chain/taskBook.ts";
import type { LeaseView, Views } from "../chain/views.ts";
import { unpackAssurance } from "../protocol/assurance.ts";
import { committee, decidingBlock } from "../protocol/draw.ts";
import { type Clock, phaseOf } from "../protocol/phases.ts";
import { type Facts, Phase, Stage, State, Status } from "../protocol/types.ts";
import { usableEndpoint } from "../content/endpoints.ts";
import type { Journal } from "./journal.ts";
import type { SeatSight } from "./roles/miner.ts";
import type { VerdictSight } from "./roles/validator.ts";
import type { RoundsSight } from "./roundWatch.ts";
import type { VerdictStore } from "./verdictStore.ts";
import type { DrawSight, LeaseSight, TaskSight, Turns } from "./roles/oracle.ts";

/** What a node remembers of a task besides chain and journal; lost with the process, and harmless to lose. */
export interface Progress {
  refused?: boolean;
  lost?: boolean;
  /** The verdict made anew is not the one that was committed. */
  verdictLost?: boolean;
  carrierRefused?: boolean;
  handed: { commitmentAt?: number; openingAt?: number };
}

/** All that decisions are made from. */
export interface Observation {
  now: Clock;
  seats: SeatSight[];
  tasks: TaskSight[];
  verdicts: VerdictSight[];
  draws: DrawSight[];
  leases: LeaseSight[];
  turns: Turns;
  /** Rounds of network work; absent where nobody watches them. */
  network?: RoundsSight;
}

/** Events of this many blocks are kept after a task has ended, so that a reorganisation can bring it back. */
const KEPT_BLOCKS = 128;

/** Without the views of verdicts, no task counts as judged. */
type WorldViews = Pick<Views, "facts" | "seed" | "lease"> & Partial<Pick<Views, "verdictStage" | "panelToBe">>;

/** The chain as this node sees it: events from the journal, facts from the chain, read again whenever an event touches them. */
export class World {
  book = new TaskBook();
  readonly #views: WorldViews;
  readonly #journal: Journal;
  readonly #verdicts: Pick<VerdictStore, "verdict"> | undefined;
  readonly #node: number;
  readonly #local: boolean;
  #prunedAt = 0;
  readonly #facts = new Map<bigint, Facts>();
  readonly #seats = new Map<bigint, { decidedBy: string; seat: number }>();
  readonly #members = new Map<number, LeaseView>();
  readonly #closedSeenAt = new Map<bigint, number>();
  readonly #progress = new Map<bigint, Progress>();
  readonly #seenAt = new Map<bigint, number>();

  /** `local`: a local chain, where endpoints may be private addresses. `verdicts`: where the node keeps its own, if it judges. */
  constructor({
    views,
    journal,
    verdicts,
    node,
    local,
  }: {
    views: WorldViews;
    journal: Journal;
    verdicts?: Pick<VerdictStore, "verdict">;
    node: number;
    local: boolean;
  }) {
    this.#views = views;
    this.#journal = journal;
    this.#verdicts = verdicts;
    this.#node = node;
    this.#local = local;
    this.#rebuild();
  }

  /** Takes a batch that is in the journal. */
  absorb({ added, removedFrom, upTo }: Batch): void {
    if (removedFrom !== undefined) this.#rebuild();
    else for (const log of added) this.book.apply(log);
    for (const { module, name, args } of added) {
      if (module !== "SessionQueue" && module !== "Validation") continue;
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
    const stages = new Map(
      await Promise.all(running.map(async ({ entry: { task }, facts }) => [task, await this.#stageOf(task, facts, head)] as const)),
    );
    return {
      now,
      seats: running.flatMap(({ entry, facts, seat }) => (seat < 0 ? [] : [this.#seatSight(entry, facts, seat)])),
      tasks: running.map(({ entry: { task }, facts }) => this.#taskSight(task, facts, now, stages.get(task)!)),
      verdicts: (
        await Promise.all(running.map(async ({ entry }) => await this.#verdictSight(entry, stages.get(entry.task)!, head)))
      ).flat(),
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

  /** Base URL that a node announced, where it may be called. */
  endpointOf(node: number): string | undefined {
    return usableEndpoint(this.book.endpoints.get(node) ?? "", this.#local);
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

  /** Who would sit in the panel on a task if it were drawn now. */
  async panelToBe(task: bigint, block: number): Promise<number[] | undefined> {
    return await this.#views.panelToBe?.(task, block);
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
    const seed = members.nodes.includes(this.#node) ? await this.#views.seed(task, facts, head) : undefined;
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

  /** Where the verdict is, of a task on which there may be one. */
  async #stageOf(task: bigint, facts: Facts, { number, timestamp }: Head): Promise<Stage> {
    const next = { timestamp, blockNumber: number + 1 };
    const phase = facts.judged ? phaseOf(facts, next) : Phase.None;
    // Without a stage, a task whose reveals have closed counts as validating, or as closed where it was too late to ask.
    if (phase !== Phase.Validating && phase !== Phase.Closed) return Stage.None;
    return (await this.#views.verdictStage?.(task, number)) ?? Stage.None;
  }

  /** This node's seat in the panel on a task; nothing where it has none or does not judge. */
  async #verdictSight({ task, terms, attempt }: TaskEntry, stage: Stage, { number }: Head): Promise<VerdictSight[]> {
    const entry = this.book.verdicts.get(task);
    if (this.#verdicts === undefined || entry === undefined || (stage !== Stage.Committing && stage !== Stage.Revealing)) return [];
    const panel = entry.panel ?? (stage === Stage.Committing ? await this.#views.panelToBe?.(task, number) : undefined);
    const seat = panel?.indexOf(this.#node) ?? -1;
    if (seat < 0) return [];
    const { round, closeAt, commits, opened } = entry;
    const { verdictCommitWindow, verdictRevealWindow } = unpackAssurance(terms.assurance);
    const own = this.#verdicts.verdict({ task, attempt, round, seat });
    const committed = commits.get(seat);
    const lost = this.progress(task).verdictLost || (own !== undefined && committed !== undefined && own.commitment !== committed);
    return [
      {
        task,
        attempt,
        round,
        seat,
        stage,
        closeAt,
        commitWindow: verdictCommitWindow,
        revealWindow: verdictRevealWindow,
        committed: committed !== undefined,
        opened: opened.has(seat),
        work: lost ? "lost" : own === undefined ? "none" : "ready",
      },
    ];
  }

  #taskSight(task: bigint, facts: Facts, now: Clock, stage: Stage): TaskSight {
    if (phaseOf(facts, now, stage) === Phase.Closed) {
      if (!this.#closedSeenAt.has(task)) this.#closedSeenAt.set(task, now.timestamp);
    } else this.#closedSeenAt.delete(task);
    const closedSeenAt = this.#closedSeenAt.get(task);
    return { task, facts, stage, ...(closedSeenAt !== undefined && { closedSeenAt }) };
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
