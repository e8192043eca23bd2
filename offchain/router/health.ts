import type { Head } from "../chain/cursor.ts";
import type { Sender } from "../chain/sender.ts";
import type { Engine } from "../inference/engine.ts";
import type { Shutdown } from "../runtime/shutdown.ts";
import type { Lanes } from "./lanes.ts";
import type { Completions } from "./completions.ts";
import type { Executor } from "./execute.ts";
import type { Health } from "./server.ts";
import type { World } from "./world.ts";

/** A router that has not acted on a new head for so long is not well. */
const STALE_MS = 30_000;

export interface HealthParts {
  router: string;
  sessions: readonly number[];
  chainId: bigint;
  model: string;
  shutdown: Shutdown;
  engine: Engine;
  sender: Sender;
  executor: Executor;
  completions: Completions;
  lanes: Lanes;
  world: World;
}

/** What the router knows of its own state, for /healthz. Nothing secret: no prompts, answers, salts or keys. */
export class RouterHealth {
  readonly #parts: HealthParts;
  #hash = "";
  #seenAtMs = performance.now();
  #acted = false;
  #outage: string | null = null;
  #balanceLow = false;

  constructor(parts: HealthParts) {
    this.#parts = parts;
  }

  readonly onHead = ({ hash }: Head): void => {
    if (hash !== this.#hash) this.#seenAtMs = performance.now();
    this.#hash = hash;
    this.#acted = true;
    this.#outage = null;
  };

  readonly onOutage = (error: string): void => {
    this.#outage = error;
  };

  readonly onBalance = (enough: boolean): void => {
    this.#balanceLow = !enough;
  };

  report(): Health {
    const { router, sessions, chainId, model, shutdown, engine, sender, executor, completions, lanes, world } = this.#parts;
    const headAgeMs = Math.round(performance.now() - this.#seenAtMs);
    const well = this.#outage === null && headAgeMs < STALE_MS;
    const { head } = world;
    const { requests, restarts } = engine.counters();
    return {
      status: shutdown.draining.aborted ? "draining" : !this.#acted && this.#outage === null ? "starting" : well ? "ok" : "degraded",
      router,
      session: sessions[0],
      sessions,
      chainId: String(chainId),
      model,
      head: head === undefined ? null : { number: head.number, timestamp: head.timestamp, seenMsAgo: headAgeMs },
      outage: this.#outage,
      balanceLow: this.#balanceLow,
      leases: sessions.flatMap((id) => {
        const stored = world.sessions.get(id);
        return stored === undefined || stored.lease === 0 ? [] : [{ session: id, lease: stored.lease, until: stored.leaseUntil }];
      }),
      openRequests: completions.open,
      submitted: lanes.counters,
      engine: { pid: engine.info().pid, requests, restarts },
      acts: executor.counters,
      pendingTransactions: sender.pending.length,
    };
  }
}
