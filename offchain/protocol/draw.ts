import { AbiCoder, keccak256 } from "ethers";

const coder = AbiCoder.defaultAbiCoder();

const LOW_HALF = (1n << 128n) - 1n;

/** The i-th roll of a draw: twin of `Draw.roll`. */
export const roll = (seed: string, i: number): bigint => BigInt(keccak256(coder.encode(["bytes32", "uint256"], [seed, i])));

/** The place that a roll names among `count`: twin of `Draw.place`. */
export const placeOf = (rolled: bigint, count: number): number => Number((rolled & LOW_HALF) % BigInt(count));

/** Whether a candidate with this score (0 to 10,000) is taken by this roll: twin of `Draw.accepts`. */
export const accepts = (rolled: bigint, score: number): boolean => (rolled >> 128n) % 20_000n < BigInt(10_000 + score);

/** The first `count` places of a permutation of 0..size-1 (size at most 10): twin of `Draw.permutation`. */
export function permutation(seed: bigint, size: number, count: number): number[] {
  let rest = BigInt(keccak256(coder.encode(["uint96"], [seed])));
  const deck = Array.from({ length: size }, (_, i) => i);
  const places: number[] = [];
  for (let i = 0; i < count; i++) {
    const left = size - i;
    const at = Number(rest % BigInt(left));
    rest /= BigInt(left);
    places.push(deck[at]!);
    deck[at] = deck[left - 1]!;
  }
  return places;
}

/** Nodes of a lease, from its packed members. */
export function membersOf(members: bigint, size: number): number[] {
  return Array.from({ length: size }, (_, i) => Number((members >> BigInt(24 * i)) & 0xffffffn));
}

/** The node in each seat of a task: twin of `NodePool.committee`. */
export function committee(members: number[], seed: bigint, redundancy: number): number[] {
  return permutation(seed, members.length, redundancy).map((place) => members[place]!);
}

/** The seed a block decides for a salt: twin of `BlockRandomness.seedOf`, given the deciding block's hash. */
export function seedOf(blockHash: string, salt: string): string {
  return keccak256(coder.encode(["bytes32", "bytes32"], [blockHash, salt]));
}

/**
 * The block whose hash counts at `now`, when `blockNumber` was fixed: twin of `BlockRandomness.decidingBlock`. `window` is its `WINDOW`: 256, or
 * 8,191 on chains with the history contract of EIP-2935.
 */
export function decidingBlock(blockNumber: number, now: number, window = 256): number {
  return blockNumber + Math.floor((now - blockNumber - 1) / window) * window;
}

/** The 96 bits of a task's seed that the queue stores. */
export function taskSeed(blockHash: string, task: bigint): bigint {
  return BigInt(seedOf(blockHash, `0x${task.toString(16).padStart(64, "0")}`)) & ((1n << 96n) - 1n);
}

/** Weighted tries per seat, and most places that are looked at in a row after them: as `NodePool` has them. */
const TRIES = 8;
const SCAN = 64;

/** What a draw knows of its candidates. */
export interface Draws {
  /** Score now, 0 to 10,000; default: that of a node that nothing is known about. */
  scoreOf?: (node: number) => number;
  /** Who owns a node; default: each another. */
  ownerOf?: (node: number) => string | number;
  /** Owners of whom no node is drawn. */
  shunned?: (string | number)[];
}

/**
 * Who a draw takes from a row of listed nodes, in order, and the row that is left: twin of `NodePool.lease` where all nodes are of one
 * class, and of `NodePool.drawPanel`. Fewer than `size` members where there are too few owners. `rolls` is how often it tried.
 */
export function drawLease(
  eligible: number[],
  seed: string,
  size: number,
  draws: Draws = {},
): { members: number[]; rest: number[]; rolls: number } {
  let rolls = 0;
  const { scoreOf = () => 1_000, ownerOf = (node) => node, shunned = [] } = draws;
  const members: number[] = [];
  const owners = new Set(shunned);
  const take = (node: number) => {
    if (owners.has(ownerOf(node))) return;
    owners.add(ownerOf(node));
    members.push(node);
  };
  const count = eligible.length;
  if (count === 0) return { members, rest: [], rolls };
  const tries = TRIES * size;
  for (let i = 0; i < tries && members.length < size; i++) {
    const rolled = roll(seed, i);
    rolls++;
    const node = eligible[placeOf(rolled, count)]!;
    if (accepts(rolled, scoreOf(node))) take(node);
  }
  const from = placeOf(roll(seed, tries), count);
  for (let i = 0; i < Math.min(count, SCAN) && members.length < size; i++) take(eligible[(from + i) % count]!);
  const rest = [...eligible];
  for (const member of members) {
    rest[rest.indexOf(member)] = rest[rest.length - 1]!;
    rest.pop();
  }
  return { members, rest, rolls };
}
