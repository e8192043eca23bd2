import { AbiCoder, keccak256 } from "ethers";
import { accepts, placeOf, roll } from "./draw.ts";

/** Who is drawn into a round: twin of contracts/libraries/RoundDraw.sol and of `Referee.draw`. */

const coder = AbiCoder.defaultAbiCoder();
/** Weighted tries per seat, and most places that are looked at in a row after them. */
const TRIES = 8;
const SCAN = 32;
/** With fewer free nodes in the pool than these, nodes without a pass fill up. */
const SMALL_POOL = 7;

/** The pool's lists as `NodePool.drawable` numbers them: the eligible of at least a class (0 all, 1 medium, 2 high), and who lacks a pass. */
export const UNPROVEN = 3;
export type DrawList = 0 | 1 | 2 | typeof UNPROVEN;

/** A place of a list. `ready`: whether the node may be drawn now. */
export interface Listed {
  node: number;
  owner: string;
  ready: boolean;
}

/** The pool as a draw sees it. */
export interface DrawPool {
  /** The places of a list, in order. */
  list: (list: DrawList) => readonly Listed[];
  /** Score of network work now, 0 to 10,000. */
  scoreOf: (node: number) => number;
  ownerOf: (node: number) => string;
}

/** What a draw knows of its round; nodes are numbers, 0 is nobody. */
export interface DrawnRound {
  kind: "liveness" | "capability";
  /** Whether the answerers are drawn; else a creator, a preparer or a panel. */
  answerers: boolean;
  /** Least class of the answerers of a capability round: 0 to 2. */
  tier: 0 | 1 | 2;
  createdBy: number;
  preparedBy: number;
  /** The answerers so far. */
  seated: readonly number[];
  /** Nodes that were replaced. */
  late: readonly number[];
}

/** Who has been drawn, and the owners of whom nobody else is. */
interface Hat {
  members: number[];
  owners: string[];
}

/**
 * The members of a round's awaited role, in the order in which they were drawn: at most `size`.
 * @param seed 256 bits as hex
 */
export function drawMembers(round: DrawnRound, pool: DrawPool, size: number, seed: string): number[] {
  const { kind, answerers, tier, createdBy, preparedBy, seated, late } = round;
  const shunned = [createdBy, preparedBy, ...seated, ...late].filter((node) => node !== 0);
  const hat: Hat = { members: [], owners: shunned.map(pool.ownerOf) };
  if (answerers && kind === "liveness") fill(hat, pool, UNPROVEN, size, seed);
  fill(hat, pool, answerers ? tier : 0, size, seed);
  if (!answerers && pool.list(0).length < SMALL_POOL) fill(hat, pool, UNPROVEN, size, seed);
  return hat.members;
}

/** Fills the hat to `size` from one list: by weight first, then from places in a row. */
function fill(hat: Hat, pool: DrawPool, list: DrawList, size: number, seed: string): void {
  const places = pool.list(list);
  if (places.length === 0 || hat.members.length >= size) return;
  const own = keccak256(coder.encode(["bytes32", "uint8"], [seed, list]));
  const tries = TRIES * (size - hat.members.length);
  for (let i = 0; i < tries && hat.members.length < size; i++) {
    const rolled = roll(own, i);
    const found = places[placeOf(rolled, places.length)]!;
    if (found.ready && accepts(rolled, pool.scoreOf(found.node))) take(hat, found);
  }
  const from = placeOf(roll(own, tries), places.length);
  const steps = Math.min(places.length, SCAN);
  for (let i = 0; i < steps && hat.members.length < size; i++) {
    const found = places[(from + i) % places.length]!;
    if (found.ready) take(hat, found);
  }
}

/** Unless its owner is to be avoided. */
function take(hat: Hat, { node, owner }: Listed): void {
  if (hat.owners.includes(owner)) return;
  hat.members.push(node);
  hat.owners.push(owner);
}
