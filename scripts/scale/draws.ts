import { keccak256, toUtf8Bytes } from "ethers";
import { drawLease } from "../../offchain/protocol/draw.ts";
import type { Random } from "../../test/simulation/random.ts";

/** What many draws of a lease from `size` nodes were like. */
export interface Draws {
  /** Tries of a draw: what its gas follows from. */
  meanRolls: number;
  mostRolls: number;
  /** Draws that found fewer nodes than wanted. */
  short: number;
  /** How much oftener a node of full score was drawn than one of none; by weight 2. */
  favour: number;
  /** Most often that one node was drawn. */
  luckiest: number;
}

const FULL = 10_000;

/** Draws by the agents' twin of `NodePool.lease`. Half of the nodes have a full score and half none. */
export function draws(nodes: number, wanted: number, count: number, random: Random): Draws {
  const eligible = Array.from({ length: nodes }, (_, i) => i + 1);
  const scoreOf = (node: number) => (node % 2 === 0 ? FULL : 0);
  const drawn = new Map<number, number>();
  let [rolls, mostRolls, short, high, low] = [0, 0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    const seed = keccak256(toUtf8Bytes(`${nodes} ${i} ${random.next()}`));
    const result = drawLease(eligible, seed, wanted, { scoreOf });
    rolls += result.rolls;
    mostRolls = Math.max(mostRolls, result.rolls);
    if (result.members.length < wanted) short++;
    for (const node of result.members) {
      if (scoreOf(node) === FULL) high++;
      else low++;
      drawn.set(node, (drawn.get(node) ?? 0) + 1);
    }
  }
  return { meanRolls: rolls / count, mostRolls, short, favour: high / low, luckiest: Math.max(...drawn.values()) };
}
