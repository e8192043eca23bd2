import { concat, dataLength, dataSlice, toBeHex, toNumber } from "ethers";
import type { Answer } from "./types.ts";

/** The packed wire form of answers: twin of contracts/libraries/Answers.sol. */
const SIZE = 68;
const CHANGE = 70;

/** 68 bytes a prompt: digest, sketch, three bytes tokens, one byte finish reason. Tokens beyond 2^24 - 1 throw. */
export function encodeAnswers(answers: Answer[]): string {
  return concat(answers.map(({ digest, sketch, tokens, finish }) => concat([digest, sketch, toBeHex(tokens, 3), toBeHex(finish, 1)])));
}

/** Inverse of `encodeAnswers`; throws on a length that is no multiple of 68 bytes. */
export function decodeAnswers(packed: string): Answer[] {
  const length = dataLength(packed);
  if (length % SIZE !== 0) throw new RangeError(`answers are ${length} bytes long, wanted a multiple of ${SIZE}`);
  // Two digits a byte, after 0x. Slices of text: a batch has thousands of answers.
  return Array.from({ length: length / SIZE }, (_, i) => {
    const hex = (from: number, to: number) => packed.slice(2 + 2 * (i * SIZE + from), 2 + 2 * (i * SIZE + to));
    return { digest: `0x${hex(0, 32)}`, sketch: `0x${hex(32, 64)}`, tokens: parseInt(hex(64, 67), 16), finish: parseInt(hex(67, 68), 16) };
  });
}

/** Records (two bytes prompt number, 68 bytes answer) of every prompt on which `other` differs from `base`. */
export function changesBetween(base: string, other: string): string {
  if (dataLength(base) !== dataLength(other)) throw new RangeError("answers of different lengths cannot be compared");
  const records: string[] = [];
  for (let i = 0; i * SIZE < dataLength(base); i++) {
    const mine = dataSlice(other, i * SIZE, (i + 1) * SIZE);
    if (mine !== dataSlice(base, i * SIZE, (i + 1) * SIZE)) records.push(concat([toBeHex(i, 2), mine]));
  }
  return records.length === 0 ? "0x" : concat(records);
}

/** The answers that `changes` turn `base` into; records must ascend and lie in range. */
export function applyChanges(base: string, changes: string): string {
  if (changes === "0x") return base;
  const parts = Array.from({ length: dataLength(base) / SIZE }, (_, i) => dataSlice(base, i * SIZE, (i + 1) * SIZE));
  const length = dataLength(changes);
  if (length % CHANGE !== 0) throw new RangeError(`changes are ${length} bytes long, wanted a multiple of ${CHANGE}`);
  let next = 0;
  for (let offset = 0; offset < length; offset += CHANGE) {
    const prompt = toNumber(dataSlice(changes, offset, offset + 2));
    if (prompt < next || prompt >= parts.length)
      throw new RangeError(`change at byte ${offset} names prompt ${prompt}, out of order or range`);
    parts[prompt] = dataSlice(changes, offset + 2, offset + CHANGE);
    next = prompt + 1;
  }
  return concat(parts);
}

/** Three bytes per prompt, big-endian. */
export const encodePromptTokens = (counts: number[]): string => concat(counts.map((count) => toBeHex(count, 3)));

/** Inverse of `encodePromptTokens`. */
export function decodePromptTokens(packed: string): number[] {
  return Array.from({ length: Math.floor(dataLength(packed) / 3) }, (_, i) => toNumber(dataSlice(packed, i * 3, i * 3 + 3)));
}

/** What was decided about a prompt: the seat of the canonical answer (null: no quorum) and the bitmap of accepted seats. */
export interface PromptOutcome {
  canonicalSeat: number | null;
  accepted: number;
}

/** Reads the `outcomes` of a `TaskSettled` event. */
export function decodeOutcomes(packed: string): PromptOutcome[] {
  return Array.from({ length: dataLength(packed) / 2 }, (_, i) => {
    const value = toNumber(dataSlice(packed, i * 2, i * 2 + 2));
    const seat = value >> 12;
    return { canonicalSeat: seat === 15 ? null : seat, accepted: value & 0xfff };
  });
}

/** Inverse of `decodeOutcomes`. */
export function encodeOutcomes(outcomes: PromptOutcome[]): string {
  return concat(outcomes.map(({ canonicalSeat, accepted }) => toBeHex(((canonicalSeat ?? 15) << 12) | accepted, 2)));
}
