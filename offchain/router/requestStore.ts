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
    task TEXT, charged TEXT, PRIMARY KEY (request, position, name)) STRICT;
  CREATE TABLE IF NOT EXISTS usage (
    key TEXT NOT NULL, day TEXT NOT NULL, requests INTEGER NOT NULL, prompt_tokens INTEGER NOT NULL, completion_tokens INTEGER NOT NULL,
    charged TEXT NOT NULL, PRIMARY KEY (key, day)) STRICT;
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

  constructor(file: string) {
    this.#database = openDatabase(file);
    // A killed process loses nothing in this mode; a power cut may lose the last moments, of which the chain knows the rest.
    this.#database.pragma("synchronous = NORMAL");
    this.#database.exec(SCHEMA);
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

  named(request: string, position: number, name: string, prompt: number): void {
    this.#database.prepare("INSERT OR IGNORE INTO places VALUES (?, ?, ?, ?, NULL, NULL)").run(request, position, name, prompt);
  }

  placed(request: string, position: number, task: bigint): void {
    const place = this.places(request).findLast((one) => one.position === position);
    if (place === undefined) return;
    this.#database
      .prepare("UPDATE places SET task = ? WHERE request = ? AND position = ? AND name = ?")
      .run(String(task), request, position, place.name);
  }

  charge(request: string, name: string, prompt: number, charged: bigint): void {
    this.#database
      .prepare("UPDATE places SET charged = ? WHERE request = ? AND name = ? AND prompt = ?")
      .run(String(charged), request, name, prompt);
  }

  /** In the order in which they were made. */
  places(request: string): PlaceRow[] {
    const rows = this.#database.prepare("SELECT * FROM places WHERE request = ? ORDER BY rowid").all(request);
    return (rows as { position: number; name: string; prompt: number; task: string | null; charged: string | null }[]).map((row) => ({
      position: row.position,
      name: row.name,
      prompt: row.prompt,
      task: row.task === null ? null : BigInt(row.task),
      charged: row.charged === null ? null : BigInt(row.charged),
    }));
  }

  /** Ends a request once: what its places were charged goes to its key's usage. A reply that comes later is kept all the same. */
  end(
    id: string,
    {
      status,
      reply,
      promptTokens,
      completionTokens,
    }: { status: number; reply: string | null; promptTokens: number; completionTokens: number },
  ): void {
    this.#database.transaction(() => {
      const row = this.#database.prepare("SELECT * FROM requests WHERE id = ?").get(id) as Stored | undefined;
      if (row === undefined) return;
      this.#database
        .prepare("UPDATE requests SET state = 'closed', status = ?, reply = coalesce(?, reply) WHERE id = ?")
        .run(status, reply, id);
      if (row.state === "closed") return;
      const charged = this.places(id).reduce((sum, place) => sum + (place.charged ?? 0n), 0n);
      const today = dayOf(Date.now());
      const before = this.usage(row.key, today);
      this.#database
        .prepare("INSERT OR REPLACE INTO usage VALUES (?, ?, ?, ?, ?, ?)")
        .run(
          row.key,
          today,
          before.requests + 1,
          before.promptTokens + promptTokens,
          before.completionTokens + completionTokens,
          String(before.charged + charged),
        );
    })();
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
    this.#database.close();
  }
}

/** The UTC day, like 2026-01-31. */
export const dayOf = (ms: number): string => new Date(ms).toISOString().slice(0, 10);

function rowOf({ id, key, idempotency, body_hash, endpoint, body, created_at, state, held, status, reply }: Stored): RequestRow {
  return { id, key, idempotency, bodyHash: body_hash, endpoint, body, createdAt: created_at, state, held: BigInt(held), status, reply };
}
