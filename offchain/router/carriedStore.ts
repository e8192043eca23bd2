import type Database from "better-sqlite3";
import { openDatabase, SqliteStore } from "../chain/sqliteStore.ts";

/** A commitment that its author signed, as nodes hand it in. */
export interface CarriedCommitment {
  task: bigint;
  seat: number;
  node: number;
  commitment: string;
  /** Compact signature of the seat's operator over the commitment. */
  r: string;
  vs: string;
}

/** An opening as nodes hand it in, once commits have closed. */
export interface CarriedOpening {
  task: bigint;
  seat: number;
  node: number;
  /** Packed answers, 0x hex. */
  answers: string;
  claim: string;
  salt: string;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS commitments (
    task TEXT NOT NULL, seat INTEGER NOT NULL, node INTEGER NOT NULL, commitment TEXT NOT NULL, r TEXT NOT NULL, vs TEXT NOT NULL,
    PRIMARY KEY (task, seat)) STRICT;
  CREATE TABLE IF NOT EXISTS openings (
    task TEXT NOT NULL, seat INTEGER NOT NULL, node INTEGER NOT NULL, answers TEXT NOT NULL, claim TEXT NOT NULL, salt TEXT NOT NULL,
    PRIMARY KEY (task, seat)) STRICT;
`;

type Stored<T> = Omit<T, "task"> & { task: string };

/** What nodes have handed in and was found good, on disk before it is acknowledged. One commitment per seat, of which the first stays; openings are bound by it. */
export class CarriedStore {
  readonly #database: Database.Database;
  /** What was read before: the loop asks for every open task in every round. */
  readonly #commitments = new Map<bigint, CarriedCommitment[]>();
  readonly #openings = new Map<bigint, CarriedOpening[]>();

  /** Throws ChainError StoreCorrupt or StoreOfOtherChain. `file`: path, or ":memory:". */
  constructor(file: string, chainId: bigint, queue: string) {
    this.#database = openDatabase(file);
    new SqliteStore(this.#database, chainId, queue);
    this.#database.exec(SCHEMA);
  }

  saveCommitment({ task, seat, node, commitment, r, vs }: CarriedCommitment): void {
    const insert = "INSERT INTO commitments VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    this.#database.prepare(insert).run(String(task), seat, node, commitment, r, vs);
    this.#commitments.delete(task);
  }

  saveOpening({ task, seat, node, answers, claim, salt }: CarriedOpening): void {
    const insert = "INSERT OR REPLACE INTO openings VALUES (?, ?, ?, ?, ?, ?)";
    this.#database.prepare(insert).run(String(task), seat, node, answers, claim, salt);
    this.#openings.delete(task);
  }

  /** The same objects until something is added. */
  commitments(task: bigint): readonly CarriedCommitment[] {
    return remembered(this.#commitments, task, () => this.#rows<CarriedCommitment>("commitments", task));
  }

  /** The same objects until something is added. */
  openings(task: bigint): readonly CarriedOpening[] {
    return remembered(this.#openings, task, () => this.#rows<CarriedOpening>("openings", task));
  }

  #rows<T>(table: "commitments" | "openings", task: bigint): T[] {
    const rows = this.#database.prepare(`SELECT * FROM ${table} WHERE task = ? ORDER BY seat`).all(String(task));
    return (rows as Stored<T>[]).map((row) => ({ ...row, task }) as T);
  }

  /** Drops everything about a task that ended long ago. */
  forget(task: bigint): void {
    for (const table of ["commitments", "openings"]) this.#database.prepare(`DELETE FROM ${table} WHERE task = ?`).run(String(task));
    this.#commitments.delete(task);
    this.#openings.delete(task);
  }

  close(): void {
    this.#database.close();
  }
}

function remembered<T>(known: Map<bigint, T[]>, task: bigint, read: () => T[]): T[] {
  const found = known.get(task) ?? read();
  known.set(task, found);
  return found;
}
