import { Status } from "../protocol/types.ts";

/** Prompts at once before anything was measured. */
const AT_FIRST = 32;
/** Of the commit window, the part within which nodes are expected to answer all that they were given. */
const WINDOW_SHARE = 0.5;
/** The pace is the best of so many measurements: what is measured while there is little to do says little. */
const MEASUREMENTS = 12;
/** After nodes were late, the limit grows by this part of itself with every task that they answer. */
const GROWTH = 1.5;

interface Running {
  prompts: number;
  bornMs: number;
  answeredBefore: number;
}

/**
 * How much work a session's nodes are given at once: what they were seen to answer within half of the commit window, and less once they were late.
 * Whatever else comes waits in the router, where it costs nothing and can still be taken back, instead of at nodes which would miss their deadline with
 * all of it. Counted in prompts. Pure but for the times, which are given.
 */
export class Pace {
  readonly #running = new Set<Running>();
  readonly #perSecond: number[] = [];
  #answered = 0;
  #most = Infinity;

  /** Prompts of tasks that have not ended. */
  get open(): number {
    return [...this.#running].reduce((sum, { prompts }) => sum + prompts, 0);
  }

  /** Prompts that nodes answer in a second; undefined before the first answer. */
  get perSecond(): number | undefined {
    return this.#perSecond.length === 0 ? undefined : Math.max(...this.#perSecond);
  }

  /** Most prompts at once. `size`: the most in one task; `windowSeconds`: for commits. */
  limit(size: number, windowSeconds: number): number {
    const measured = (this.perSecond ?? 0) * windowSeconds * WINDOW_SHARE;
    return Math.max(1, Math.floor(Math.min(this.#most, Math.max(size, AT_FIRST, measured))));
  }

  /** How long `waiting` prompts will take that come behind those that are open, seconds; by the limit, since a pace that was seen is the least. */
  waitSeconds(waiting: number, size: number, windowSeconds: number): number {
    return ((this.open + waiting) * windowSeconds * WINDOW_SHARE) / this.limit(size, windowSeconds);
  }

  /**
   * How many of `wanted` prompts may go now. While others are answered, a small part of them stays until there is room for a larger task: small tasks
   * would leave room for small ones only, for ever.
   */
  admitted(wanted: number, size: number, windowSeconds: number): number {
    const limit = this.limit(size, windowSeconds);
    const { open } = this;
    const room = Math.max(0, limit - open);
    if (wanted <= room || open === 0) return Math.min(wanted, room);
    return room >= Math.min(size, limit / 2) ? room : 0;
  }

  /** A task is on chain. Returns what must be told of its end. */
  begun(prompts: number, nowMs: number): (ended: { status: Status | undefined; nowMs: number }) => void {
    const running: Running = { prompts, bornMs: nowMs, answeredBefore: this.#answered };
    this.#running.add(running);
    return ({ status, nowMs: endedMs }) => {
      const { open } = this;
      if (!this.#running.delete(running)) return;
      // Nobody was slow where it was taken back, or where its end is not known.
      if (status === Status.Cancelled || status === undefined) return;
      if (status === Status.Failed) return void (this.#most = open > 1 ? Math.min(this.#most, open) / 2 : this.#most);
      this.#answered += prompts;
      this.#most *= GROWTH;
      this.#perSecond.push((this.#answered - running.answeredBefore) / Math.max(0.001, (endedMs - running.bornMs) / 1_000));
      if (this.#perSecond.length > MEASUREMENTS) this.#perSecond.shift();
    };
  }
}
