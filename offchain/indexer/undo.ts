import type Database from "better-sqlite3";
import { TABLE_NAMES, TABLES } from "./schema.ts";

const UNDO_TABLE = "CREATE TABLE IF NOT EXISTS undo (id INTEGER PRIMARY KEY, block INTEGER NOT NULL, sql TEXT NOT NULL) STRICT";

/**
 * Takes blocks back. While it watches, every change of a table also writes the statement that reverts it (SQLite's own recipe for
 * undo by triggers), so a reorganisation needs no code for any single kind of event.
 */
export class UndoLog {
  readonly #database: Database.Database;
  readonly #move: Database.Statement;
  #watching = false;

  constructor(database: Database.Database) {
    this.#database = database;
    database.exec(`${UNDO_TABLE}; CREATE TEMP TABLE current_block (number INTEGER NOT NULL); INSERT INTO current_block VALUES (0);`);
    this.#move = database.prepare("UPDATE current_block SET number = ?");
  }

  /** From now on, what changes belongs to this block and can be taken back. */
  watch(block: number): void {
    if (!this.#watching) this.#database.exec(triggers());
    this.#watching = true;
    this.#move.run(block);
  }

  /** What changes from now on cannot be taken back: blocks too old to be reorganised. */
  rest(): void {
    if (!this.#watching) return;
    this.#watching = false;
    for (const name of TABLE_NAMES) for (const when of EVENTS) this.#database.exec(`DROP TRIGGER temp.undo_${name}_${when.toLowerCase()}`);
  }

  /** Reverts what belongs to this block and to later ones. */
  revert(from: number): void {
    this.rest();
    const rows = this.#database.prepare("SELECT sql FROM undo WHERE block >= ? ORDER BY id DESC").all(from) as { sql: string }[];
    for (const { sql } of rows) this.#database.exec(sql);
    this.#database.prepare("DELETE FROM undo WHERE block >= ?").run(from);
  }

  /** Forgets how to revert blocks up to this one. */
  prune(upTo: number): void {
    this.#database.prepare("DELETE FROM undo WHERE block <= ?").run(upTo);
  }
}

const EVENTS = ["INSERT", "UPDATE", "DELETE"] as const;

function triggers(): string {
  const write = (sql: string) => `INSERT INTO undo (block, sql) SELECT number, ${sql} FROM current_block`;
  return TABLE_NAMES.flatMap((name) => {
    const { key, columns } = TABLES[name] as { key: readonly string[]; columns: object };
    const all = Object.keys(columns);
    const where = (row: string) => key.map((column) => `'${column} = ' || quote(${row}.${column})`).join(" || ' AND ' || ");
    const set = all.map((column) => `'${column} = ' || quote(old.${column})`).join(" || ', ' || ");
    const values = all.map((column) => `quote(old.${column})`).join(" || ', ' || ");
    const inverse = {
      INSERT: `'DELETE FROM ${name} WHERE ' || ${where("new")}`,
      UPDATE: `'UPDATE ${name} SET ' || ${set} || ' WHERE ' || ${where("new")}`,
      DELETE: `'INSERT INTO ${name} VALUES (' || ${values} || ')'`,
    };
    return EVENTS.map(
      (when) => `CREATE TEMP TRIGGER undo_${name}_${when.toLowerCase()} AFTER ${when} ON main.${name} BEGIN ${write(inverse[when])}; END;`,
    );
  }).join("\n");
}
