/** What a node was drawn for in a round, in the order of `Parts.Role`. */
export const ROLES = ["creator", "preparer", "answerer", "validator"] as const;
export type RoundRole = (typeof ROLES)[number];

/** How it behaved, in the order of `Score.Conduct`. `excused`: it committed, and no reveal phase took place. */
export const CONDUCTS = ["silent", "unopened", "opened", "excused"] as const;
export type Conduct = (typeof CONDUCTS)[number];

/** How well it did, in the order of `Parts.Mark`. `capable`: a pass that also counts towards the next level. */
export const MARKS = ["none", "pass", "capable", "miss"] as const;
export type Mark = (typeof MARKS)[number];

/** Which line of the rewards its points belong to, in the order of `Parts.Line`. */
export const LINES = ["liveness", "health", "service"] as const;
export type Line = (typeof LINES)[number];

/** One node's part in a round; the twin of the packed word `Part`. `level` is that before the round. */
export interface Part {
  node: number;
  role: RoundRole;
  conduct: Conduct;
  mark: Mark;
  level: number;
  line: Line;
  points: number;
}

/** Unpacks a word of `PartsBooked`, `PartsCounted` or `RoundClosed`. Throws RangeError on a word that names no role, conduct, mark or line. */
export function partOf(word: bigint): Part {
  const at = (shift: bigint, bits: bigint) => Number((word >> shift) & ((1n << bits) - 1n));
  const named = <T>(names: readonly T[], shift: bigint): T => {
    const found = names[at(shift, 8n)];
    if (found === undefined)
      throw new RangeError(`found ${at(shift, 8n)} in part 0x${word.toString(16)}, wanted at most ${names.length - 1}`);
    return found;
  };
  return {
    node: at(0n, 24n),
    role: named(ROLES, 24n),
    conduct: named(CONDUCTS, 32n),
    mark: named(MARKS, 40n),
    level: at(48n, 8n),
    line: named(LINES, 56n),
    points: at(64n, 16n),
  };
}

/** Packs a part, as the contract does. */
export function packPart({ node, role, conduct, mark, level, line, points }: Part): bigint {
  return (
    BigInt(node) |
    (BigInt(ROLES.indexOf(role)) << 24n) |
    (BigInt(CONDUCTS.indexOf(conduct)) << 32n) |
    (BigInt(MARKS.indexOf(mark)) << 40n) |
    (BigInt(level) << 48n) |
    (BigInt(LINES.indexOf(line)) << 56n) |
    (BigInt(points) << 64n)
  );
}
