import { setTimeout as delay } from "node:timers/promises";
import { Network, type JsonRpcPayload, type JsonRpcResult } from "ethers";
import { connect, type Endpoint, type EndpointOptions, type NoAnswer, postOnce, RetryingProvider, type ServerHealth } from "./endpoint.ts";
import { ChainError, RpcUnreachable, WrongChainId } from "./errors.ts";

/** What happens to a server of the pool; for logs and metrics. */
export interface PoolEvent {
  kind: "failed" | "back" | "stale" | "quarantined" | "disagreed";
  /** Origin only. */
  url: string;
  reason: string;
}

export interface PoolOptions extends Omit<EndpointOptions, "url"> {
  urls: readonly string[];
  /** A server whose head has not moved for so long, while another's has, is not asked. Default 3 minutes. */
  staleMs?: number;
  onEvent?: (event: PoolEvent) => void;
}

/** Servers say different things about the chain, and no majority decides. */
export class QuorumDisagreement extends ChainError {
  constructor(what: string) {
    super("QuorumDisagreement", `found RPC servers that disagree about ${what}, wanted two that agree; look at each, or add a third`, true);
  }
}

const FIRST_PAUSE_MS = 125;
const ATTEMPTS = 9;
const FIRST_REST_MS = 1_000;
const LONGEST_REST_MS = 60_000;
const CHECK_CHAIN_MS = 60_000;
const STALE_MS = 180_000;
const QUORUM = 2;

type Result = { result?: unknown; error?: { code?: number; message?: string } };

/** One server: rests after failures, is checked for its chain whenever it comes back. */
class Server {
  readonly url: string;
  readonly origin: string;
  failuresInRow = 0;
  restsUntil = 0;
  quarantined = false;
  checkedAt = -Infinity;
  head = 0;
  headMovedAt = performance.now();
  stale = false;
  requests = 0;
  failures = 0;

  constructor(url: string) {
    this.url = url;
    this.origin = new URL(url).origin;
  }

  get state(): ServerHealth["state"] {
    if (this.quarantined) return "quarantined";
    if (performance.now() < this.restsUntil) return "resting";
    return this.stale ? "stale" : "ok";
  }
}

/**
 * Several JSON-RPC servers as one. A request goes to the first that is well; one that fails, is told to wait, lags or speaks for another chain is
 * passed over. What is acted on, the head and logs, must be said alike by two. Transactions go to all.
 * Throws WrongChainId where one of them is of another chain, RpcUnreachable where none answers.
 */
export async function connectPool(options: PoolOptions): Promise<Endpoint> {
  const { urls, chainId, ...rest } = options;
  if (urls.length === 1) return await connect({ url: urls[0]!, ...(chainId !== undefined && { chainId }), ...rest });
  const pool = new RpcPool(options);
  const found = await pool.start(chainId);
  const provider = new RetryingProvider(urls[0]!, Network.from(found), async (payload) => await pool.post(payload));
  return { provider, chainId: found, url: pool.origins, health: () => pool.health(), close: () => provider.destroy() };
}

class RpcPool {
  readonly #servers: Server[];
  readonly #timeoutMs: number;
  readonly #staleMs: number;
  readonly #signal: AbortSignal | undefined;
  readonly #onEvent: (event: PoolEvent) => void;
  #chainId = 0n;

  constructor({ urls, timeoutMs = 10_000, staleMs = STALE_MS, signal, onEvent = () => {} }: PoolOptions) {
    this.#servers = urls.map((url) => new Server(url));
    this.#timeoutMs = timeoutMs;
    this.#staleMs = staleMs;
    this.#signal = signal;
    this.#onEvent = onEvent;
  }

  get origins(): string {
    return this.#servers.map(({ origin }) => origin).join(", ");
  }

  health(): ServerHealth[] {
    return this.#servers.map(({ origin, state, head, requests, failures }) => ({ url: origin, state, head, requests, failures }));
  }

  async start(wanted: bigint | undefined): Promise<bigint> {
    const found = await Promise.all(this.#servers.map(async (server) => ({ server, id: await this.#chainOf(server) })));
    const answered = found.filter(({ id }) => id !== undefined);
    if (answered.length === 0) throw new RpcUnreachable(this.origins, "none answers eth_chainId");
    this.#chainId = wanted ?? answered[0]!.id!;
    for (const { server, id } of answered) {
      if (id !== this.#chainId) throw new WrongChainId(server.origin, id!, this.#chainId);
      server.checkedAt = performance.now();
    }
    return this.#chainId;
  }

  async post(payload: JsonRpcPayload | JsonRpcPayload[]): Promise<JsonRpcResult[]> {
    const request = [payload].flat()[0]!;
    const answer = await this.#answer(request);
    return [{ ...answer, id: request.id } as unknown as JsonRpcResult];
  }

  async #answer(request: JsonRpcPayload): Promise<Result> {
    const { method } = request;
    const params = request.params as unknown[];
    if (method === "eth_getBlockByNumber" && params[0] === "latest") return await this.#agreedHead(request);
    if (method === "eth_getLogs") return await this.#agreedLogs(request);
    if (method === "eth_sendRawTransaction") return await this.#toAll(request);
    return await this.#first(request, method === "eth_getTransactionReceipt" || method === "eth_getTransactionByHash");
  }

  /** Servers in order of preference: as configured, those that lead before those that lag. */
  #well(): Server[] {
    const well = this.#servers.filter(({ state }) => state === "ok");
    const best = Math.max(...well.map(({ head }) => head));
    return [...well.filter(({ head }) => head >= best - 1), ...well.filter(({ head }) => head < best - 1)];
  }

  /** From the first server that answers; where nothing is a weak answer, the others are asked too. */
  async #first(request: JsonRpcPayload, doubtNull: boolean): Promise<Result> {
    return await this.#persist(async () => {
      let nothing: Result | undefined;
      for (const server of this.#well()) {
        const answer = await this.#ask(server, request);
        if (answer === undefined || isRateLimit(answer)) continue;
        if (!doubtNull || answer.result != null) return answer;
        nothing = answer;
      }
      return nothing;
    });
  }

  /** Repeats with growing pauses until there is an answer. Throws RpcUnreachable after the last attempt. */
  async #persist(attempt: () => Promise<Result | undefined>): Promise<Result> {
    for (let count = 0; ; count++) {
      this.#signal?.throwIfAborted();
      const answer = await attempt();
      if (answer !== undefined) return answer;
      if (count + 1 >= ATTEMPTS) throw new RpcUnreachable(this.origins, "none of them answers");
      await delay(FIRST_PAUSE_MS * 2 ** Math.min(count, 5), undefined, { signal: this.#signal });
      // With nobody left, resting servers are tried before their time.
      if (this.#well().length === 0) for (const server of this.#servers) server.restsUntil = 0;
    }
  }

  /** The highest block that two servers know under one hash; with one server left, what that says. */
  async #agreedHead(request: JsonRpcPayload): Promise<Result> {
    return await this.#persist(async () => {
      const said = await this.#askAll(
        this.#servers.filter(({ state }) => state === "ok" || state === "stale"),
        request,
      );
      const heads = said.flatMap(({ server, answer }) => {
        const block = answer.result as { number?: string; hash?: string } | null | undefined;
        if (block?.number === undefined || block.hash === undefined) return [];
        this.#noteHead(server, Number(block.number));
        return [{ server, block, number: Number(block.number), answer }];
      });
      for (const { server } of heads) this.#judgeStale(server);
      const fresh = heads.filter(({ server }) => !server.stale).sort((a, b) => b.number - a.number);
      if (fresh.length < QUORUM) return fresh[0]?.answer;
      // The second highest is the highest that two can have.
      const candidate = fresh[QUORUM - 1]!;
      const leaders = fresh.filter(({ number }) => number >= candidate.number);
      const hashes = await Promise.all(
        leaders.map(async ({ server, number, block }) => {
          if (number === candidate.number) return { server, hash: block.hash };
          const at = { ...request, params: [candidate.block.number, false] };
          const answer = await this.#ask(server, at);
          return { server, hash: (answer?.result as { hash?: string } | null | undefined)?.hash };
        }),
      );
      const agreed = majority(hashes.map(({ hash }) => hash ?? ""));
      if (agreed === undefined || agreed === "") {
        for (const { server } of hashes) this.#tell("disagreed", server, `block ${candidate.number}`);
        throw new QuorumDisagreement(`block ${candidate.number}`);
      }
      for (const { server, hash } of hashes) if (hash !== agreed) this.#rest(server, "disagreed", `another block ${candidate.number}`);
      return heads.find(({ block }) => block.hash === agreed)?.answer;
    });
  }

  /** Logs that two servers tell alike. */
  async #agreedLogs(request: JsonRpcPayload): Promise<Result> {
    return await this.#persist(async () => {
      const upTo = Number((request.params as { toBlock?: string }[])[0]?.toBlock ?? 0);
      const able = this.#well().filter(({ head }) => head === 0 || head >= upTo);
      let said = await this.#askAll(able.slice(0, QUORUM), request);
      if (said.length < QUORUM) said = [...said, ...(await this.#askAll(able.slice(QUORUM, QUORUM + 1), request))];
      const refused = said.find(({ answer }) => answer.error !== undefined);
      if (refused !== undefined) return refused.answer;
      if (said.length < QUORUM) return said[0]?.answer;
      const prints = said.map(({ answer }) => printOf(answer));
      if (prints[0] === prints[1]) return said[0]!.answer;
      const more = await this.#askAll(able.slice(said.length), request);
      const all = [...said, ...more];
      const agreed = majority(all.map(({ answer }) => printOf(answer)));
      for (const { server, answer } of all) if (printOf(answer) !== agreed) this.#rest(server, "disagreed", `logs up to block ${upTo}`);
      if (agreed !== undefined) return all.find(({ answer }) => printOf(answer) === agreed)!.answer;
      for (const { server } of all) server.restsUntil = 0;
      throw new QuorumDisagreement(`the logs up to block ${upTo}`);
    });
  }

  /** A transaction is where one server has it; what the others say against it no longer matters. */
  async #toAll(request: JsonRpcPayload): Promise<Result> {
    return await this.#persist(async () => {
      const said = await this.#askAll(this.#well(), request);
      return (said.find(({ answer }) => answer.result !== undefined) ?? said[0])?.answer;
    });
  }

  async #askAll(servers: Server[], request: JsonRpcPayload): Promise<{ server: Server; answer: Result }[]> {
    const answers = await Promise.all(servers.map(async (server) => ({ server, answer: await this.#ask(server, request) })));
    return answers.filter((one): one is { server: Server; answer: Result } => one.answer !== undefined && !isRateLimit(one.answer));
  }

  async #ask(server: Server, request: JsonRpcPayload): Promise<Result | undefined> {
    if (server.quarantined) return undefined;
    if (performance.now() - server.checkedAt > CHECK_CHAIN_MS && !(await this.#isOurs(server))) return undefined;
    server.requests++;
    const outcome = await postOnce(server.url, request, this.#timeoutMs, this.#signal);
    this.#signal?.throwIfAborted();
    if (!Array.isArray(outcome)) return this.#failed(server, outcome);
    const answer = outcome[0] as unknown as Result;
    if (isRateLimit(answer) && request.method !== "eth_getLogs") return this.#failed(server, { reason: "rate limit", retryAfterMs: 0 });
    if (server.failuresInRow > 0) this.#tell("back", server, `after ${server.failuresInRow} failures`);
    server.failuresInRow = 0;
    return answer;
  }

  #failed(server: Server, { reason, retryAfterMs }: NoAnswer): undefined {
    server.failures++;
    server.failuresInRow++;
    server.restsUntil =
      performance.now() + Math.max(retryAfterMs, Math.min(FIRST_REST_MS * 2 ** (server.failuresInRow - 1), LONGEST_REST_MS));
    // Whoever answers there next may be somebody else.
    server.checkedAt = -Infinity;
    this.#tell("failed", server, reason);
    return undefined;
  }

  /** Checks the chain's id again; one of another chain is not asked any more. */
  async #isOurs(server: Server): Promise<boolean> {
    const found = await this.#chainOf(server);
    if (found === undefined) return false;
    server.checkedAt = performance.now();
    if (found === this.#chainId) return true;
    server.quarantined = true;
    this.#tell("quarantined", server, `it is of chain ${found}, wanted ${this.#chainId}`);
    return false;
  }

  async #chainOf(server: Server): Promise<bigint | undefined> {
    const outcome = await postOnce(server.url, { id: 1, jsonrpc: "2.0", method: "eth_chainId", params: [] }, this.#timeoutMs, this.#signal);
    this.#signal?.throwIfAborted();
    if (!Array.isArray(outcome)) return this.#failed(server, outcome);
    const { result } = outcome[0] as unknown as Result;
    if (typeof result === "string" && /^0x[0-9a-f]+$/i.test(result)) return BigInt(result);
    return this.#failed(server, { reason: "it does not answer eth_chainId", retryAfterMs: 0 });
  }

  #noteHead(server: Server, number: number): void {
    if (number === server.head) return;
    server.head = number;
    server.headMovedAt = performance.now();
  }

  /** Stale is who stands still while another moves, not who waits with all others. */
  #judgeStale(server: Server): void {
    const behind = Math.max(...this.#servers.map(({ head }) => head)) > server.head;
    const stale = behind && performance.now() - server.headMovedAt > this.#staleMs;
    if (stale && !server.stale) this.#tell("stale", server, `its head stands at ${server.head}`);
    server.stale = stale;
  }

  #rest(server: Server, kind: PoolEvent["kind"], reason: string): void {
    server.restsUntil = performance.now() + FIRST_REST_MS * 10;
    this.#tell(kind, server, reason);
  }

  #tell(kind: PoolEvent["kind"], { origin: url }: Server, reason: string): void {
    this.#onEvent({ kind, url, reason });
  }
}

const isRateLimit = ({ error }: Result): boolean =>
  error !== undefined && (error.code === 429 || /rate limit|too many requests/i.test(error.message ?? ""));

/** What most say, at least two; undefined where nobody has a majority. */
function majority(said: string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const one of said) counts.set(one, (counts.get(one) ?? 0) + 1);
  const [best, second] = [...counts].sort(([, a], [, b]) => b - a);
  return best !== undefined && best[1] >= QUORUM && best[1] !== second?.[1] ? best[0] : undefined;
}

function printOf({ result }: Result): string {
  const logs = Array.isArray(result) ? (result as { blockHash: string; logIndex: string; topics: string[]; data: string }[]) : [];
  return [...new Set(logs.map(({ blockHash, logIndex, topics, data }) => [blockHash, logIndex, ...topics, data].join(" ")))]
    .sort()
    .join("\n");
}
