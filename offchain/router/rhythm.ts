/** Intervals between blocks that are looked at, and how many must be there. */
const LOOKED_AT = 8;
const LEAST = 4;
/** An interval may differ from the middle one by this part of it. */
const MOST_SHARE = 0.35;
const KEPT = 600;

/** When blocks were first seen, and when the next one is due. Times are those of performance.now(). */
export class Rhythm {
  #seen: { number: number; atMs: number }[] = [];

  /** A head, every time it is looked at. A reorganisation to an earlier block begins anew. */
  note(number: number, atMs: number): void {
    const last = this.#seen.at(-1);
    if (last?.number === number) return;
    if (last !== undefined && number < last.number) this.#seen = [];
    this.#seen.push({ number, atMs });
    if (this.#seen.length > KEPT) this.#seen.splice(0, KEPT / 2);
  }

  /** Milliseconds between blocks; undefined where they do not come by the clock, as on a chain that mines on demand. */
  get intervalMs(): number | undefined {
    const seen = this.#seen.slice(-LOOKED_AT - 1);
    const intervals = seen.slice(1).map(({ number, atMs }, i) => (atMs - seen[i]!.atMs) / (number - seen[i]!.number));
    if (intervals.length < LEAST) return undefined;
    const middle = intervals.toSorted((a, b) => a - b)[intervals.length >> 1]!;
    return intervals.every((interval) => Math.abs(interval - middle) <= middle * MOST_SHARE) ? middle : undefined;
  }

  /** When the next block is due, after `nowMs`; undefined where that cannot be told. */
  nextAt(nowMs: number): number | undefined {
    const interval = this.intervalMs;
    if (interval === undefined) return undefined;
    const last = this.#seen.at(-1)!.atMs;
    return last + Math.max(1, Math.ceil((nowMs - last) / interval)) * interval;
  }

  /** When the first block after a moment was seen; undefined where there was none yet. */
  firstAfter(ms: number): number | undefined {
    return this.#seen.find(({ atMs }) => atMs > ms)?.atMs;
  }

  /** When a block, or the first one after it that was looked at, was seen; undefined where it was not yet. */
  seenAt(number: number): number | undefined {
    return this.#seen.find((block) => block.number >= number)?.atMs;
  }
}
