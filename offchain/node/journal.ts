import type Database from "better-sqlite3";
import { type Batch, type DecodedLog, decodeLog, type EventCursor } from "../chain/cursor.ts";
import { openDatabase, SqliteStore } from "../chain/sqliteStore.ts";
import { subjectOf } from "../chain/taskBook.ts";
import type { ModuleName } from "../chain/abis.ts";

/** What a seat has answered, on disk before anything of it leaves the process. */
export interface Work {
  task: bigint;
  seat: number;
  attempt: number;
  node: number;
  /** Packed answers, 0x hex. */
  answers: string;
  /** Digest of the claim list. */
  claim: string;
  salt: string;
  commitment: string;
  /** Compact signature of the operator over the commitment. */
  r: string;
  vs: string;
  /** Digests of the result bytes and the claim list, whose content is in the private store. */
  contents: string[];
}

/** A second, different commitment for a seat. Nothing may go on after this: signing both would be equivocation. */
export class JournalConflict extends Error {
  readonly code = "JournalConflict";
  constructor({ task, seat, commitment }: Work, found: string) {
    super(
      `found commitment ${found} in the journal for task ${task}, seat ${seat}, and now made ${commitment}; wanted the same; check model, key and engine`,
    );
    this.name = "JournalConflict";
  }
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS logs (
    block INTEGER NOT NULL, log_index INTEGER NOT NULL, block_hash TEXT NOT NULL, transaction_hash TEXT NOT NULL,
    module TEXT NOT NULL, subject TEXT NOT NULL, topics TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (block, log_index)) STRICT;
  CREATE INDEX IF NOT EXISTS logs_by_subject ON logs (subject, block);
  CREATE TABLE IF NOT EXISTS work (
    chain_id TEXT NOT NULL, queue TEXT NOT NULL, task TEXT NOT NULL, seat INTEGER NOT NULL, attempt INTEGER NOT NULL, node INTEGER NOT NULL,
    answers TEXT NOT NULL, claim TEXT NOT NULL, salt TEXT NOT NULL, commitment TEXT NOT NULL, r TEXT NOT NULL, vs TEXT NOT NULL, contents TEXT NOT NULL,
    PRIMARY KEY (chain_id, queue, task, seat, attempt)) STRICT;
`;

interface LogRow {
  block: number;
  log_index: number;
  block_hash: string;
  transaction_hash: string;
  module: ModuleName;
  topics: string;
  data: string;
}

/** The node's memory on disk: events of what still runs, the cursor's place, transactions, and the work behind commitments. One writer. */
export class Journal {
  /** The part that the cursor and the sender use. */
  readonly chain: SqliteStore;
  readonly #database: Database.Database;
  readonly #place: [chainId: string, queue: string];

  /** Throws ChainError StoreCorrupt or StoreOfOtherChain. `file`: path, or ":memory:". */
  constructor(file: string, chainId: bigint, queue: string) {
    this.#database = openDatabase(file);
    this.chain = new SqliteStore(this.#database, chainId, queue);
    this.#database.exec(SCHEMA);
    this.#place = [String(chainId), queue.toLowerCase()];
  }

  /** Writes a batch's events and moves the cursor past it, both or neither. */
  absorb(batch: Batch, cursor: EventCursor): void {
    this.#database.transaction(() => {
      if (batch.removedFrom !== undefined) this.#database.prepare("DELETE FROM logs WHERE block >= ?").run(batch.removedFrom);
      const insert = this.#database.prepare("INSERT OR REPLACE INTO logs VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
      for (const log of batch.added) {
        const subject = subjectOf(log);
        if (subject === undefined) continue;
        const { blockNumber, logIndex, blockHash, transactionHash, module, topics, data } = log;
        insert.run(blockNumber, logIndex, blockHash, transactionHash, module, subject, JSON.stringify(topics), data);
      }
      cursor.confirm(batch);
    })();
  }

  /** Events kept, in chain order. */
  logs(): DecodedLog[] {
    const rows = this.#database.prepare("SELECT * FROM logs ORDER BY block, log_index").all() as LogRow[];
    return rows.flatMap(({ block, log_index, block_hash, transaction_hash, module, topics, data }) => {
      const place = { blockNumber: block, logIndex: log_index, blockHash: block_hash, transactionHash: transaction_hash };
      return decodeLog({ module, ...place, topics: JSON.parse(topics) as string[], data }) ?? [];
    });
  }

  /** Drops events and work of subjects that have ended, and of events all but the last of each kind that only replaces itself, up to a block. */
  prune(ended: string[], upTo: number): void {
    this.#database.transaction(() => {
      const bySubject = this.#database.prepare("DELETE FROM logs WHERE subject = ? AND block <= ?");
      const work = this.#database.prepare("DELETE FROM work WHERE 'task:' || task = ?");
      for (const subject of ended) {
        bySubject.run(subject, upTo);
        work.run(subject);
      }
      this.#database
        .prepare(
          `DELETE FROM logs WHERE block <= ? AND (subject LIKE 'endpoint:%' OR subject LIKE 'router:%' OR subject LIKE 'draw:%')
           AND EXISTS (SELECT 1 FROM logs AS later WHERE later.subject = logs.subject
             AND (later.block, later.log_index) > (logs.block, logs.log_index) AND later.block <= ?)`,
        )
        .run(upTo, upTo);
    })();
  }

  /** Subjects with events up to a block, of one kind ("lease:"). */
  subjects(kind: string, upTo: number): string[] {
    const rows = this.#database.prepare("SELECT DISTINCT subject FROM logs WHERE subject LIKE ? AND block <= ?").all(`${kind}%`, upTo);
    return (rows as { subject: string }[]).map(({ subject }) => subject);
  }

  /** The work of a seat. */
  work(task: bigint, seat: number, attempt = 0): Work | undefined {
    const row = this.#database
      .prepare("SELECT * FROM work WHERE chain_id = ? AND queue = ? AND task = ? AND seat = ? AND attempt = ?")
      .get(...this.#place, String(task), seat, attempt) as (Omit<Work, "task" | "contents"> & { contents: string }) | undefined;
    if (row === undefined) return undefined;
    const { node, answers, claim, salt, commitment, r, vs, contents } = row;
    return { task, seat, attempt, node, answers, claim, salt, commitment, r, vs, contents: JSON.parse(contents) as string[] };
  }

  /** On disk when it returns. The same commitment may be saved again; throws JournalConflict for another one. */
  saveWork(work: Work): void {
    const { task, seat, attempt, node, answers, claim, salt, commitment, r, vs, contents } = work;
    this.#database
      .prepare("INSERT INTO work VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
      .run(...this.#place, String(task), seat, attempt, node, answers, claim, salt, commitment, r, vs, JSON.stringify(contents));
    const found = this.work(task, seat, attempt)!.commitment;
    if (found !== commitment) throw new JournalConflict(work, found);
  }

  close(): void {
    this.#database.close();
  }
}
