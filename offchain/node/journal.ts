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

  /** Also drops the work of tasks that have ended. */
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
    this.database
      .prepare("INSERT INTO work VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
      .run(...this.#place, String(task), seat, attempt, node, answers, claim, salt, commitment, r, vs, JSON.stringify(contents));
    const found = this.work(task, seat, attempt)!.commitment;
    if (found !== commitment) throw new JournalConflict(work, found);
  }
}
