import { JsonRpcProvider, Network, type JsonRpcPayload, type JsonRpcResult } from "ethers";
import { RpcUnreachable, WrongChainId } from "./errors.ts";
import { pause } from "./pause.ts";

export interface EndpointOptions {
  /** http(s) address of a JSON-RPC server. */
  url: string;
  /** Refuses any other chain; where absent, whatever chain answers is taken. */
  chainId?: bigint;
  /** For one attempt of one request, default 10,000. */
  timeoutMs?: number;
  /** Attempts of a request after the first failed one, 125 ms doubling apart, default 4 (about 2 s). */
  retries?: number;
  /** Ends waiting and retrying at once. */
  signal?: AbortSignal;
}

/** A chain that answers. */
export interface Endpoint {
  readonly provider: JsonRpcProvider;
  readonly chainId: bigint;
  /** Origin only: paths and credentials of RPC addresses are often secrets. */
  readonly url: string;
  /** How each server behind it does; only where there are several. */
  readonly health?: () => ServerHealth[];
  close(): void;
}

/** One of several RPC servers. */
export interface ServerHealth {
  /** Origin only. */
  url: string;
  state: "ok" | "resting" | "stale" | "quarantined";
  /** Highest block it told of; 0 before any. */
  head: number;
  requests: number;
  failures: number;
}

const FIRST_PAUSE_MS = 125;
const MAX_RESPONSE_BYTES = 64 * 1024 * 1024;

/** Connects and checks the chain's id. Throws RpcUnreachable, WrongChainId, or TypeError for what is no http(s) URL. */
export async function connect({ url, chainId, timeoutMs = 10_000, retries = 4, signal }: EndpointOptions): Promise<Endpoint> {
  const parsed = URL.parse(url);
  if (parsed === null || !/^https?:$/.test(parsed.protocol))
    throw new TypeError("found an RPC address that is no http(s) URL; wanted one like http://127.0.0.1:8545");
  const post = poster(url, parsed.origin, { timeoutMs, retries, signal });
  const [answer] = await post({ id: 1, jsonrpc: "2.0", method: "eth_chainId", params: [] });
  const result = (answer as { result?: unknown } | undefined)?.result;
  if (typeof result !== "string" || !/^0x[0-9a-f]+$/i.test(result))
    throw new RpcUnreachable(parsed.origin, "it does not answer eth_chainId");
  const found = BigInt(result);
  if (chainId !== undefined && found !== chainId) throw new WrongChainId(parsed.origin, found, chainId);
  const provider = new RetryingProvider(url, Network.from(found), post);
  return { provider, chainId: found, url: parsed.origin, close: () => provider.destroy() };
}

/** Carries one JSON-RPC request and brings its answer. */
export type Post = (payload: JsonRpcPayload | JsonRpcPayload[]) => Promise<JsonRpcResult[]>;

/** ethers' provider without its caches, its network detection and its transport. Every request is safe to repeat. */
export class RetryingProvider extends JsonRpcProvider {
  readonly #post: Post;
  constructor(url: string, network: Network, post: Post) {
    // cacheTimeout -1: with the default of 250 ms two quick transactions get the same nonce.
    super(url, network, { staticNetwork: network, cacheTimeout: -1, batchMaxCount: 1, pollingInterval: 100 });
    this.#post = post;
  }

  override async _send(payload: JsonRpcPayload | JsonRpcPayload[]): Promise<JsonRpcResult[]> {
    return await this.#post(payload);
  }
}

interface PostOptions {
  timeoutMs: number;
  retries: number;
  signal: AbortSignal | undefined;
}

function poster(url: string, origin: string, { timeoutMs, retries, signal }: PostOptions): Post {
  return async (payload) => {
    for (let attempt = 0; ; attempt++) {
      const outcome = await postOnce(url, payload, timeoutMs, signal);
      if (Array.isArray(outcome)) return outcome;
      signal?.throwIfAborted();
      if (attempt >= retries) throw new RpcUnreachable(origin, outcome.reason);
      await pause(Math.max(outcome.retryAfterMs, FIRST_PAUSE_MS * 2 ** attempt), signal);
    }
  };
}

/** Why a server gave no answer, and how long it asks to be left alone. */
export interface NoAnswer {
  reason: string;
  retryAfterMs: number;
}

const LONGEST_RETRY_AFTER_MS = 60_000;
const none = (reason: string, retryAfterMs = 0): NoAnswer => ({ reason, retryAfterMs });

/** One attempt: the answers, or why there are none. Never throws. */
export async function postOnce(
  url: string,
  payload: unknown,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<JsonRpcResult[] | NoAnswer> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(payload),
      redirect: "manual",
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    });
    const text = await bodyOf(response);
    if (response.status === 429) {
      const seconds = Number(response.headers.get("retry-after") ?? 0);
      return none("status 429, too many requests", Math.min(Number.isFinite(seconds) ? seconds * 1_000 : 0, LONGEST_RETRY_AFTER_MS));
    }
    return answersIn(text) ?? none(`status ${response.status} without a JSON-RPC answer`);
  } catch (error) {
    if (timeout.aborted) return none(`no answer within ${timeoutMs} ms`);
    const { cause, message } = error as Error & { cause?: { code?: string } };
    return none(cause?.code ?? message);
  }
}

async function bodyOf(response: Response): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    if (size > MAX_RESPONSE_BYTES) throw new Error(`an answer of more than ${MAX_RESPONSE_BYTES} bytes`);
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function answersIn(text: string): JsonRpcResult[] | undefined {
  try {
    const answers: unknown[] = [JSON.parse(text)].flat();
    const proper = answers.every((answer) => typeof answer === "object" && answer !== null && ("result" in answer || "error" in answer));
    return proper ? (answers as JsonRpcResult[]) : undefined;
  } catch {
    return undefined;
  }
}
