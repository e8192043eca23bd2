import type { Head } from "../chain/cursor.ts";
import type { Sender } from "../chain/sender.ts";
import type { Engine } from "../inference/engine.ts";
import type { Shutdown } from "../runtime/shutdown.ts";
import type { Executor } from "./execute.ts";
import type { Health } from "./server.ts";

/** A node that has not acted on a head for so long is not well. */
const STALE_MS = 30_000;

/** What the node knows of its own state, for /healthz. Nothing secret: no prompts, answers, salts or keys. */
export class NodeHealth {
  readonly #operator: string;
  readonly #chainId: () => bigint;
  readonly #shutdown: Shutdown;
  #parts: { node: number; engine: () => Engine; executor: Executor; sender: Sender } | undefined;
  #head: Head | undefined;
  #seenAtMs = performance.now();
  #outage: string | null = null;
  #balanceLow = false;

  constructor(operator: string, chainId: () => bigint, shutdown: Shutdown) {
    this.#operator = operator;
    this.#chainId = chainId;
    this.#shutdown = shutdown;
  }

  attach(parts: { node: number; engine: () => Engine; executor: Executor; sender: Sender }): void {
    this.#parts = parts;
  }

  readonly onHead = (head: Head): void => {
    if (head.hash !== this.#head?.hash) this.#seenAtMs = performance.now();
    this.#head = head;
    this.#outage = null;
  };

  readonly onOutage = (error: string): void => {
    this.#outage = error;
  };

  readonly onBalance = (enough: boolean): void => {
    this.#balanceLow = !enough;
  };

  /** Why the node is not ready for work, by check; empty where it is. */
  readiness(): Record<string, string> {
    const failing: Record<string, string> = {};
    if (this.#parts === undefined || this.#head === undefined) failing["start"] = "the node has not caught up with the chain yet";
    else if (performance.now() - this.#seenAtMs >= STALE_MS) failing["head"] = "no new block for 30 s";
    if (this.#outage !== null) failing["chain"] = "the chain cannot be read";
    if (this.#parts?.engine().info().pid === null) failing["engine"] = "the engine's process is gone; the next request starts it";
    if (this.#balanceLow) failing["balance"] = "the balance for gas is low";
    if (this.#shutdown.draining.aborted) failing["draining"] = "the node ends";
    return failing;
  }

  report(): Health {
    if (this.#parts === undefined || (this.#head === undefined && this.#outage === null))
      return { status: "starting", operator: this.#operator };
    const common = { operator: this.#operator, chainId: String(this.#chainId()) };
    const { node, engine: current, executor, sender } = this.#parts;
    const engine = current();
    const headAgeMs = Math.round(performance.now() - this.#seenAtMs);
    const well = this.#outage === null && headAgeMs < STALE_MS;
    const { modelId, modelSha256, engineClass, pid } = engine.info();
    return {
      status: this.#shutdown.draining.aborted ? "draining" : well ? "ok" : "degraded",
      ...common,
      node,
      head: this.#head === undefined ? null : { number: this.#head.number, timestamp: this.#head.timestamp, seenMsAgo: headAgeMs },
      outage: this.#outage,
      balanceLow: this.#balanceLow,
      engine: { pid, modelId, modelSha256, engineClass, ...engine.counters() },
      acts: executor.counters,
      running: executor.running,
      pendingTransactions: sender.pending.length,
    };
  }
}
