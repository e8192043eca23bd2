import type Database from "better-sqlite3";
import type { ModuleName } from "./abis.ts";
import { type Batch, type DecodedLog, decodeLog, type EventCursor } from "./cursor.ts";
import { openDatabase, SqliteStore } from "./sqliteStore.ts";
import { subjectOf } from "./taskBook.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS logs (
    block INTEGER NOT NULL, log_index INTEGER NOT NULL, block_hash TEXT NOT NULL, transaction_hash TEXT NOT NULL,
    module TEXT NOT NULL, subject TEXT NOT NULL, topics TEXT NOT NULL, data TEXT NOT NULL, PRIMARY KEY (block, log_index)) STRICT;
  CREATE INDEX IF NOT EXISTS logs_by_subject ON logs (subject, block);
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

/** A program's memory of the chain on disk: events of what still runs, the cursor's place, and its transactions. One writer. */
export class LogStore {
  /** The part that the cursor and the sender use. */
  readonly chain: SqliteStore;
  protected readonly database: Database.Database;

  /** Throws ChainError StoreCorrupt or StoreOfOtherChain. `file`: path, or ":memory:". */
  constructor(file: string, chainId: bigint, queue: string) {
    this.database = openDatabase(file);
    this.chain = new SqliteStore(this.database, chainId, queue);
    this.database.exec(SCHEMA);
  }

  /** Writes a batch's events and moves the cursor past it, both or neither. */
  absorb(batch: Batch, cursor: EventCursor): void {
    this.database.transaction(() => {
      if (batch.removedFrom !== undefined) this.database.prepare("DELETE FROM logs WHERE block >= ?").run(batch.removedFrom);
      const insert = this.database.prepare("INSERT OR REPLACE INTO logs VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
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
    return decoded(this.database.prepare("SELECT * FROM logs ORDER BY block, log_index").all() as LogRow[]);
  }

  /** Events of one subject ("task:5") that are kept, in chain order. */
  ofSubject(subject: string): DecodedLog[] {
    return decoded(this.database.prepare("SELECT * FROM logs WHERE subject = ? ORDER BY block, log_index").all(subject) as LogRow[]);
  }

  /** Drops events of subjects that have ended, and of events all but the last of each kind that only replaces itself, up to a block. */
  prune(ended: string[], upTo: number): void {
    this.database.transaction(() => {
      const bySubject = this.database.prepare("DELETE FROM logs WHERE subject = ? AND block <= ?");
      for (const subject of ended) bySubject.run(subject, upTo);
      this.database
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
    const rows = this.database.prepare("SELECT DISTINCT subject FROM logs WHERE subject LIKE ? AND block <= ?").all(`${kind}%`, upTo);
    return (rows as { subject: string }[]).map(({ subject }) => subject);
  }

  close(): void {
    this.database.close();
  }
}

function decoded(rows: LogRow[]): DecodedLog[] {
  return rows.flatMap(({ block, log_index, block_hash, transaction_hash, module, topics, data }) => {
    const place = { blockNumber: block, logIndex: log_index, blockHash: block_hash, transactionHash: transaction_hash };
    return decodeLog({ module, ...place, topics: JSON.parse(topics) as string[], data }) ?? [];
  });
}
