import type Database from "better-sqlite3";
import { openDatabase } from "../chain/sqliteStore.ts";
import { JournalConflict } from "./journal.ts";

/** Which verdict of a node: one seat in one panel. */
export interface VerdictPlace {
  task: bigint;
  attempt: number;
  round: number;
  seat: number;
}

/** A verdict, on disk before its commitment leaves the process. */
export interface VerdictWork extends VerdictPlace {
  node: number;
  verdict: bigint;
  /** Digest of what backs it, whose content is in the private store. */
  evidence: string;
  salt: string;
  commitment: string;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS verdicts (
    chain_id TEXT NOT NULL, validation TEXT NOT NULL, task TEXT NOT NULL, attempt INTEGER NOT NULL, round INTEGER NOT NULL, seat INTEGER NOT NULL,
    node INTEGER NOT NULL, verdict TEXT NOT NULL, evidence TEXT NOT NULL, salt TEXT NOT NULL, commitment TEXT NOT NULL,
    PRIMARY KEY (chain_id, validation, task, attempt, round, seat)) STRICT;
`;
const OF_SEAT = "chain_id = ? AND validation = ? AND task = ? AND attempt = ? AND round = ? AND seat = ?";

type Row = Pick<VerdictWork, "node" | "evidence" | "salt" | "commitment"> & { verdict: string };

/** The verdicts that a node has made, for ever one for each seat. One writer. */
export class VerdictStore {
  readonly #database: Database.Database;
  readonly #place: [chainId: string, validation: string];

  /** Throws ChainError StoreCorrupt. `file`: path, or ":memory:". */
  constructor(file: string, chainId: bigint, validation: string) {
    this.#database = openDatabase(file);
    this.#database.exec(SCHEMA);
    this.#place = [String(chainId), validation.toLowerCase()];
  }

  verdict(place: VerdictPlace): VerdictWork | undefined {
    const { task, attempt, round, seat } = place;
    const row = this.#database
      .prepare(`SELECT node, verdict, evidence, salt, commitment FROM verdicts WHERE ${OF_SEAT}`)
      .get(...this.#place, String(task), attempt, round, seat) as Row | undefined;
    return row === undefined ? undefined : { task, attempt, round, seat, ...row, verdict: BigInt(row.verdict) };
  }

  /** On disk when it returns. The same commitment may be saved again; throws JournalConflict for another one. */
  save(work: VerdictWork): void {
    const { task, attempt, round, seat, node, verdict, evidence, salt, commitment } = work;
    this.#database
      .prepare("INSERT INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
      .run(...this.#place, String(task), attempt, round, seat, node, String(verdict), evidence, salt, commitment);
    const found = this.verdict(work)!.commitment;
    if (found !== commitment) throw new JournalConflict(work, found);
  }

  close(): void {
    this.#database.close();
  }
}
