import { createHash } from "node:crypto";
import { ApiError } from "./apiError.ts";
import type { ApiKey, KeyStore, Scope } from "./keyStore.ts";

/** Who asks: a key, whoever reaches a router that has none, an address on trial, or whoever pays for each call. */
export type Caller = Pick<ApiKey, "id" | "name" | "scopes" | "expiresAt" | "perMinute" | "concurrent" | "spendPerDay"> & {
  /** Requests for answers in a UTC day; for addresses on trial. */
  perDay?: number | undefined;
  /** Nothing is answered without a payment. */
  pays?: boolean | undefined;
};

const BOTH: Scope[] = ["complete", "read"];
const DEFAULT: Caller = { id: "default", name: "default", scopes: BOTH };
const PAYER: Caller = { id: "x402", name: "x402", scopes: BOTH, pays: true, concurrent: 256 };

/** A request that was let in: how to end it, and what remains, as x-ratelimit- headers say it. */
export interface Entry {
  leave: () => void;
  headers: Record<string, string>;
}

export interface AccessOptions {
  /** Requests for answers that every address has a day without a key, once there are keys; 0 is none. */
  trialPerDay?: number;
  /** Whether those without a key may pay for each call. */
  payments?: boolean;
  /** Requests for answers that a caller had today. */
  requestsToday?: (id: string) => number;
  /** What of a caller's day is left, as output tokens of one answer; undefined without a cap. */
  tokensLeft?: (caller: Caller) => { limit: number; remaining: number } | undefined;
}

interface Bucket {
  tokens: number;
  filledAtMs: number;
  running: number;
}

const MOST_BUCKETS = 100_000;
const DAY_SECONDS = 86_400;

/** Who may come in, and how often. */
export class Access {
  readonly #keys: KeyStore;
  readonly #options: AccessOptions;
  readonly #buckets = new Map<string, Bucket>();

  constructor(keys: KeyStore, options: AccessOptions = {}) {
    this.#keys = keys;
    this.#options = options;
  }

  /**
   * The caller of a request, by its Authorization header and its address. Until the first key is made, everybody is the default one, or pays where
   * payments are on. Throws ApiError 401, 403.
   */
  caller(authorization: string | undefined, scope: Scope, address = ""): Caller {
    const { payments = false, trialPerDay = 0 } = this.#options;
    const { used } = this.#keys;
    const [, secret] = /^Bearer (.+)$/i.exec(authorization ?? "") ?? [];
    if (!used && (!payments || !secret?.startsWith("cor_"))) return payments ? PAYER : DEFAULT;
    const ours = secret?.startsWith("cor_");
    if (!ours && trialPerDay > 0) return trial(address, trialPerDay);
    if (!ours && payments) return PAYER;
    if (secret === undefined) throw denied("found no API key, wanted a header Authorization: Bearer cor_…", "missing_api_key");
    const key = this.#keys.bySecret(secret);
    if (key === undefined) throw denied("found an unknown API key, wanted one that the router's operator gave out", "invalid_api_key");
    if (key.revokedAt !== undefined) throw denied("found a revoked API key, wanted another one", "revoked_api_key");
    if (key.expiresAt !== undefined && key.expiresAt <= Date.now() / 1_000)
      throw denied("found an expired API key, wanted another one", "expired_api_key");
    if (key.scopes.includes(scope)) return key;
    throw new ApiError(403, `found an API key with the scopes ${key.scopes.join(", ")}, wanted ${scope}`, { code: "missing_scope" });
  }

  /** Counts a request for answers. Throws ApiError 429. */
  enter(caller: Caller): Entry {
    const { id, perMinute, concurrent, perDay } = caller;
    const nowMs = performance.now();
    const bucket = this.#buckets.get(id) ?? { tokens: perMinute ?? 0, filledAtMs: nowMs, running: 0 };
    this.#remember(id, bucket);
    if (concurrent !== undefined && bucket.running >= concurrent)
      throw new ApiError(429, `found ${bucket.running} requests of this key in progress, wanted fewer than ${concurrent}; try again`, {
        code: "too_many_concurrent",
        retryAfter: 1,
      });
    const today = perDay === undefined ? 0 : (this.#options.requestsToday?.(id) ?? 0) + bucket.running;
    if (perDay !== undefined && today >= perDay)
      throw new ApiError(
        429,
        `found ${today} requests of this address today, wanted fewer than ${perDay}; ask the operator for an API key`,
        {
          code: "trial_spent",
          retryAfter: secondsLeftToday(),
        },
      );
    if (perMinute !== undefined) {
      bucket.tokens = Math.min(perMinute, bucket.tokens + ((nowMs - bucket.filledAtMs) / 60_000) * perMinute);
      bucket.filledAtMs = nowMs;
      if (bucket.tokens < 1)
        throw new ApiError(429, `found more than ${perMinute} requests of this key in a minute, wanted fewer; try again`, {
          code: "rate_limit_exceeded",
          retryAfter: Math.ceil(((1 - bucket.tokens) / perMinute) * 60),
          details: { limit: perMinute },
        });
      bucket.tokens--;
    }
    bucket.running++;
    const headers: Record<string, string> = {};
    const tell = (what: string, limit: number, remaining: number, resetSeconds: number) =>
      Object.assign(headers, {
        [`x-ratelimit-limit-${what}`]: String(limit),
        [`x-ratelimit-remaining-${what}`]: String(Math.max(0, Math.floor(remaining))),
        [`x-ratelimit-reset-${what}`]: `${Math.ceil(resetSeconds)}s`,
      });
    if (perMinute !== undefined) tell("requests", perMinute, bucket.tokens, ((perMinute - bucket.tokens) / perMinute) * 60);
    else if (perDay !== undefined) tell("requests", perDay, perDay - today - 1, secondsLeftToday());
    const tokens = this.#options.tokensLeft?.(caller);
    if (tokens !== undefined) tell("tokens", tokens.limit, tokens.remaining, secondsLeftToday());
    return { leave: () => void bucket.running--, headers };
  }

  /** Addresses are many: those that are quiet and full are forgotten first. */
  #remember(id: string, bucket: Bucket): void {
    this.#buckets.delete(id);
    this.#buckets.set(id, bucket);
    if (this.#buckets.size <= MOST_BUCKETS) return;
    for (const [other, { running }] of this.#buckets) {
      if (running > 0) continue;
      this.#buckets.delete(other);
      break;
    }
  }
}

/** Of an address only a hash is kept; of IPv6 its network of 64 bits, since one machine has all of that. */
function trial(address: string, perDay: number): Caller {
  const network = address.includes(":") && !address.includes(".") ? address.split(":").slice(0, 4).join(":") : address;
  const id = `trial_${createHash("sha256").update(network).digest("hex").slice(0, 16)}`;
  return { id, name: "trial", scopes: BOTH, perDay, concurrent: Math.min(perDay, 2) };
}

const secondsLeftToday = () => DAY_SECONDS - (Math.floor(Date.now() / 1_000) % DAY_SECONDS);
const denied = (message: string, code: string) => new ApiError(401, message, { code });
