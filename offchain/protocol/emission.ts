const YEAR = 365n * 86_400n;
const HALF_YEAR = YEAR / 2n;
const QUARTER = YEAR / 4n;
const BPS = 10_000n;

/** What staked COR earns: yearly rates in 1/10,000, each for so many seconds, the last for ever. */
export const SCHEDULE: readonly { rateBps: bigint; seconds?: bigint }[] = [
  { rateBps: 6_000n, seconds: HALF_YEAR },
  { rateBps: 3_000n, seconds: QUARTER },
  { rateBps: 1_500n, seconds: QUARTER },
  { rateBps: 1_000n },
];

/** Most COR that earns the full rate, base units. */
export const MOST_REWARDED = 320_000_000n * 10n ** 18n;

/** Basis-point seconds from the start until `elapsed` seconds later: twin of `Emission.accrued`. */
export function accrued(elapsed: bigint): bigint {
  let left = elapsed;
  let sum = 0n;
  for (const { rateBps, seconds } of SCHEDULE) {
    const part = seconds === undefined || left < seconds ? left : seconds;
    sum += rateBps * part;
    left -= part;
  }
  return sum;
}

/** What an amount that is staked all the time has earned by then, base units, rounded down; `total` is all that is staked. */
export function earned(amount: bigint, elapsed: bigint, total = amount): bigint {
  const paid = total > MOST_REWARDED ? (amount * MOST_REWARDED) / total : amount;
  return (paid * accrued(elapsed)) / (BPS * YEAR);
}
