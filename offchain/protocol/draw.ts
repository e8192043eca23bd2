import { AbiCoder, keccak256 } from "ethers";

const coder = AbiCoder.defaultAbiCoder();

/** The i-th pick out of `size` remaining places: twin of `Draw.pick`. */
export function pick(seed: string, i: number, size: number): number {
  return Number(BigInt(keccak256(coder.encode(["bytes32", "uint256"], [seed, i]))) % BigInt(size));
}

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

/** The block whose hash counts at `now`, when `blockNumber` was fixed: twin of `BlockRandomness.decidingBlock`. */
export function decidingBlock(blockNumber: number, now: number): number {
  return blockNumber + Math.floor((now - blockNumber - 1) / 256) * 256;
}

/** The 96 bits of a task's seed that the queue stores. */
export function taskSeed(blockHash: string, task: bigint): bigint {
  return BigInt(seedOf(blockHash, `0x${task.toString(16).padStart(64, "0")}`)) & ((1n << 96n) - 1n);
}

/** Who a lease draws from a dense list, in order, and the list that is left: twin of `NodePool.lease`. */
export function drawLease(eligible: number[], seed: string, size: number): { members: number[]; rest: number[] } {
  const rest = [...eligible];
  const members: number[] = [];
  for (let i = 0; i < size; i++) {
    const at = pick(seed, i, rest.length);
    members.push(rest[at]!);
    rest[at] = rest[rest.length - 1]!;
    rest.pop();
  }
  return { members, rest };
}
