import type { Batch, DecodedLog, Head } from "../chain/cursor.ts";
import { TaskBook, type TaskEntry } from "../chain/taskBook.ts";
import type { SessionView, Views } from "../chain/views.ts";
import { usableEndpoint } from "../content/endpoints.ts";
import type { LogStore } from "../chain/logStore.ts";
import { committee, decidingBlock } from "../protocol/draw.ts";
import { answersDiffer } from "../protocol/events.ts";
import type { Clock } from "../protocol/phases.ts";
import { type Facts, State, Status } from "../protocol/types.ts";
import { Arrivals } from "./arrivals.ts";
import { Rhythm } from "./rhythm.ts";

/** Who sits in a seat. */
export interface Member {
  seat: number;
  node: number;
  operator: string;
}

export interface WorldParts {
  views: Pick<Views, "facts" | "seed" | "lease" | "node" | "session">;
  journal: LogStore;
  /** Sessions that the router serves. */
  sessions: readonly number[];
  /** The router's address: tasks that it submitted are its own. */
  router: string;
  /** Marks (`clientReference`) of tasks that may not be forgotten yet, although nobody waits for them now. */
  keptReferences?: () => ReadonlySet<string>;
  /** A local chain, where endpoints may be private addresses. */
  local: boolean;
}

/** Events of this many blocks are kept after a task has ended: for reorganisations, and for those who ask about it. */
const KEPT_BLOCKS = 256;

/** The session that a task belongs to: its number holds it. */
export const sessionOf = (task: bigint): number => Number(task >> 32n);

/** The sessions as their router sees them: events from the journal, facts from the chain, read again whenever an event touches them. */
export class World {
  book = new TaskBook();
  readonly arrivals = new Arrivals();
  readonly rhythm = new Rhythm();
  /** Told of every task of which there is news, and, without a task, of every head and every reorganisation. */
  readonly watchers = new Set<(task: bigint | undefined) => void>();
  head: Head | undefined;
  /** When the last batch of events arrived, by performance.now(). */
  readAt = performance.now();
  /** As of the last head. */
  readonly sessions = new Map<number, SessionView>();
  #sessionReadAt = "";
  #prunedAt = 0;
  readonly #parts: WorldParts;
  readonly #facts = new Map<bigint, Facts>();
  readonly #committees = new Map<bigint, { decidedBy: string; members: Member[] }>();
  readonly #deciding = new Map<bigint, { head: string; members: Promise<Member[] | undefined> }>();
  readonly #operators = new Map<number, string>();
  readonly #changes = new Map<bigint, Map<number, string>>();

  constructor(parts: WorldParts) {
    this.#parts = parts;
    this.#rebuild();
  }

  /** Whether an event is about these sessions or about nodes. */
  concerns({ module, args }: DecodedLog): boolean {
    if (module === "SessionQueue") return this.#parts.sessions.includes(sessionOf((args.getValue("task") as bigint | undefined) ?? 0n));
    if (module === "Session") return this.#parts.sessions.includes(Number(args.getValue("session") ?? 0));
    return true;
  }

  /** Takes a batch that is in the journal, and that arrived at `readAt`. Returns the tasks that it forgot. */
  absorb({ added, removedFrom, head, upTo }: Batch, readAt = performance.now()): bigint[] {
    this.head = head;
    this.readAt = readAt;
    this.rhythm.note(head.number, readAt);
    if (removedFrom !== undefined) this.#rebuild();
    else for (const log of added) this.#apply(log);
    for (const { module, args } of added) if (module === "SessionQueue") this.#facts.delete(args.getValue("task") as bigint);
    // Who waits for a block or an end goes on at once; what is read of the chain now is for the tasks that are open. Before the first reading nobody can.
    if (this.sessions.size > 0) this.arrivals.tellBlocks(upTo);
    if (added.some(({ name }) => name === "TaskSettled")) this.arrivals.tellEnds(this.book);
    this.#tell(added);
    if (head.number < this.#prunedAt + KEPT_BLOCKS) return [];
    this.#prunedAt = head.number;
    return this.#prune(head.number - KEPT_BLOCKS);
  }

  /** Reads what changed, at this head; then tells those who wait. Throws what the views throw. */
  async observe(head: Head): Promise<{ entry: TaskEntry; facts: Facts }[]> {
    // A head with a proven bloom holds no event of the watched contracts (see EventCursor): the sessions are as they were.
    const unchanged = this.#sessionReadAt === head.hash || (head.logsBloom !== undefined && this.#sessionReadAt === head.parentHash);
    if (!unchanged) {
      const { sessions, views } = this.#parts;
      const found = await Promise.all(sessions.map(async (id) => await views.session(id, head.number)));
      sessions.forEach((id, at) => this.sessions.set(id, found[at]!));
    }
    this.#sessionReadAt = head.hash;
    const open = [...this.book.tasks.values()].filter((entry) => entry.settled === undefined && this.isOwn(entry));
    const known = await Promise.all(open.map(async (entry) => ({ entry, facts: await this.facts(entry.task) })));
    this.arrivals.tell(head, this.book);
    return known.filter(({ facts }) => facts.status === Status.Open);
  }

  /** The earliest clock of the next block. Throws before the first head. */
  get next(): Clock {
    return { timestamp: this.head!.timestamp + 1, blockNumber: this.head!.number + 1 };
  }

  /** Whether this router carries the task: it submitted it. */
  isOwn({ terms }: TaskEntry): boolean {
    return terms.router === this.#parts.router;
  }

  async facts(task: bigint): Promise<Facts> {
    const known = this.#facts.get(task);
    if (known !== undefined) return known;
    const head = this.head!;
    const facts = await this.#parts.views.facts(task, head.number);
    // An event may have come in the meantime.
    if (head === this.head) this.#facts.set(task, facts);
    return facts;
  }

  /** Node and operator of every seat, from one block before the contract can tell; undefined until the deciding block is mined. */
  async committee(entry: TaskEntry): Promise<Member[] | undefined> {
    const { task, settled } = entry;
    const known = this.#committees.get(task);
    if (settled !== undefined && known !== undefined) return known.members;
    // All prompts of a task ask in the same moment; the chain is asked once.
    const { hash } = this.head!;
    const deciding = this.#deciding.get(task);
    if (deciding?.head === hash) return await deciding.members;
    const members = this.#committeeOf(entry);
    this.#deciding.set(task, { head: hash, members });
    return await members.finally(() => {
      if (this.#deciding.get(task)?.members === members) this.#deciding.delete(task);
    });
  }

  async #committeeOf({ task, lease, terms, settled }: TaskEntry): Promise<Member[] | undefined> {
    const known = this.#committees.get(task);
    const { views } = this.#parts;
    const head = this.head!;
    const { number } = head;
    const facts = settled === undefined ? await this.facts(task) : await views.facts(task, settled.blockNumber);
    const id = lease === 0 ? facts.lease : lease;
    if (id === 0 || (facts.state === State.Unseeded && BigInt(number) < facts.seed)) return undefined;
    const decidedBy = facts.state === State.Unseeded ? `block ${decidingBlock(Number(facts.seed), number + 1)}` : `seed ${facts.seed}`;
    if (known?.decidedBy === decidedBy) return known.members;
    const seed = await views.seed(task, facts, head);
    if (seed === undefined) return undefined;
    const drawn = this.book.leases.get(id)?.nodes ?? (await views.lease(id)).nodes;
    const nodes = committee(drawn, seed, terms.redundancy);
    const members = await Promise.all(nodes.map(async (node, seat) => ({ seat, node, operator: await this.#operatorOf(node) })));
    this.#committees.set(task, { decidedBy, members });
    return members;
  }

  /** The committee of a task that has ended, where it was read before. */
  knownCommittee({ task }: TaskEntry): Member[] | undefined {
    return this.#committees.get(task)?.members;
  }

  /** On what a seat's answers differ from the settlement's base. */
  changesOf(task: bigint, seat: number): string {
    return this.#changes.get(task)?.get(seat) ?? "0x";
  }

  /** Base URLs of the given nodes, as far as they have announced one that may be called. */
  endpointsOf(nodes: number[]): string[] {
    return nodes.flatMap((node) => usableEndpoint(this.book.endpoints.get(node) ?? "", this.#parts.local) ?? []);
  }

  async #operatorOf(node: number): Promise<string> {
    const operator = this.#operators.get(node) ?? (await this.#parts.views.node(node)).operator;
    this.#operators.set(node, operator);
    return operator;
  }

  #tell(added: readonly DecodedLog[]): void {
    if (this.watchers.size === 0) return;
    const tasks = added.filter(({ module }) => module === "SessionQueue").map(({ args }) => args.getValue("task") as bigint);
    for (const task of [...new Set(tasks), undefined]) for (const watcher of [...this.watchers]) watcher(task);
  }

  #apply(log: DecodedLog): void {
    this.book.apply(log);
    if (log.name === "OperatorChanged") {
      // Seats sign with the key that operates the node now.
      this.#operators.clear();
      this.#committees.clear();
    }
    // A second attempt has another committee.
    if (log.name === "TaskRerun") this.#committees.delete(log.args.getValue("task") as bigint);
    if (log.name !== "AnswersDiffer") return;
    const { task, seat, changes } = answersDiffer(log.args);
    this.#changes.set(task, (this.#changes.get(task) ?? new Map<number, string>()).set(seat, changes));
  }

  #rebuild(): void {
    this.book = new TaskBook();
    for (const cache of [this.#facts, this.#committees, this.#operators, this.#changes]) cache.clear();
    for (const log of this.#parts.journal.logs()) this.#apply(log);
  }

  #prune(upTo: number): bigint[] {
    const { journal, keptReferences } = this.#parts;
    const kept = keptReferences?.() ?? new Set();
    const ended = [...this.book.tasks.values()].filter(
      ({ task, settled, clientReference }) =>
        settled !== undefined && settled.blockNumber <= upTo && !this.arrivals.awaits(task) && !kept.has(clientReference),
    );
    const collected = journal.subjects("lease:", upTo).filter((subject) => !this.book.leases.has(Number(subject.slice("lease:".length))));
    journal.prune([...ended.map(({ task }) => `task:${task}`), ...collected], upTo);
    return ended.map(({ task }) => {
      this.book.forget(task);
      for (const cache of [this.#facts, this.#committees, this.#changes]) cache.delete(task);
      return task;
    });
  }
}
