import type Database from "better-sqlite3";
import { type Row, type TableName, TABLES } from "./schema.ts";

/** Above this a table's memory is emptied: the rest of the chain rarely asks for old tasks again. */
const MOST_REMEMBERED = 20_000;

/** A table's rows as the fold works on them: read once, changed in memory, written when told to. */
export class Rows<Name extends TableName> {
  readonly #key: readonly string[];
  readonly #select: Database.Statement;
  readonly #selectUnder: Database.Statement;
  readonly #upsert: Database.Statement;
  readonly #columns: string[];
  readonly #cache = new Map<string, Row<Name> | null>();
  readonly #dirty = new Map<string, Row<Name>>();
  readonly #appended: Row<Name>[] = [];
  /** Places by the first column of their key, and for which of those everything on disk is in memory. */
  readonly #under = new Map<string, Set<string>>();
  readonly #read = new Set<string>();

  constructor(database: Database.Database, name: Name) {
    const { key, columns } = TABLES[name];
    this.#key = key;
    this.#columns = Object.keys(columns);
    const others = this.#columns.filter((column) => !this.#key.includes(column));
    this.#select = database.prepare(`SELECT * FROM ${name} WHERE ${key.map((column) => `${column} = ?`).join(" AND ")}`);
    this.#selectUnder = database.prepare(`SELECT * FROM ${name} WHERE ${key[0]} = ?`);
    this.#upsert = database.prepare(
      `INSERT INTO ${name} VALUES (${this.#columns.map(() => "?").join(", ")}) ON CONFLICT (${key.join(", ")}) DO ` +
        (others.length === 0 ? "NOTHING" : `UPDATE SET ${others.map((column) => `${column} = excluded.${column}`).join(", ")}`),
    );
  }

  /** The row under a key, to be changed and `put` again; undefined where there is none. */
  get(...key: (string | number)[]): Row<Name> | undefined {
    const place = key.join(" ");
    const known = this.#cache.get(place);
    if (known !== undefined) return known ?? undefined;
    const found = (this.#select.get(...key) as Row<Name> | undefined) ?? null;
    this.#remember(place, found);
    return found ?? undefined;
  }

  /** Every row whose key begins with this value, what was put and is not written yet included. */
  under(first: string): Row<Name>[] {
    if (!this.#read.has(first)) {
      this.#read.add(first);
      for (const row of this.#selectUnder.all(first) as Row<Name>[]) {
        const place = this.#placeOf(row);
        if (!this.#cache.has(place)) this.#remember(place, row);
      }
    }
    return [...(this.#under.get(first) ?? [])].flatMap((place) => this.#cache.get(place) ?? []);
  }

  put(row: Row<Name>): void {
    const place = this.#placeOf(row);
    this.#remember(place, row);
    this.#dirty.set(place, row);
  }

  /** Puts a row that is written once and never read again. */
  append(row: Row<Name>): void {
    this.#appended.push(row);
  }

  /** Writes what was put. */
  flush(): void {
    for (const row of this.#appended) this.#write(row);
    for (const row of this.#dirty.values()) this.#write(row);
    this.#appended.length = 0;
    this.#dirty.clear();
    if (this.#cache.size > MOST_REMEMBERED) this.forget();
  }

  /** Forgets what was read or put: the table has changed beneath it. */
  forget(): void {
    for (const memory of [this.#cache, this.#dirty, this.#under, this.#read]) memory.clear();
    this.#appended.length = 0;
  }

  #write(row: Row<Name>): void {
    this.#upsert.run(this.#columns.map((column) => (row as Record<string, unknown>)[column]));
  }

  #placeOf(row: Row<Name>): string {
    return this.#key.map((column) => (row as Record<string, unknown>)[column]).join(" ");
  }

  #remember(place: string, row: Row<Name> | null): void {
    this.#cache.set(place, row);
    if (this.#key.length === 1) return;
    const first = place.slice(0, place.indexOf(" "));
    const places = this.#under.get(first);
    if (places === undefined) this.#under.set(first, new Set([place]));
    else places.add(place);
  }
}

export type Tables = { [Name in TableName]: Rows<Name> };

/** The rows of every table. */
export function rowsOf(database: Database.Database): Tables {
  return Object.fromEntries(Object.keys(TABLES).map((name) => [name, new Rows(database, name as TableName)])) as unknown as Tables;
}
