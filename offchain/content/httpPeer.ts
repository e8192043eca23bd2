import { cidOf, digestOf, type Digest } from "./contentId.ts";
import { ContentError, DEFAULT_MAX_BYTES, type ContentLimits, type ContentStore } from "./store.ts";

const DEFAULT_TIMEOUT_MS = 10_000;

/**
 * Another node's content over HTTP: GET, HEAD and PUT {base}/content/{cid}. The peer is not trusted: bytes are counted and hashed as they
 * arrive, one timeout covers the whole exchange, and no redirect is followed.
 */
export class HttpPeer implements ContentStore {
  readonly name: string;
  readonly #base: string;
  readonly #timeoutMs: number;

  /** `base`: http(s) URL without credentials, query or fragment. Throws TypeError for any other. `timeoutMs`: for a whole exchange. */
  constructor(base: string, { timeoutMs = DEFAULT_TIMEOUT_MS }: { timeoutMs?: number } = {}) {
    const url = URL.parse(base);
    if (!url || !/^https?:$/.test(url.protocol) || url.username || url.password || url.search || url.hash)
      throw new TypeError("found a peer address that is no plain http(s) URL; wanted one like https://node.example:8080");
    this.#base = url.href.replace(/\/+$/, "");
    this.#timeoutMs = timeoutMs;
    this.name = `peer ${this.#base}`;
  }

  async put(bytes: Uint8Array, { signal }: Pick<ContentLimits, "signal"> = {}): Promise<Digest> {
    const digest = digestOf(bytes);
    const headers = { "content-type": "application/octet-stream" };
    return await this.#exchange(digest, { method: "PUT", body: bytes as Uint8Array<ArrayBuffer>, headers }, signal, async (response) => {
      await response.body?.cancel();
      if (!response.ok) throw this.#refusal(response);
      return digest;
    });
  }

  async get(digest: Digest, { signal, maxBytes = DEFAULT_MAX_BYTES }: ContentLimits = {}): Promise<Uint8Array> {
    return await this.#exchange(digest, { headers: { "accept-encoding": "identity" } }, signal, async (response) => {
      if (response.status !== 200) {
        await response.body?.cancel();
        throw this.#refusal(response);
      }
      return await this.#body(response, digest, maxBytes);
    });
  }

  async has(digest: Digest, { signal }: Pick<ContentLimits, "signal"> = {}): Promise<boolean> {
    const asked = this.#exchange(digest, { method: "HEAD" }, signal, (response) => Promise.resolve(response.status === 200));
    return await asked.catch((error: unknown) => {
      if (error instanceof ContentError && error.code !== "InvalidContentId") return false;
      throw error;
    });
  }

  async #exchange<T>(
    digest: Digest,
    init: RequestInit,
    signal: AbortSignal | undefined,
    read: (response: Response) => Promise<T>,
  ): Promise<T> {
    const address = `${this.#base}/content/${cidOf(digest)}`;
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    try {
      const response = await fetch(address, { ...init, redirect: "manual", signal: signal ? AbortSignal.any([signal, timeout]) : timeout });
      return await read(response);
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof ContentError) throw error;
      if (timeout.aborted) throw new ContentError("PeerTimeout", `${this.name} did not finish within ${this.#timeoutMs} ms`, true);
      throw new ContentError("PeerUnavailable", `${this.name} did not answer: ${causeOf(error)}`, true);
    }
  }

  async #body(response: Response, digest: Digest, maxBytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    // Leaving the loop by an error cancels the stream, so an endless body ends here.
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > maxBytes) throw new ContentError("ContentTooLarge", `${this.name} sent more than ${maxBytes} bytes for ${digest}`);
      chunks.push(chunk);
    }
    const bytes = joined(chunks, size);
    const found = digestOf(bytes);
    if (found !== digest) throw new ContentError("PeerLied", `${this.name} sent bytes that hash to ${found}, wanted ${digest}`);
    return bytes;
  }

  #refusal(response: Response): ContentError {
    if (response.status === 404) return new ContentError("ContentNotFound", `${this.name} does not have the content`, true);
    if (response.status === 413) return new ContentError("ContentTooLarge", `${this.name} does not take content of this size`);
    const retryable = response.status >= 500 || response.status === 429;
    return new ContentError("PeerRefused", `${this.name} answered with status ${response.status}, wanted 200`, retryable);
  }
}

function joined(chunks: Uint8Array[], size: number): Uint8Array {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.length;
  }
  return bytes;
}

function causeOf(error: unknown): string {
  const cause = (error as { cause?: { code?: string } }).cause?.code;
  return cause ?? (error instanceof Error ? error.message : String(error));
}
