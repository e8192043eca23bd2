/** Sample that tells a share of a population without end within one percentage point, with 95 % confidence: 1.96^2 x 0.25 / 0.01^2. */
export const UNBOUNDED_SAMPLE = 9_604n;
/** Batches of a day: one every 15 minutes. */
export const BATCHES = 96;
const DAY = 86_400;

/**
 * How many of a day's tasks are to be looked at; the twin of `Sampling.sampleSize`.
 * @param population how many tasks there are, at least 0
 * @returns n0 N / (N + n0 - 1) rounded up: at most `population`, at most 9,604, and never less for more
 */
export function sampleSize(population: bigint): bigint {
  if (population < 0n) throw new RangeError(`found a population of ${population}, wanted at least 0`);
  if (population === 0n) return 0n;
  const divisor = population + UNBOUNDED_SAMPLE - 1n;
  return (population * UNBOUNDED_SAMPLE + divisor - 1n) / divisor;
}

/** How many of a day's sample fall into a batch (0 to 95); the twin of `Sampling.batchSize`. */
export function batchSize(sample: bigint, batch: number): bigint {
  const count = BigInt(BATCHES);
  return ((BigInt(batch) + 1n) * sample) / count - (BigInt(batch) * sample) / count;
}

/** One batch of a day's sample. `from` and `until` in seconds since midnight, `until` not included. */
export interface Batch {
  from: number;
  until: number;
  size: bigint;
}

/** A day's sample, spread evenly: batches without gaps from midnight to midnight, together as large as the sample. */
export function schedule(population: bigint): Batch[] {
  const sample = sampleSize(population);
  const length = DAY / BATCHES;
  return Array.from({ length: BATCHES }, (_, batch) => ({
    from: batch * length,
    until: (batch + 1) * length,
    size: batchSize(sample, batch),
  }));
}
