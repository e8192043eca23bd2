import Database from "better-sqlite3";
import path from "node:path";
import { interfaces } from "../../../offchain/chain/abis.ts";
import { manifestBytes } from "../../../offchain/protocol/manifest.ts";
import { type TaskQueued, taskQueued } from "../../../offchain/protocol/events.ts";
import { type Facts, Status } from "../../../offchain/protocol/types.ts";
import { eventually } from "../chain/hardhatNode.ts";
import { TestCarrier } from "./carrier.ts";
import { promptTokens, startNode, type Daemon } from "./daemon.ts";
import { question, startLocalNetwork, type LocalNetwork } from "./localNetwork.ts";

/** Must turn up in no log. */
export const CANARY = "zanzibar";
const MANIFEST = question(`What is the capital of France, ${CANARY}?`);
const BYTES = manifestBytes(MANIFEST);
/** Seconds to commit, and to reveal. */
export const WINDOW = 60;
const MAX_TOKENS = 32;

/** One node with the one seat of every task, on a chain that mines only when it is told to, beside a router that carries nothing by itself. */
export class OneSeat {
  readonly network: LocalNetwork;
  readonly carrier: TestCarrier;
  daemon: Daemon | undefined;
  /** What all ended processes wrote. */
  readonly output: string[] = [];
  readonly #tokens: number[];

  private constructor(network: LocalNetwork, carrier: TestCarrier, tokens: number[]) {
    this.network = network;
    this.carrier = carrier;
    this.#tokens = tokens;
  }

  static async open(): Promise<OneSeat> {
    const tokens = await promptTokens(MANIFEST);
    const carrier = await TestCarrier.start();
    const network = await startLocalNetwork({ nodes: 1, commitWindow: WINDOW, revealWindow: WINDOW, router: carrier.url });
    const bench = new OneSeat(network, carrier, tokens);
    await bench.automatic(false);
    return bench;
  }

  async close(): Promise<void> {
    await this.network.stop();
    await this.carrier.stop();
  }

  /** Before each test. */
  begin(manner: TestCarrier["manner"]): void {
    this.carrier.reset(manner);
    this.carrier.keep(BYTES);
  }

  /** After each test. */
  async end(): Promise<void> {
    await this.kill();
    await this.mine(1);
  }

  /** Whether each transaction is mined at once. */
  async automatic(on: boolean): Promise<void> {
    await this.network.chain.rpc("evm_setAutomine", on);
  }

  async mine(count: number): Promise<void> {
    for (let i = 0; i < count; i++) await this.network.chain.rpc("evm_mine");
  }

  async pass(seconds: number): Promise<void> {
    await this.network.chain.rpc("evm_increaseTime", seconds);
    await this.mine(1);
  }

  async start(changes: Record<string, string | undefined> = {}): Promise<Daemon> {
    this.daemon = await startNode(this.network, 1, changes);
    return this.daemon;
  }

  async kill(): Promise<void> {
    if (this.daemon === undefined) return;
    await this.daemon.end("SIGKILL");
    this.output.push(this.daemon.output());
    this.daemon = undefined;
  }

  /** A task whose seed block is mined; `surplus` makes it declare too many prompt tokens. */
  async submit(surplus = 0): Promise<bigint> {
    await this.automatic(true);
    const declared = this.#tokens.map((count) => count + surplus);
    const task = await this.network.submit(BYTES, declared, MAX_TOKENS);
    await this.automatic(false);
    await this.mine(1);
    return task;
  }

  async facts(task: bigint): Promise<Facts> {
    return await this.network.views.facts(task);
  }

  /** Hashes in the pool. */
  async pool(): Promise<string[]> {
    return ((await this.network.chain.rpc("eth_getBlockByNumber", "pending", false)) as { transactions: string[] }).transactions;
  }

  /** Hashes in the latest block. */
  async mined(): Promise<string[]> {
    return ((await this.network.chain.rpc("eth_getBlockByNumber", "latest", false)) as { transactions: string[] }).transactions;
  }

  async inPool(): Promise<string[]> {
    await eventually(async () => (await this.pool()).length > 0, "a transaction in the pool");
    return await this.pool();
  }

  /** Mines whatever comes until the facts are as wanted. */
  async until(task: bigint, holds: (found: Facts) => boolean, what: string): Promise<void> {
    await eventually(async () => {
      if ((await this.pool()).length > 0) await this.mine(1);
      return holds(await this.facts(task));
    }, what);
  }

  async settled(task: bigint): Promise<void> {
    await this.until(task, ({ status }) => status === Status.Accepted, "a settled task");
  }

  async #events(name: string, task: bigint): Promise<Record<string, unknown>[]> {
    const topics = interfaces.SessionQueue.encodeFilterTopics(name, [task]) as string[];
    const address = this.network.deployment.addresses.SessionQueue;
    const logs = await this.network.endpoint.provider.getLogs({ address, fromBlock: 0, topics });
    return logs.map((log) => interfaces.SessionQueue.parseLog(log)!.args as unknown as Record<string, unknown>);
  }

  async born(task: bigint): Promise<TaskQueued> {
    return taskQueued((await this.#events("TaskQueued", task))[0]!);
  }

  /** Every commitment that the chain took for a task. */
  async commitments(task: bigint): Promise<string[]> {
    const events = await this.#events("ResultsCommitted", task);
    return events.flatMap(({ commitments }) => (commitments as { commitment: string }[]).map(({ commitment }) => commitment));
  }

  get journalFile(): string {
    return path.join(this.network.folder, "node-1", "journal.db");
  }

  /** Rows of the node's journal. */
  rows(sql: string): Record<string, unknown>[] {
    const database = new Database(this.journalFile, { readonly: true });
    try {
      return database.prepare(sql).all() as Record<string, unknown>[];
    } finally {
      database.close();
    }
  }
}
