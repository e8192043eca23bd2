import type Database from "better-sqlite3";
import { openDatabase } from "../chain/sqliteStore.ts";
import type { RoundRole } from "../protocol/parts.ts";
import { JournalConflict } from "./journal.ts";

/** Which work of a node: one seat of one role in one round. */
export interface RoundPlace {
  round: number;
  role: RoundRole;
  seat: number;
}

/** What a node made for a round, on disk before anything of it leaves the process. */
export interface RoundWork extends RoundPlace {
  /** What the chain is told first: a commitment, or the digest of topics or a question. */
  commitment: string;
  /** What opens it, as JSON: see acts/rounds.ts. */
  opening: string;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS rounds (
    chain_id TEXT NOT NULL, pouw TEXT NOT NULL, round INTEGER NOT NULL, role TEXT NOT NULL, seat INTEGER NOT NULL,
    commitment TEXT NOT NULL, opening TEXT NOT NULL,
    PRIMARY KEY (chain_id, pouw, round, role, seat)) STRICT;
`;
const OF_PLACE = "chain_id = ? AND pouw = ? AND round = ? AND role = ? AND seat = ?";

/** The work of a node in rounds, for ever one for each seat. One writer. */
export class RoundStore {
  readonly #database: Database.Database;
  readonly #place: [chainId: string, pouw: string];

  /** Throws ChainError StoreCorrupt. `file`: path, or ":memory:". */
  constructor(file: string, chainId: bigint, pouw: string) {
    this.#database = openDatabase(file);
    this.#database.exec(SCHEMA);
    this.#place = [String(chainId), pouw.toLowerCase()];
  }

  work({ round, role, seat }: RoundPlace): RoundWork | undefined {
    const row = this.#database.prepare(`SELECT commitment, opening FROM rounds WHERE ${OF_PLACE}`).get(...this.#place, round, role, seat);
    return row === undefined ? undefined : { round, role, seat, ...(row as Pick<RoundWork, "commitment" | "opening">) };
  }

  /** On disk when it returns. The same commitment may be saved again; throws JournalConflict for another one. */
  save(work: RoundWork): void {
    const { round, role, seat, commitment, opening } = work;
    this.#database
      .prepare("INSERT INTO rounds VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING")
      .run(...this.#place, round, role, seat, commitment, opening);
    const found = this.work(work)!.commitment;
    if (found !== commitment) throw new JournalConflict({ task: BigInt(round), seat, commitment }, found);
  }

  close(): void {
    this.#database.close();
  }
}
