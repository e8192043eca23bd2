import Database from "better-sqlite3";
import { LogStore } from "../chain/logStore.ts";

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

/** A result that goes to the operator's sink. */
export interface Delivery {
  task: bigint;
  seat: number;
  attempt: number;
  prompt: number;
  digest: string;
}

/** A second, different commitment for a seat. Nothing may go on after this: signing both would be equivocation. */
export class JournalConflict extends Error {
  readonly code = "JournalConflict";
  constructor({ task, seat, commitment }: Pick<Work, "task" | "seat" | "commitment">, found: string) {
    super(
      `found commitment ${found} in the journal for task ${task}, seat ${seat}, and now made ${commitment}; wanted the same; check model, key and engine`,
    );
    this.name = "JournalConflict";
  }
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS work (
    chain_id TEXT NOT NULL, queue TEXT NOT NULL, task TEXT NOT NULL, seat INTEGER NOT NULL, attempt INTEGER NOT NULL, node INTEGER NOT NULL,
    answers TEXT NOT NULL, claim TEXT NOT NULL, salt TEXT NOT NULL, commitment TEXT NOT NULL, r TEXT NOT NULL, vs TEXT NOT NULL, contents TEXT NOT NULL,
    PRIMARY KEY (chain_id, queue, task, seat, attempt)) STRICT;
  CREATE TABLE IF NOT EXISTS commitments (
    chain_id TEXT NOT NULL, queue TEXT NOT NULL, task TEXT NOT NULL, seat INTEGER NOT NULL, attempt INTEGER NOT NULL, commitment TEXT NOT NULL,
    PRIMARY KEY (chain_id, queue, task, seat, attempt)) STRICT;
  CREATE TABLE IF NOT EXISTS deliveries (
    task TEXT NOT NULL, seat INTEGER NOT NULL, attempt INTEGER NOT NULL, prompt INTEGER NOT NULL, digest TEXT NOT NULL, done INTEGER NOT NULL,
    PRIMARY KEY (task, seat, attempt, prompt)) STRICT;
  INSERT OR IGNORE INTO commitments SELECT chain_id, queue, task, seat, attempt, commitment FROM work;
`;

/** The node's memory on disk: what it knows of the chain, and the work behind its commitments. One writer. */
export class Journal extends LogStore {
  readonly #place: [chainId: string, queue: string];

  /** Throws ChainError StoreCorrupt or StoreOfOtherChain. `file`: path, or ":memory:". */
  constructor(file: string, chainId: bigint, queue: string) {
    super(file, chainId, queue);
    this.database.exec(SCHEMA);
    this.#place = [String(chainId), queue.toLowerCase()];
  }

  /** The chain and queue that a journal's file is bound to; undefined where it is not bound or cannot be read. */
  static bindingIn(file: string): { chainId: string; queue: string } | undefined {
    try {
      const database = new Database(file, { readonly: true, fileMustExist: true });
      try {
        return database.prepare("SELECT chain_id AS chainId, queue FROM binding").get() as { chainId: string; queue: string } | undefined;
      } finally {
        database.close();
      }
    } catch {
      return undefined;
    }
  }

  /** Also drops the work of tasks that have ended. Which commitment a seat got is kept for ever. */
  override prune(ended: string[], upTo: number): void {
    this.database.transaction(() => {
      super.prune(ended, upTo);
      const work = this.database.prepare("DELETE FROM work WHERE 'task:' || task = ?");
      for (const subject of ended) work.run(subject);
    })();
  }

  /** The work of a seat. */
  work(task: bigint, seat: number, attempt = 0): Work | undefined {
    const row = this.database
      .prepare("SELECT * FROM work WHERE chain_id = ? AND queue = ? AND task = ? AND seat = ? AND attempt = ?")
      .get(...this.#place, String(task), seat, attempt) as (Omit<Work, "task" | "contents"> & { contents: string }) | undefined;
    if (row === undefined) return undefined;
    const { node, answers, claim, salt, commitment, r, vs, contents } = row;
    return { task, seat, attempt, node, answers, claim, salt, commitment, r, vs, contents: JSON.parse(contents) as string[] };
  }

  /** On disk when it returns. The same commitment may be saved again; throws JournalConflict for another one. */
  saveWork(work: Work): void {
    const { task, seat, attempt, node, answers, claim, salt, commitment, r, vs, contents } = work;
    this.database.transaction(() => {
      this.bindSeat(task, seat, attempt, commitment);
      this.database
        .prepare("INSERT INTO work VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
        .run(...this.#place, String(task), seat, attempt, node, answers, claim, salt, commitment, r, vs, JSON.stringify(contents));
    })();
  }

  /** Binds a seat to one commitment for ever. Throws JournalConflict where it is bound to another. */
  bindSeat(task: bigint, seat: number, attempt: number, commitment: string): void {
    const place = [...this.#place, String(task), seat, attempt];
    this.database.prepare("INSERT INTO commitments VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING").run(...place, commitment);
    const select = "SELECT commitment FROM commitments WHERE chain_id = ? AND queue = ? AND task = ? AND seat = ? AND attempt = ?";
    const found = (this.database.prepare(select).get(...place) as { commitment: string }).commitment;
    if (found !== commitment) throw new JournalConflict({ task, seat, commitment }, found);
  }

  /** Every commitment ever made here, by task. */
  commitments(): { task: string; seat: number; attempt: number; commitment: string }[] {
    const select =
      "SELECT task, seat, attempt, commitment FROM commitments WHERE chain_id = ? AND queue = ? ORDER BY CAST(task AS INTEGER), seat, attempt";
    return this.database.prepare(select).all(...this.#place) as { task: string; seat: number; attempt: number; commitment: string }[];
  }

  /** Notes results for the sink; those that were noted before stay as they are. */
  deliver(deliveries: Delivery[]): void {
    const insert = this.database.prepare("INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, ?, ?, 0)");
    this.database.transaction(() => {
      for (const { task, seat, attempt, prompt, digest } of deliveries) insert.run(String(task), seat, attempt, prompt, digest);
    })();
  }

  deliveriesDue(): Delivery[] {
    const rows = this.database.prepare("SELECT task, seat, attempt, prompt, digest FROM deliveries WHERE done = 0 ORDER BY rowid").all();
    return (rows as (Omit<Delivery, "task"> & { task: string })[]).map((row) => ({ ...row, task: BigInt(row.task) }));
  }

  delivered({ task, seat, attempt, prompt }: Delivery): void {
    const update = "UPDATE deliveries SET done = 1 WHERE task = ? AND seat = ? AND attempt = ? AND prompt = ?";
    this.database.prepare(update).run(String(task), seat, attempt, prompt);
  }

  /** Most pages the file may have, for tests of a full disk; SQLite rounds it up to what there is. Without a number: no limit. */
  limitPages(pages = 0xfffffffe): void {
    this.database.pragma(`max_page_count = ${pages}`);
  }

  /** Size of the database, bytes. */
  get bytes(): number {
    const pages = this.database.pragma("page_count", { simple: true }) as number;
    return pages * (this.database.pragma("page_size", { simple: true }) as number);
  }
}
