import { ApiError } from "./apiError.ts";
import type { ApiKey, KeyStore, Scope } from "./keyStore.ts";

/** Who asks: a key, or whoever reaches a router that has none. */
export type Caller = Pick<ApiKey, "id" | "name" | "scopes" | "expiresAt" | "perMinute" | "concurrent" | "spendPerDay">;

const DEFAULT: Caller = { id: "default", name: "default", scopes: ["complete", "read"] };

interface Bucket {
  tokens: number;
  filledAtMs: number;
  running: number;
}

/** Who may come in, and how often. */
export class Access {
  readonly #keys: KeyStore;
  readonly #buckets = new Map<string, Bucket>();

  constructor(keys: KeyStore) {
    this.#keys = keys;
  }

  /** The caller of a request, by its Authorization header. Until the first key is made, everybody is the default one. Throws ApiError 401, 403. */
  caller(authorization: string | undefined, scope: Scope): Caller {
    if (!this.#keys.used) return DEFAULT;
    const [, secret] = /^Bearer (.+)$/i.exec(authorization ?? "") ?? [];
    if (secret === undefined) throw denied("found no API key, wanted a header Authorization: Bearer cor_…", "missing_api_key");
    const key = this.#keys.bySecret(secret);
    if (key === undefined) throw denied("found an unknown API key, wanted one that the router's operator gave out", "invalid_api_key");
    if (key.revokedAt !== undefined) throw denied("found a revoked API key, wanted another one", "revoked_api_key");
    if (key.expiresAt !== undefined && key.expiresAt <= Date.now() / 1_000)
      throw denied("found an expired API key, wanted another one", "expired_api_key");
    if (key.scopes.includes(scope)) return key;
    throw new ApiError(403, `found an API key with the scopes ${key.scopes.join(", ")}, wanted ${scope}`, { code: "missing_scope" });
  }

  /** Counts a request for answers. The result ends it. Throws ApiError 429. */
  enter({ id, perMinute, concurrent }: Caller): () => void {
    const nowMs = performance.now();
    const bucket = this.#buckets.get(id) ?? { tokens: perMinute ?? 0, filledAtMs: nowMs, running: 0 };
    this.#buckets.set(id, bucket);
    if (concurrent !== undefined && bucket.running >= concurrent)
      throw new ApiError(429, `found ${bucket.running} requests of this key in progress, wanted fewer than ${concurrent}; try again`, {
        code: "too_many_concurrent",
        retryAfter: 1,
      });
    if (perMinute !== undefined) {
      bucket.tokens = Math.min(perMinute, bucket.tokens + ((nowMs - bucket.filledAtMs) / 60_000) * perMinute);
      bucket.filledAtMs = nowMs;
      if (bucket.tokens < 1)
        throw new ApiError(429, `found more than ${perMinute} requests of this key in a minute, wanted fewer; try again`, {
          code: "rate_limit_exceeded",
          retryAfter: Math.ceil(((1 - bucket.tokens) / perMinute) * 60),
        });
      bucket.tokens--;
    }
    bucket.running++;
    return () => void bucket.running--;
  }
}

const denied = (message: string, code: string) => new ApiError(401, message, { code });
