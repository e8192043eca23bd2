/** Where a request's time went, milliseconds. `router_ms` is what is left: the router's own. */
export interface Timing {
  total_ms: number;
  /** Waiting for the engine that counts tokens. */
  engine_ms: number;
  /** Waiting until the session's nodes, which have enough to do, can be given more. */
  queue_ms: number;
  /** Waiting for the chain's server, for blocks, nodes and the settlement. */
  chain_ms: number;
  router_ms: number;
}

/** Measures one request, from its body to its reply. */
export class Stopwatch {
  readonly #startedAt = performance.now();
  readonly #outside = { engine: 0, queue: 0, chain: 0 };

  /** Waits for somebody else, and counts the time as theirs. */
  async during<T>(who: "engine", waited: Promise<T>): Promise<T> {
    const from = performance.now();
    try {
      return await waited;
    } finally {
      this.add(who, performance.now() - from);
    }
  }

  add(who: "engine" | "queue" | "chain", ms: number): void {
    this.#outside[who] += Math.max(0, ms);
  }

  /** What was measured until now. */
  get timing(): Timing {
    const rounded = (ms: number) => Math.round(ms * 100) / 100;
    const { engine, queue, chain } = this.#outside;
    const total = performance.now() - this.#startedAt;
    return {
      total_ms: rounded(total),
      engine_ms: rounded(engine),
      queue_ms: rounded(queue),
      chain_ms: rounded(chain),
      router_ms: rounded(total - engine - queue - chain),
    };
  }
}
