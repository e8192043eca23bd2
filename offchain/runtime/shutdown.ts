/** Two stages of ending: first drain, then stop. */
export interface Shutdown {
  /** Aborted by the first SIGTERM or SIGINT: take no new work, finish what must be finished. */
  readonly draining: AbortSignal;
  /** Aborted by a second signal, or when the drain took too long: end now. */
  readonly stopping: AbortSignal;
  /** Starts the drain, as a first signal does. */
  drain(): void;
  /** Forgets the signal handlers and the timer. */
  close(): void;
}

/** Listens for SIGTERM and SIGINT. `drainMs`: longest drain. */
export function shutdownOnSignals(drainMs = 30_000): Shutdown {
  const draining = new AbortController();
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const drain = () => {
    if (draining.signal.aborted) return stopping.abort();
    draining.abort();
    timer = setTimeout(() => stopping.abort(), drainMs);
    timer.unref();
  };
  process.on("SIGTERM", drain).on("SIGINT", drain);
  const close = () => {
    clearTimeout(timer);
    process.off("SIGTERM", drain).off("SIGINT", drain);
  };
  return { draining: draining.signal, stopping: stopping.signal, drain, close };
}
