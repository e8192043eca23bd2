import type { Digest } from "../content/contentId.ts";
import type { ContentStore } from "../content/store.ts";

/** Bytes of answers that are kept in memory, all together. */
const MOST_BYTES = 32 * 1024 * 1024;
/** Longer answers are read from disk. */
const MOST_BYTES_OF_ONE = 64 * 1024;

/**
 * Answers that were opened a moment ago, in memory: their clients want them as soon as the next block settles the task, all at once. Whatever is here was
 * hashed when it was read from the store.
 */
export class FreshContent {
  readonly #store: Pick<ContentStore, "get">;
  readonly #held = new Map<string, Uint8Array>();
  #bytes = 0;

  constructor(store: Pick<ContentStore, "get">) {
    this.#store = store;
  }

  /** Reads what the store has of these. Never rejects. */
  async warm(digests: readonly Digest[]): Promise<void> {
    for (const digest of new Set(digests)) {
      if (this.#held.has(digest)) continue;
      const bytes = await this.#store.get(digest, { maxBytes: MOST_BYTES_OF_ONE }).catch(() => undefined);
      if (bytes !== undefined) this.#hold(digest, bytes);
    }
  }

  bytes(digest: Digest): Uint8Array | undefined {
    return this.#held.get(digest);
  }

  #hold(digest: Digest, bytes: Uint8Array): void {
    if (this.#held.has(digest)) return;
    this.#held.set(digest, bytes);
    this.#bytes += bytes.length;
    for (const [oldest, { length }] of this.#held) {
      if (this.#bytes <= MOST_BYTES) return;
      this.#held.delete(oldest);
      this.#bytes -= length;
    }
  }
}
