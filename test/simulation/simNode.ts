import Database from "better-sqlite3";
import path from "node:path";
import type { Wallet } from "ethers";
import { EventCursor, type Head } from "../../offchain/chain/cursor.ts";
import type { Deployment } from "../../offchain/chain/deployment.ts";
import { mayPass } from "../../offchain/chain/errors.ts";
import { Sender } from "../../offchain/chain/sender.ts";
import { digestOf, type Digest } from "../../offchain/content/contentId.ts";
import type { LocalStore } from "../../offchain/content/localStore.ts";
import { ContentError } from "../../offchain/content/store.ts";
import { EngineError, type Engine } from "../../offchain/inference/engine.ts";
import { Acts } from "../../offchain/node/acts.ts";
import { Executor } from "../../offchain/node/execute.ts";
import { Journal } from "../../offchain/node/journal.ts";
import { oneRound, type LoopParts } from "../../offchain/node/loop.ts";
import { World } from "../../offchain/node/world.ts";
import { createLog } from "../../offchain/runtime/log.ts";
import type { Random } from "./random.ts";
import { CHAIN_ID, POOL, QUEUE, type SimChain } from "./simChain.ts";
import { type ServerFaults, SimServer } from "./simServer.ts";

/** What goes wrong inside a node, for as long as it is set. */
export interface NodeFaults extends ServerFaults {
  engine: "well" | "crashes" | "hangs";
  content: "well" | "wrong bytes" | "missing";
  diskFull: boolean;
  /** Milliseconds that this machine's clock is off. */
  skewMs: number;
}

export const WELL: NodeFaults = {
  errors: 0,
  lagBlocks: 0,
  lies: false,
  untidy: false,
  engine: "well",
  content: "well",
  diskFull: false,
  skewMs: 0,
};

const silent = createLog({ name: "simulation", level: "silent" });
const INFERENCE_MS = 8_000;
const WATCHDOG_MS = 60_000;

/** Contents in memory that outlive a node's process, as a disk does. */
class MemoryStore {
  readonly name = "memory";
  readonly #bytes = new Map<string, Uint8Array>();
  readonly #fault: () => NodeFaults["content"];

  constructor(fault: () => NodeFaults["content"]) {
    this.#fault = fault;
  }

  put(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    this.#bytes.set(digest, bytes);
    return Promise.resolve(digest);
  }

  get(digest: Digest): Promise<Uint8Array> {
    const fault = this.#fault();
    const found = this.#bytes.get(digest);
    if (fault === "wrong bytes") return Promise.reject(new ContentError("PeerLied", "a fault of the plan"));
    if (fault === "missing" || found === undefined) return Promise.reject(new ContentError("ContentNotFound", "a fault of the plan", true));
    return Promise.resolve(found);
  }

  has(digest: Digest): Promise<boolean> {
    return Promise.resolve(this.#bytes.has(digest));
  }
}

/** A node of the real loop, decisions, journal, cursor and sender, over a simulated chain and engine. */
export class SimNode {
  readonly id: number;
  faults: NodeFaults = { ...WELL };
  /** Why the process ended last, where it ended by itself. */
  ended: string | undefined;
  readonly broadcasts: string[] = [];
  restarts = 0;
  readonly #chain: SimChain;
  readonly #wallet: Wallet;
  readonly #file: string;
  readonly #random: Random;
  readonly #content: MemoryStore;
  readonly #results: MemoryStore;
  #process:
    { server: SimServer; parts: LoopParts; journal: Journal; acted: Head | undefined; rounds: Promise<void> | undefined } | undefined;
  #timers: { at: number; run: () => void }[] = [];

  constructor(id: number, chain: SimChain, wallet: Wallet, folder: string, random: Random) {
    this.id = id;
    this.#chain = chain;
    this.#wallet = wallet;
    this.#file = path.join(folder, `node-${id}.db`);
    this.#random = random;
    this.#content = new MemoryStore(() => this.faults.content);
    this.#results = new MemoryStore(() => "well");
  }

  get running(): boolean {
    return this.#process !== undefined;
  }

  async keep(bytes: Uint8Array): Promise<void> {
    await this.#content.put(bytes);
  }

  /** Throws what a damaged or foreign journal throws. */
  start(): void {
    const server = new SimServer(this.#chain, this.#random, this.broadcasts);
    server.onDeath = () => this.kill();
    const endpoint = server.endpoint();
    const journal = new Journal(this.#file, CHAIN_ID, QUEUE);
    const cursor = new EventCursor({ endpoint, addresses: { SessionQueue: QUEUE, NodePool: POOL }, store: journal.chain, fromBlock: 0 });
    const sender = new Sender({ endpoint, signer: this.#wallet, store: journal.chain });
    const chainViews = this.#chain.views(() => server.faults.lagBlocks);
    const views = {
      facts: server.guarded(chainViews.facts),
      seed: server.guarded(chainViews.seed),
      lease: server.guarded(chainViews.lease),
    };
    const world = new World({ views, journal, node: this.id, local: false });
    const acts = new Acts({
      deployment: { chainId: CHAIN_ID, addresses: { SessionQueue: QUEUE, NodePool: POOL } } as unknown as Deployment,
      node: this.id,
      engine: this.#engine(server),
      sender,
      journal,
      world,
      results: this.#results as unknown as LocalStore,
      content: this.#content as unknown as LocalStore,
      key: this.#wallet.signingKey,
      unopenedPenalty: 10n ** 19n,
      log: silent,
    });
    const executor = new Executor({
      act: async (action, head, signal) => await acts.act(action, head, signal),
      log: silent,
      // A monotonic clock: what skews is the calendar's.
      now: () => this.#chain.now * 1_000,
      onFatal: (error) => this.#end((error as { code?: string }).code ?? error.message),
    });
    const never = new AbortController().signal;
    const parts: LoopParts = {
      cursor,
      journal,
      world,
      sender,
      executor,
      node: this.id,
      roles: ["miner", "oracle"],
      pollMs: 0,
      shutdown: { draining: never, stopping: never, drain: () => undefined, close: () => undefined },
      log: silent,
      onHead: () => undefined,
      onOutage: () => undefined,
      onRuntime: () => Promise.resolve(),
      onModel: () => Promise.resolve(),
      leaves: () => false,
      leaving: never,
    };
    this.ended = undefined;
    this.#process = { server, parts, journal, acted: undefined, rounds: undefined };
    this.restarts++;
  }

  /** As kill -9: nothing of the process goes on. */
  kill(): void {
    const process = this.#process;
    if (process === undefined) return;
    process.server.alive = false;
    this.#process = undefined;
    this.#timers = [];
    process.journal.close();
  }

  /** Dies in one of its next calls to the chain. */
  killSoon(calls: number): void {
    if (this.#process !== undefined) this.#process.server.callsToLive = calls;
  }

  /** Starts a round unless one is still at work. */
  poll(): void {
    const process = this.#process;
    if (process === undefined || process.rounds !== undefined) return;
    const { server, parts, journal } = process;
    const { errors, lagBlocks, lies, untidy, diskFull } = this.faults;
    server.faults = { errors, lagBlocks, lies, untidy };
    limitPages(journal, diskFull);
    process.rounds = oneRound(parts, process.acted)
      .then(({ head }) => void (process.acted = head))
      .catch((error: unknown) => {
        if (!mayPass(error)) this.#end((error as { code?: string }).code ?? (error as Error).message);
      })
      .finally(() => (process.rounds = undefined));
  }

  /** Runs what the virtual clock has reached. */
  wake(): void {
    const due = this.#timers.filter(({ at }) => at <= this.#chain.now * 1_000);
    this.#timers = this.#timers.filter(({ at }) => at > this.#chain.now * 1_000);
    for (const { run } of due) run();
  }

  /** The journal's rows about work and transactions, for checks after the end. */
  rows(sql: string): Record<string, unknown>[] {
    const database = new Database(this.#file, { readonly: true });
    try {
      return database.prepare(sql).all() as Record<string, unknown>[];
    } finally {
      database.close();
    }
  }

  /** Tasks as the node's events tell them. */
  tasks(): Map<bigint, unknown> {
    return new Map(
      [...(this.#process?.parts.world.book.tasks ?? [])].map(([task, { commits, openings, settled, deadline }]) => [
        task,
        { commits, openings: [...openings], status: settled?.status, deadline },
      ]),
    );
  }

  #end(why: string): void {
    if (this.#process === undefined) return;
    this.ended = why;
    this.kill();
  }

  async #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#timers.push({ at: this.#chain.now * 1_000 + ms, run: resolve });
      signal?.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    });
  }

  #engine(server: SimServer): Engine {
    const failing = async (signal?: AbortSignal) => {
      if (this.faults.engine === "hangs") await this.#sleep(WATCHDOG_MS, signal);
      if (this.faults.engine !== "well") throw new EngineError("EngineFailed", "a fault of the plan", true);
    };
    const info = {
      modelId: "simulated",
      modelSha256: "aa".repeat(32),
      embedSha256: "bb".repeat(32),
      engineClass: "simulated",
      contextTokens: 512,
      pid: 1,
    };
    const engine: Partial<Engine> = {
      tokenCount: server.guarded(async (messages: { content: string }[]) => await Promise.resolve(messages[0]!.content.length)),
      complete: async (request, options) => {
        await failing(options?.signal);
        await this.#sleep(INFERENCE_MS, options?.signal);
        const text = `answer to ${request.messages.at(-1)!.content}`;
        const top = [0, 1, 2, 3].map((token): [number, number] => [token, -token]);
        const claim = { engineClass: "simulated", finish: "stop" as const, tokens: [7], top: [top] };
        return { text, tokens: 1, promptTokens: 1, finish: "stop" as const, claim };
      },
      embed: async () => await Promise.resolve([1, 0, 0]),
      info: () => info,
    };
    return engine as Engine;
  }
}

/** A disk that is full: SQLite finds no page more, and says so as it does on a real one. */
function limitPages(journal: Journal, full: boolean): void {
  journal.limitPages(full ? 1 : undefined);
}
