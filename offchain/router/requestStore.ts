import type Database from "better-sqlite3";
import { openDatabase } from "../chain/sqliteStore.ts";

/** A request for answers, as it is remembered. Amounts are COR base units. */
export interface RequestRow {
  id: string;
  key: string;
  /** The client's own name for it, if it gave one. */
  idempotency: string | null;
  bodyHash: string;
  endpoint: string;
  /** Kept only where the same request may come again. */
  body: string | null;
  createdAt: number;
  state: "open" | "closed";
  held: bigint;
  status: number | null;
  reply: string | null;
}

/** Where a prompt of a request was put. */
export interface PlaceRow {
  position: number;
  name: string;
  prompt: number;
  task: bigint | null;
  charged: bigint | null;
}

/** What a key used on one UTC day. */
export interface DayUsage {
  day: string;
  requests: number;
  promptTokens: number;
  completionTokens: number;
  charged: bigint;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS requests (
    id TEXT PRIMARY KEY, key TEXT NOT NULL, idempotency TEXT, body_hash TEXT NOT NULL, endpoint TEXT NOT NULL, body TEXT, created_at INTEGER NOT NULL,
    state TEXT NOT NULL, held TEXT NOT NULL, status INTEGER, reply TEXT) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS one_per_idempotency ON requests (key, idempotency) WHERE idempotency IS NOT NULL;
  CREATE INDEX IF NOT EXISTS open_requests ON requests (state, key);
  CREATE TABLE IF NOT EXISTS places (
    request TEXT NOT NULL REFERENCES requests (id) ON DELETE CASCADE, position INTEGER NOT NULL, name TEXT NOT NULL, prompt INTEGER NOT NULL,
    task TEXT, charged TEXT, counted TEXT NOT NULL DEFAULT '0', PRIMARY KEY (request, position, name)) STRICT;
  CREATE TABLE IF NOT EXISTS usage (
    key TEXT NOT NULL, day TEXT NOT NULL, requests INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
    charged TEXT NOT NULL, PRIMARY KEY (key, day)) STRICT;
`;

/** For files from before charges were counted one by one: what closed requests were charged is counted. */
const COUNT_PLACES = `
  ALTER TABLE places ADD COLUMN counted TEXT NOT NULL DEFAULT '0';
  UPDATE places SET counted = charged WHERE charged IS NOT NULL AND request IN (SELECT id FROM requests WHERE state = 'closed');
`;

interface Stored {
  id: string;
  key: string;
  idempotency: string | null;
  body_hash: string;
  endpoint: string;
  body: string | null;
  created_at: number;
  state: "open" | "closed";
  held: string;
  status: number | null;
  reply: string | null;
}

/** Requests, where their prompts are, and what each key used; so that a router that was killed knows what it owes an answer to. One writer. */
export class RequestStore {
  readonly #database: Database.Database;
  readonly #charges: [charged: string, request: string, name: string, prompt: number][] = [];
  #soon: NodeJS.Immediate | undefined;

  constructor(file: string) {
    this.#database = openDatabase(file);
    // A killed process loses nothing in this mode; a power cut may lose the last moments, of which the chain knows the rest.
    this.#database.pragma("synchronous = NORMAL");
    this.#database.exec(SCHEMA);
    const columns = this.#database.pragma("table_info(places)") as { name: string }[];
    if (!columns.some(({ name }) => name === "counted")) this.#database.exec(COUNT_PLACES);
  }

  open({ id, key, idempotency, bodyHash, endpoint, body, createdAt, held }: Omit<RequestRow, "state" | "status" | "reply">): void {
    this.#database
      .prepare("INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, ?, 'open', ?, NULL, NULL)")
      .run(id, key, idempotency, bodyHash, endpoint, body, createdAt, String(held));
  }

  byIdempotency(key: string, idempotency: string): RequestRow | undefined {
    const found = this.#database.prepare("SELECT * FROM requests WHERE key = ? AND idempotency = ?").get(key, idempotency);
    return found === undefined ? undefined : rowOf(found as Stored);
  }

  /** Requests that a process before this one, or a client that went away, left behind. */
  opened(): RequestRow[] {
    return (this.#database.prepare("SELECT * FROM requests WHERE state = 'open' ORDER BY created_at").all() as Stored[]).map(rowOf);
  }

  held(key: string): bigint {
    const rows = this.#database.prepare("SELECT held FROM requests WHERE state = 'open' AND key = ?").all(key) as { held: string }[];
    return rows.reduce((sum, { held }) => sum + BigInt(held), 0n);
  }

  /** Where a prompt will be put. A request that was closed without an answer is open again from then on. */
  named(request: string, position: number, name: string, prompt: number): void {
    this.#database.prepare("UPDATE requests SET state = 'open' WHERE id = ? AND state = 'closed'").run(request);
    this.#database
      .prepare("INSERT OR IGNORE INTO places (request, position, name, prompt) VALUES (?, ?, ?, ?)")
      .run(request, position, name, prompt);
  }

  placed(request: string, position: number, task: bigint): void {
    const place = this.places(request).findLast((one) => one.position === position);
    if (place === undefined) return;
    this.#database
      .prepare("UPDATE places SET task = ? WHERE request = ? AND position = ? AND name = ?")
      .run(String(task), request, position, place.name);
  }

  /**
   * Notes what a prompt was charged; on disk with the next turn of the event loop, or before anything reads it. All prompts of a task end in one moment,
   * and one write is enough for them: a process that ends before it learns the charges from the chain again.
   */
  charge(request: string, name: string, prompt: number, charged: bigint): void {
    this.#charges.push([String(charged), request, name, prompt]);
    this.#soon ??= setImmediate(() => this.#flush());
  }

  #flush(): void {
    clearImmediate(this.#soon);
    this.#soon = undefined;
    const charges = this.#charges.splice(0);
    if (charges.length === 0) return;
    const update = this.#database.prepare("UPDATE places SET charged = ? WHERE request = ? AND name = ? AND prompt = ?");
    this.#database.transaction(() => charges.forEach((one) => update.run(...one)))();
  }

  /** In the order in which they were made. */
  places(request: string): PlaceRow[] {
    this.#flush();
    const rows = this.#database.prepare("SELECT * FROM places WHERE request = ? ORDER BY rowid").all(request);
    return (rows as { position: number; name: string; prompt: number; task: string | null; charged: string | null }[]).map((row) => ({
      position: row.position,
      name: row.name,
      prompt: row.prompt,
      task: row.task === null ? null : BigInt(row.task),
      charged: row.charged === null ? null : BigInt(row.charged),
    }));
  }

  /** Names under which open requests were submitted. */
  openNames(): string[] {
    const rows = this.#database.prepare("SELECT DISTINCT name FROM places JOIN requests ON request = id WHERE state = 'open'").all();
    return (rows as { name: string }[]).map(({ name }) => name);
  }

  /**
   * Ends a request: what its places were charged goes to its key's usage, each charge once however often this is called, and also where it became
   * known only after the first call. A reply that comes later is kept all the same.
   */
  end(
    id: string,
    {
      status,
      reply,
      promptTokens,
      completionTokens,
    }: { status: number; reply: string | null; promptTokens: number; completionTokens: number },
  ): void {
    this.#flush();
    this.#database.transaction(() => {
      const row = this.#database.prepare("SELECT * FROM requests WHERE id = ?").get(id) as Stored | undefined;
      if (row === undefined) return;
      this.#database
        .prepare("UPDATE requests SET state = 'closed', status = ?, reply = coalesce(?, reply) WHERE id = ?")
        .run(status, reply, id);
      const charged = this.#countCharges(id);
      const first = row.status === null;
      if (!first && charged === 0n) return;
      const today = dayOf(Date.now());
      const before = this.usage(row.key, today);
      this.#database
        .prepare("INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?, ?, ?)")
        .run(
          row.key,
          today,
          before.requests + (first ? 1 : 0),
          before.promptTokens + (first ? promptTokens : 0),
          before.completionTokens + (first ? completionTokens : 0),
          String(before.charged + charged),
        );
    })();
  }

  /** What the request's places were charged and is not counted yet; counted from now on. */
  #countCharges(id: string): bigint {
    const rows = this.#database.prepare("SELECT charged, counted FROM places WHERE request = ? AND charged IS NOT NULL").all(id);
    this.#database.prepare("UPDATE places SET counted = charged WHERE request = ? AND charged IS NOT NULL").run(id);
    return (rows as { charged: string; counted: string }[]).reduce((sum, row) => sum + BigInt(row.charged) - BigInt(row.counted), 0n);
  }

  /** Forgets a request of which nothing came: the same may be asked anew. */
  drop(id: string): void {
    this.#database.prepare("DELETE FROM requests WHERE id = ?").run(id);
  }

  usage(key: string, day: string): DayUsage {
    const row = this.#database.prepare("SELECT * FROM usage WHERE key = ? AND day = ?").get(key, day) as
      { requests: number; prompt_tokens: number; completion_tokens: number; charged: string } | undefined;
    if (row === undefined) return { day, requests: 0, promptTokens: 0, completionTokens: 0, charged: 0n };
    const { requests, prompt_tokens, completion_tokens, charged } = row;
    return { day, requests, promptTokens: prompt_tokens, completionTokens: completion_tokens, charged: BigInt(charged) };
  }

  /** Forgets requests from before this second. What is still open then can no longer be asked for at all. */
  prune(before: number): void {
    this.#database.prepare("UPDATE requests SET state = 'closed' WHERE state = 'open' AND created_at < ?").run(before);
    this.#database.prepare("DELETE FROM requests WHERE state = 'closed' AND created_at < ?").run(before);
  }

  close(): void {
    this.#flush();
    this.#database.close();
  }
}

/** The UTC day, like 2026-01-31. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

function rowOf({ id, key, idempotency, body_hash, endpoint, body, created_at, state, held, status, reply }: Stored): RequestRow {
  return { id, key, idempotency, bodyHash: body_hash, endpoint, body, createdAt: created_at, state, held: BigInt(held), status, reply };
}
