import { createHash } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { getCreateAddress } from "ethers";
import type { NetworkConnection } from "hardhat/types/network";
import type { Codes } from "./codes.ts";

/** As the test's side of a connection sees it. */
export interface Request {
  id: number | string;
  method: string;
  params?: unknown;
}
export interface Response {
  jsonrpc: "2.0";
  id: number | string;
  result: unknown;
}
export type Send = (request: Request) => Promise<Response>;
/** What a request came to: a result, or the error that it threw. */
type Reply = { result: unknown } | { error: unknown };

interface Write {
  method: string;
  params: unknown;
  reply: Reply | undefined;
  /** With what it came to the chain; undefined where it was refused before. */
  sent: unknown;
  /** Of all writes up to and with this one: the same writes make the same chain. */
  digest: string;
}

/** What one run of a test asked of one chain, without a mutant. A state is named by the number of writes before it. */
export interface Script {
  chainId: number;
  writes: Write[];
  /** By state: answers to reads, by `keyOf`. */
  reads: Map<string, Reply>[];
}

const READS = new Set(["hardhat_getAutomine", "hardhat_metadata"]);
export const isWrite = (method: string): boolean => /^(eth_send|evm_|hardhat_)/.test(method) && !READS.has(method);
/** Gas for whoever does not say how much: more than any test takes, less than the poorest account can pay. */
const GAS = "0x2faf080";
const PLENTY = "0xbebc200";
/** Nearly a block of the build. */
const MOST = "0x1d34ce80";
/** Whoever gives more wants enough, and this build needs several times as much. */
const HIGH = 10_000_000;
const ENDLESS = "0xee6b2800";

/**
 * Sends a request, and answers for estimates of gas by one dry run: a search for the least gas runs a transaction twenty times, and is most of
 * the time of a test.
 * @throws what the dry run threw: then the transaction does not come to the chain
 */
export async function sendFrugally(request: Request, send: Send): Promise<Response> {
  const { id, method, params } = request;
  const isEstimate = method === "eth_estimateGas";
  const [call, ...rest] = (params ?? []) as [{ gas?: string }, ...unknown[]];
  // Code with all mutants in it takes more than a block, where a view works through many cases.
  if (method === "eth_call")
    return await send(call.gas === undefined ? { ...request, params: [{ ...call, gas: ENDLESS }, ...rest] } : request);
  if (method === "eth_sendTransaction" && Number(call.gas ?? 0) > HIGH) return await send({ ...request, params: [{ ...call, gas: MOST }] });
  if (!isEstimate && (method !== "eth_sendTransaction" || call.gas !== undefined)) return await send(request);
  const tried = async (gas: string): Promise<string> => {
    await send({ ...request, method: "eth_call", params: [{ ...call, gas }, "pending"] });
    return gas;
  };
  const gas = await tried(PLENTY).catch((error: unknown) => {
    if (!String(error).includes("ran out of gas")) throw error as Error;
    return tried(MOST);
  });
  return isEstimate ? { jsonrpc: "2.0", id, result: GAS } : await send({ ...request, params: [{ ...call, gas }] });
}

const LONG = 1_000;
const texts = new Map<string, string>();

/** Long texts once: each test deploys the same code. */
function shared(value: unknown): unknown {
  if (typeof value === "string") {
    if (value.length < LONG) return value;
    if (!texts.has(value)) texts.set(value, value);
    return texts.get(value);
  }
  if (Array.isArray(value)) return value.map(shared);
  if (value !== null && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, shared(one)]));
  return value;
}

const sha = (text: string): string => createHash("sha1").update(text).digest("base64");
const keyOf = ({ method, params }: Request): string => {
  const text = `${method} ${JSON.stringify(params ?? [])}`;
  return text.length < LONG ? text : sha(text);
};
const settled = (promise: Promise<unknown>): Promise<Reply> =>
  promise.then(
    (result) => ({ result }),
    (error: unknown) => ({ error }),
  );

function answer(id: Request["id"], reply: Reply): Response {
  if ("error" in reply) throw reply.error as Error;
  const { result } = reply;
  return { jsonrpc: "2.0", id, result: typeof result === "object" ? structuredClone(result) : result };
}

/** One connection of a running test. */
export interface Seat {
  answer(request: Request, send: Send): Promise<Response>;
  /** The test is over: what its hooks do to put the chain back is of no use any more. */
  end(): void;
}

/** Lets everything through and writes it down. */
export class Recording implements Seat {
  readonly script: Script;
  #ended = false;

  constructor(chainId: number) {
    this.script = { chainId, writes: [], reads: [new Map<string, Reply>()] };
  }

  async answer(request: Request, send: Send): Promise<Response> {
    if (this.#ended) return await sendFrugally(request, send);
    const { writes, reads } = this.script;
    let came: unknown;
    const sent = sendFrugally(request, (asked) => {
      if (asked.method === request.method) came = shared(asked.params ?? []);
      return send(asked);
    }).then(({ result }) => result);
    if (isWrite(request.method)) {
      const params = shared(request.params);
      const digest = sha(`${writes.at(-1)?.digest ?? this.script.chainId} ${keyOf(request)}`);
      const write: Write = { method: request.method, params, reply: undefined, sent: undefined, digest };
      writes.push(write);
      reads.push(new Map());
      write.reply = await settled(sent);
      write.sent = came;
      return answer(request.id, write.reply);
    }
    const place = reads[writes.length]!;
    const reply = await settled(sent);
    place.set(keyOf(request), { ...reply, ...("result" in reply ? { result: shared(reply.result) } : {}) });
    return answer(request.id, reply);
  }

  end(): void {
    this.#ended = true;
  }
}

/**
 * Answers from a script as long as nothing differs from it and the mutant is not reached; from there on a chain that stands ready in that
 * very state, with the mutant in its code.
 */
export class Replay implements Seat {
  #state = 0;
  #live: Promise<Checkpoint> | undefined;
  #ended = false;
  readonly #script: Script;
  readonly #reached: number;
  readonly #mutant: number;
  readonly #chains: Chains;

  /** @param reached the state in which the mutant is first reached */
  constructor(script: Script, reached: number, mutant: number, chains: Chains) {
    this.#script = script;
    this.#reached = reached;
    this.#mutant = mutant;
    this.#chains = chains;
  }

  async answer(request: Request): Promise<Response> {
    if (this.#ended && request.method === "evm_revert") return { jsonrpc: "2.0", id: request.id, result: true };
    if (this.#ended && request.method === "evm_snapshot") return { jsonrpc: "2.0", id: request.id, result: "0x1" };
    // What a test that has ended still does is never answered: an error would be the next test's.
    if (this.#ended) return await new Promise<never>(() => {});
    const known = this.#live === undefined && this.#state < this.#reached ? this.#known(request) : undefined;
    if (known !== undefined) return answer(request.id, known);
    this.#live ??= this.#chains.take(this.#script, this.#state, this.#mutant);
    const { connection } = await this.#live;
    const mutated = { ...request, params: this.#chains.codes.mutated(request.params, this.#mutant) };
    return await sendFrugally(mutated, async ({ id, method, params }) => {
      const result: unknown = await connection.provider.request({ method, params } as never);
      return { jsonrpc: "2.0", id, result };
    });
  }

  #known(request: Request): Reply | undefined {
    const { writes, reads } = this.#script;
    if (!isWrite(request.method)) return reads[this.#state]?.get(keyOf(request));
    const write = writes[this.#state];
    if (write?.reply === undefined || write.method !== request.method || !isDeepStrictEqual(write.params, request.params)) return undefined;
    this.#state++;
    return write.reply;
  }

  end(): void {
    this.#ended = true;
    if (this.#live !== undefined) this.#chains.giveBack(this.#live);
  }
}

interface Checkpoint {
  connection: NetworkConnection;
  digest: string;
  snapshot: string;
  /** Contracts that hold mutants: their code as it was made. */
  contracts: Map<string, string>;
}

/** Chains that stand in states from which a mutant takes over, those used last. */
export class Chains {
  readonly codes: Codes;
  readonly #open: (chainId: number) => Promise<NetworkConnection>;
  readonly #ready = new Map<string, Checkpoint>();
  readonly #most: number;
  /** Chains that were made, and uses of those that stood ready. */
  readonly counts = { made: 0, used: 0 };
  /** A connection is being opened for one of these chains, not for a test. */
  making = false;

  constructor(codes: Codes, open: (chainId: number) => Promise<NetworkConnection>, most: number) {
    this.codes = codes;
    this.#open = open;
    this.#most = most;
  }

  /** A chain in this state of the script, with a mutant in its code. */
  async take(script: Script, state: number, mutant: number): Promise<Checkpoint> {
    const digest = state === 0 ? String(script.chainId) : script.writes[state - 1]!.digest;
    let chain = this.#ready.get(digest);
    this.#ready.delete(digest);
    if (chain !== undefined && !(await ask<boolean>(chain, "evm_revert", chain.snapshot))) {
      await chain.connection.close();
      chain = undefined;
    }
    if (chain === undefined) {
      chain = await this.#make(script, state, digest);
      this.counts.made++;
    } else this.counts.used++;
    chain.snapshot = await ask<string>(chain, "evm_snapshot");
    for (const [address, code] of chain.contracts) {
      const mutated = this.codes.inContract(code, mutant);
      if (mutated !== undefined) await ask(chain, "hardhat_setCode", address, mutated);
    }
    return chain;
  }

  async #opened(chainId: number): Promise<NetworkConnection> {
    this.making = true;
    try {
      return await this.#open(chainId);
    } finally {
      this.making = false;
    }
  }

  giveBack(taken: Promise<Checkpoint>): void {
    taken.then(
      (chain) => {
        this.#ready.set(chain.digest, chain);
        for (const [digest, oldest] of this.#ready) {
          if (this.#ready.size <= this.#most) break;
          this.#ready.delete(digest);
          void oldest.connection.close();
        }
      },
      () => undefined,
    );
  }

  async #make({ chainId, writes }: Script, state: number, digest: string): Promise<Checkpoint> {
    const connection = await this.#opened(chainId);
    const chain: Checkpoint = { connection, digest, snapshot: "", contracts: new Map() };
    for (const write of writes.slice(0, state)) {
      if (write.sent === undefined) continue;
      const { method, sent: params, reply } = write;
      const found = await settled(connection.provider.request({ method, params } as never));
      if (reply !== undefined && "result" in reply && !("result" in found && isDeepStrictEqual(found.result, reply.result)))
        throw new Error(
          `mutation: ${method} came to ${JSON.stringify(found)}, wanted ${JSON.stringify(reply)}: the test is not the same each time`,
        );
    }
    const blocks = Number(await ask<string>(chain, "eth_blockNumber"));
    const made: string[] = [];
    for (let block = 1; block <= blocks; block++) {
      const { transactions } = await ask<{ transactions: { hash: string; to: string | null }[] }>(
        chain,
        "eth_getBlockByNumber",
        hex(block),
        true,
      );
      for (const { hash, to } of transactions)
        if (to === null) made.push((await ask<{ contractAddress: string }>(chain, "eth_getTransactionReceipt", hash)).contractAddress);
    }
    // A contract's own creations, too.
    for (const address of made) {
      const nonces = Number(await ask<string>(chain, "eth_getTransactionCount", address, "latest"));
      for (let nonce = 1; nonce < nonces; nonce++) made.push(getCreateAddress({ from: address, nonce }));
      const code = await ask<string>(chain, "eth_getCode", address, "latest");
      if (this.codes.holdsMutants(code)) chain.contracts.set(address, shared(code) as string);
    }
    return chain;
  }
}

const hex = (value: number): string => `0x${value.toString(16)}`;
const ask = async <T>({ connection }: Checkpoint, method: string, ...params: unknown[]): Promise<T> =>
  (await connection.provider.request({ method, params })) as T;
