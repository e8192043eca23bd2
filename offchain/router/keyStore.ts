import { createHash, randomBytes, randomUUID } from "node:crypto";
import type Database from "better-sqlite3";
import { openDatabase } from "../chain/sqliteStore.ts";

export const SCOPES = ["complete", "read"] as const;
/** "complete": ask for answers and embeddings. "read": models, tasks, usage. */
export type Scope = (typeof SCOPES)[number];

/** What a key may do, and how much. Absent limits are none. */
export interface KeyTerms {
  name: string;
  scopes: Scope[];
  /** Seconds since 1970. */
  expiresAt?: number | undefined;
  /** Requests for answers in a minute. */
  perMinute?: number | undefined;
  /** Requests for answers in progress. */
  concurrent?: number | undefined;
  /** COR base units in a UTC day, what is held for open requests included. */
  spendPerDay?: bigint | undefined;
}

/** A key without its secret, which nobody has but its owner. */
export interface ApiKey extends KeyTerms {
  id: string;
  /** The first characters of the secret, to tell keys apart. */
  prefix: string;
  createdAt: number;
  revokedAt?: number | undefined;
}

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY, hash TEXT NOT NULL UNIQUE, prefix TEXT NOT NULL, name TEXT NOT NULL, scopes TEXT NOT NULL, created_at INTEGER NOT NULL,
    expires_at INTEGER, revoked_at INTEGER, per_minute INTEGER, concurrent INTEGER, spend_per_day TEXT) STRICT;
`;

interface Row {
  id: string;
  prefix: string;
  name: string;
  scopes: string;
  created_at: number;
  expires_at: number | null;
  revoked_at: number | null;
  per_minute: number | null;
  concurrent: number | null;
  spend_per_day: string | null;
}

const SECRET_FORM = /^cor_[A-Za-z0-9_-]{43}$/;
const PREFIX_LENGTH = 10;

/** API keys on disk. Of a secret, 256 random bits, only the sha256 is kept; looking that up tells an attacker nothing by its time. */
export class KeyStore {
  readonly #database: Database.Database;

  /** `file`: path, or ":memory:". Another process may have it open too. */
  constructor(file: string) {
    this.#database = openDatabase(file);
    this.#database.exec(SCHEMA);
  }

  /** Makes a key. The secret is told here and never again. */
  create({ name, scopes, expiresAt, perMinute, concurrent, spendPerDay }: KeyTerms): { key: ApiKey; secret: string } {
    const secret = `cor_${randomBytes(32).toString("base64url")}`;
    const id = `key_${randomUUID().replaceAll("-", "").slice(0, 16)}`;
    const limits = [perMinute ?? null, concurrent ?? null, spendPerDay === undefined ? null : String(spendPerDay)];
    this.#database
      .prepare("INSERT INTO keys VALUES (?, ?, ?, ?, ?, ?, ?, NULL, ?, ?, ?)")
      .run(id, hashOf(secret), secret.slice(0, PREFIX_LENGTH), name, scopes.join(","), now(), expiresAt ?? null, ...limits);
    return { key: this.byId(id)!, secret };
  }

  /** The key of a secret, also a revoked or expired one; undefined for a secret that never was. */
  bySecret(secret: string): ApiKey | undefined {
    if (!SECRET_FORM.test(secret)) return undefined;
    return keyOf(this.#database.prepare("SELECT * FROM keys WHERE hash = ?").get(hashOf(secret)) as Row | undefined);
  }

  byId(id: string): ApiKey | undefined {
    return keyOf(this.#database.prepare("SELECT * FROM keys WHERE id = ?").get(id) as Row | undefined);
  }

  /** False where there is no such key, or it is revoked already. */
  revoke(id: string): boolean {
    return this.#database.prepare("UPDATE keys SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL").run(now(), id).changes === 1;
  }

  all(): ApiKey[] {
    const rows = this.#database.prepare("SELECT * FROM keys ORDER BY created_at, id").all() as Row[];
    return rows.map((row) => keyOf(row)!);
  }

  /** Whether a key was ever made. From the first one on, keys are wanted. */
  get used(): boolean {
    return this.#database.prepare("SELECT 1 FROM keys LIMIT 1").get() !== undefined;
  }

  close(): void {
    this.#database.close();
  }
}

function keyOf(row: Row | undefined): ApiKey | undefined {
  if (row === undefined) return undefined;
  const { id, prefix, name, scopes, created_at, expires_at, revoked_at, per_minute, concurrent, spend_per_day } = row;
  return {
    id,
    prefix,
    name,
    scopes: scopes.split(",") as Scope[],
    createdAt: created_at,
    expiresAt: expires_at ?? undefined,
    revokedAt: revoked_at ?? undefined,
    perMinute: per_minute ?? undefined,
    concurrent: concurrent ?? undefined,
    spendPerDay: spend_per_day === null ? undefined : BigInt(spend_per_day),
  };
}

const hashOf = (secret: string) => createHash("sha256").update(secret).digest("hex");
const now = () => Math.floor(Date.now() / 1_000);
