import { createHash } from "node:crypto";
import Database from "better-sqlite3";
import { type Batch, type DecodedLog, type EventCursor, KEPT_BLOCKS } from "../chain/cursor.ts";
import { ChainError } from "../chain/errors.ts";
import { SqliteStore } from "../chain/sqliteStore.ts";
import { foldNetwork, plain } from "./networkFold.ts";
import { type Row, schemaSql, TABLE_NAMES, TABLES } from "./schema.ts";
import { rowsOf, type Tables } from "./rows.ts";
import { foldTask } from "./taskFold.ts";
import { UndoLog } from "./undo.ts";
import { bookPanels } from "./verdictFold.ts";

/** Counts up whenever a table or what is written into it changes: an index of another version is built anew. */
export const INDEX_VERSION = 2;

/** What a batch changed. */
export interface Change {
  tasks: string[];
  nodes: number[];
  sessions: number[];
  events: number;
}

/** The index on disk. One writer; readers open the file for themselves. */
export class IndexStore {
  readonly chain: SqliteStore;
  readonly database: Database.Database;
  readonly #tables: Tables;
  readonly #undo: UndoLog;
  #seeding: ReadonlyMap<number, string> = new Map();

  /**
   * Opens or makes the index. What it holds can be had from the chain again, so a commit need not survive loss of power, only be whole.
   * Throws ChainError IndexOutdated where the file is of another version, StoreOfOtherChain, StoreCorrupt.
   */
  constructor(file: string, chainId: bigint, queue: string) {
    this.database = openIndex(file);
    const version = this.database.pragma("user_version", { simple: true }) as number;
    if (version !== 0 && version !== INDEX_VERSION) {
      this.database.close();
      throw new ChainError(
        "IndexOutdated",
        `found an index of version ${version} in ${file}, wanted version ${INDEX_VERSION}; run with --rebuild`,
      );
    }
    this.database.exec(schemaSql());
    this.database.pragma(`user_version = ${INDEX_VERSION}`);
    this.chain = new SqliteStore(this.database, chainId, queue);
    this.#tables = rowsOf(this.database);
    this.#undo = new UndoLog(this.database);
  }

  /**
   * Writes a batch and moves the cursor past it, both or neither.
   * @param times of every block with an event, seconds
   * @param seeding hashes of blocks that seated tasks to which nobody committed
   */
  absorb(
    batch: Batch,
    times: ReadonlyMap<number, number>,
    cursor: Pick<EventCursor, "confirm">,
    seeding: ReadonlyMap<number, string> = new Map(),
  ): Change {
    this.#seeding = seeding;
    try {
      return this.database.transaction(() => this.#absorb(batch, times, cursor))();
    } catch (error) {
      for (const rows of Object.values(this.#tables)) rows.forget();
      throw error;
    }
  }

  /** Every row of every table, in the order of its key: JSON lines, the same bytes for the same chain. */
  *dump(): Generator<string> {
    for (const name of TABLE_NAMES) {
      const rows = this.database
        .prepare(`SELECT * FROM ${name} ORDER BY ${TABLES[name].key.join(", ")}`)
        .raw()
        .iterate();
      for (const row of rows) yield `${JSON.stringify([name, ...(row as unknown[])])}\n`;
    }
  }

  /** sha256 of the dump, 0x hex. */
  digest(): string {
    const hash = createHash("sha256");
    for (const line of this.dump()) hash.update(line);
    return `0x${hash.digest("hex")}`;
  }

  close(): void {
    this.database.close();
  }

  /** The block that decides who sits in a task; undefined where the task is unknown. */
  seedBlockOf(task: string): number | undefined {
    return this.#tables.tasks.get(task)?.seed_block;
  }

  #absorb(batch: Batch, times: ReadonlyMap<number, number>, cursor: Pick<EventCursor, "confirm">): Change {
    if (batch.removedFrom !== undefined) {
      this.#undo.revert(batch.removedFrom);
      for (const rows of Object.values(this.#tables)) rows.forget();
    }
    const change = { tasks: new Set<string>(), nodes: new Set<number>(), sessions: new Set<number>() };
    const volatileFrom = batch.upTo - KEPT_BLOCKS + 1;
    let block = -1;
    for (const log of batch.added) {
      if (log.blockNumber !== block) {
        if (block >= volatileFrom || log.blockNumber >= volatileFrom) this.#flush();
        block = log.blockNumber;
        if (block >= volatileFrom) this.#undo.watch(block);
        else this.#undo.rest();
      }
      const time = times.get(block);
      if (time === undefined) throw new Error(`found no time of block ${block}, wanted that of every block with an event`);
      const { task, session, node } = this.#fold(log, time);
      if (task !== null) change.tasks.add(task);
      if (session !== null) change.sessions.add(session);
      if (node !== null) change.nodes.add(node);
    }
    this.#flush();
    this.#undo.prune(batch.upTo - KEPT_BLOCKS);
    cursor.confirm(batch);
    return { tasks: [...change.tasks], nodes: [...change.nodes], sessions: [...change.sessions], events: batch.added.length };
  }

  #fold(log: DecodedLog, time: number): Pick<Row<"events">, "task" | "session" | "node"> {
    const about = subjectsOf(log);
    const ofTask = log.module === "SessionQueue";
    this.#tables.events.append({
      block: log.blockNumber,
      log_index: log.logIndex,
      time,
      transaction_hash: log.transactionHash,
      module: log.module,
      name: log.name,
      ...about,
      detail: ofTask ? null : JSON.stringify(plain(log.args)),
    });
    if (ofTask)
      foldTask({ tables: this.#tables, seatsOf: (task, attempt) => this.#seatsOf(task, attempt), seeding: this.#seeding }, log, time);
    else foldNetwork(this.#tables, log, time);
    if (log.module === "Validation" && log.name === "VerdictClosed") this.#closeVerdict(log, time);
    return about;
  }

  /** A task's committed seats in commit order. */
  #seatsOf(task: string, attempt: number): Row<"seats">[] {
    const rows = this.#tables.seats.under(task).filter((seat) => seat.attempt === attempt && seat.commitment !== null);
    return rows.sort((a, b) => a.place - b.place);
  }

  #closeVerdict(log: DecodedLog, time: number): void {
    const args = log.args as unknown as { task: bigint; rejected: bigint };
    const task = this.#tables.tasks.get(String(args.task));
    if (task === undefined) return;
    // The settlement that follows in the same transaction says which seats opened; those known to have opened by then are the same.
    const opened = this.#seatsOf(task.id, task.attempt).reduce(
      (bits, { seat, opened_in }) => (opened_in === null ? bits : bits | (1 << seat)),
      0,
    );
    bookPanels(this.#tables, task, this.#tables.verdicts.under(task.id), opened, Number(args.rejected), time);
  }

  #flush(): void {
    for (const rows of Object.values(this.#tables)) rows.flush();
  }
}

function openIndex(file: string): Database.Database {
  const database = new Database(file);
  try {
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = NORMAL");
    database.pragma("cache_size = -65536");
    if (database.pragma("quick_check(1)", { simple: true }) !== "ok") throw new Error("quick_check failed");
    return database;
  } catch (error) {
    database.close();
    const cause = (error as Error).message;
    throw new ChainError("StoreCorrupt", `found ${file} damaged (${cause}), wanted a sound index; run with --rebuild`);
  }
}

/** What an event is about. */
function subjectsOf({ module, args }: DecodedLog): Pick<Row<"events">, "task" | "session" | "node"> {
  const value = (name: string) => (typeof args[name] === "bigint" ? args[name] : undefined);
  const task = value("task");
  const session = value("session") ?? (task === undefined ? undefined : task >> 32n);
  const node = value("node") ?? (module === "Validation" ? value("validator") : undefined);
  return {
    task: task === undefined ? null : String(task),
    session: session === undefined ? null : Number(session),
    node: node === undefined ? null : Number(node),
  };
}
