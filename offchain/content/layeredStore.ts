import type { Digest } from "./contentId.ts";
import { ContentError, type ContentErrorCode, type ContentLimits, type ContentStore } from "./store.ts";

/** What one peer said when it did not help. */
export interface PeerFailure {
  peer: string;
  code: ContentErrorCode;
}

/** Local content first, then the configured peers in order. What a peer gave is kept locally; one that lies, stalls or fails is passed over. */
export class LayeredStore implements ContentStore {
  readonly name = "local store and peers";
  readonly #local: ContentStore;
  readonly #peers: readonly ContentStore[];
  readonly #onFailure: (failure: PeerFailure) => void;

  constructor(local: ContentStore, peers: readonly ContentStore[], onFailure: (failure: PeerFailure) => void = () => undefined) {
    this.#local = local;
    this.#peers = peers;
    this.#onFailure = onFailure;
  }

  /** Keeps the bytes locally only; `replicate` offers them to the peers. */
  async put(bytes: Uint8Array): Promise<Digest> {
    return await this.#local.put(bytes);
  }

  /** Throws ContentNotFound, retryable, once nobody had good bytes; a corrupt local file is replaced by a peer's good bytes. */
  async get(digest: Digest, limits: ContentLimits = {}): Promise<Uint8Array> {
    const failures: PeerFailure[] = [];
    for (const source of [this.#local, ...this.#peers]) {
      try {
        const bytes = await source.get(digest, limits);
        if (source !== this.#local) await this.#local.put(bytes);
        return bytes;
      } catch (error) {
        failures.push(this.#passOver(source, error));
      }
    }
    const said = failures.map(({ peer, code }) => `${peer}: ${code}`).join(", ");
    throw new ContentError("ContentNotFound", `found good bytes of ${digest} nowhere (${said}); try again or configure another peer`, true);
  }

  /** Whether the local store has it; peers are not asked. */
  async has(digest: Digest): Promise<boolean> {
    return await this.#local.has(digest);
  }

  /** Offers local content to every peer. Returns the names of those that took it; the rest are reported as failures. */
  async replicate(digest: Digest, limits: ContentLimits = {}): Promise<string[]> {
    const bytes = await this.#local.get(digest, limits);
    const outcomes = await Promise.allSettled(this.#peers.map((peer) => peer.put(bytes, limits)));
    return this.#peers.flatMap((peer, index) => {
      const outcome = outcomes[index]!;
      if (outcome.status === "fulfilled") return [peer.name];
      this.#passOver(peer, outcome.reason);
      return [];
    });
  }

  #passOver(source: ContentStore, error: unknown): PeerFailure {
    if (!(error instanceof ContentError) || error.code === "InvalidContentId") throw error;
    const failure = { peer: source.name, code: error.code };
    if (source !== this.#local || error.code === "ContentCorrupt") this.#onFailure(failure);
    return failure;
  }
}
