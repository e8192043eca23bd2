import type { Random } from "../../test/simulation/random.ts";

/** How the pool's lists move and stand still: see `standstill`. */
export interface Standstill {
  /** Share of the blocks in which a node can be listed. */
  movingShare: number;
  /** Longest time in which none could, seconds. */
  longest: number;
}

export interface DrawRate {
  /** Draws of one model that are asked for, a second. */
  perSecond: number;
  blockSeconds: number;
  seedDelay: number;
  seconds: number;
}

/** Blocks after the last pending seed in which lists still stand, as `NodeStore.FREEZE`. */
const FREEZE = 64;

/** Draws of a model that are asked for and not made: twin of `NodePool.announceDraw`, `retireDraw` and `drawPending`. */
export class PendingDraws {
  #count = 0;
  #first = 0;
  #last = 0;

  announce(seedBlock: number, draws = 1): void {
    if (this.#count === 0) this.#first = seedBlock;
    this.#last = Math.max(this.#last, seedBlock);
    this.#count += draws;
  }

  retire(draws = 1): void {
    this.#count -= draws;
  }

  /** Whether the lists stand still in this block. */
  at(block: number): boolean {
    return this.#count !== 0 && block > this.#first && block <= this.#last + FREEZE;
  }
}
/** Up to here the product of uniform numbers is a quick way to a Poisson number. */
const SMALL = 20;

/**
 * While a draw is decided and not made, nobody may be listed, or whoever sees its seed could change who is drawn. Requests come at random
 * (Poisson), and each is drawn in the first block in which it can be: the best that keepers can do.
 */
export function standstill({ perSecond, blockSeconds, seedDelay, seconds }: DrawRate, random: Random): Standstill {
  const blocks = Math.ceil(seconds / blockSeconds);
  const pending = new PendingDraws();
  /** Requests by the block that decides them, of the last few blocks. */
  const asked: number[] = Array.from({ length: seedDelay + 1 }, () => 0);
  let [moving, still, longest] = [0, 0, 0];
  for (let block = 1; block <= blocks; block++) {
    const decided = (block - 1) % asked.length;
    pending.retire(asked[decided]);
    asked[decided] = 0;
    if (pending.at(block)) still++;
    else [still, moving] = [0, moving + 1];
    longest = Math.max(longest, still);
    const fresh = poisson(perSecond * blockSeconds, random);
    if (fresh === 0) continue;
    pending.announce(block + seedDelay, fresh);
    asked[(block + seedDelay) % asked.length] = fresh;
  }
  return { movingShare: moving / blocks, longest: longest * blockSeconds };
}

/** How many of many rare things happen where `mean` do on average; of many, by the normal distribution. */
function poisson(mean: number, random: Random): number {
  if (mean > SMALL) {
    const normal = Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
    return Math.max(0, Math.round(mean + Math.sqrt(mean) * normal));
  }
  const end = Math.exp(-mean);
  let found = 0;
  for (let product = random.next(); product > end; product *= random.next()) found++;
  return found;
}
