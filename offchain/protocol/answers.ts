import { concat, dataLength, toBeHex } from "ethers";
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
  return piecesOf(packed, SIZE).map((answer) => ({
    digest: `0x${answer.slice(0, 64)}`,
    sketch: `0x${answer.slice(64, 128)}`,
    tokens: parseInt(answer.slice(128, 134), 16),
    finish: parseInt(answer.slice(134), 16),
  }));
}

/** The digits of each `size` bytes; bytes that are left at the end are no piece. Slices of text: a batch has thousands of answers. */
function piecesOf(packed: string, size: number): string[] {
  const digits = packed.slice(2).toLowerCase();
  return Array.from({ length: Math.floor(digits.length / (2 * size)) }, (_, i) => digits.slice(2 * size * i, 2 * size * (i + 1)));
}

/** Records (two bytes prompt number, 68 bytes answer) of every prompt on which `other` differs from `base`. */
export function changesBetween(base: string, other: string): string {
  if (dataLength(base) !== dataLength(other)) throw new RangeError("answers of different lengths cannot be compared");
  const before = piecesOf(base, SIZE);
  const records = piecesOf(other, SIZE).map((answer, i) => (answer === before[i] ? "" : i.toString(16).padStart(4, "0") + answer));
  return `0x${records.join("")}`;
}

/** The answers that `changes` turn `base` into; records must ascend and lie in range. */
export function applyChanges(base: string, changes: string): string {
  if (changes === "0x") return base;
  const answers = piecesOf(base, SIZE);
  const length = dataLength(changes);
  if (length % CHANGE !== 0) throw new RangeError(`changes are ${length} bytes long, wanted a multiple of ${CHANGE}`);
  let next = 0;
  for (const [i, record] of piecesOf(changes, CHANGE).entries()) {
    const prompt = parseInt(record.slice(0, 4), 16);
    if (prompt < next || prompt >= answers.length)
      throw new RangeError(`change at byte ${i * CHANGE} names prompt ${prompt}, out of order or range`);
    answers[prompt] = record.slice(4);
    next = prompt + 1;
  }
  return `0x${answers.join("")}`;
}

/** Three bytes per prompt, big-endian. */
export const encodePromptTokens = (counts: number[]): string => concat(counts.map((count) => toBeHex(count, 3)));

/** Inverse of `encodePromptTokens`. */
export const decodePromptTokens = (packed: string): number[] => piecesOf(packed, 3).map((count) => parseInt(count, 16));

/** What was decided about a prompt: the seat of the canonical answer (null: no quorum) and the bitmap of accepted seats. */
export interface PromptOutcome {
  canonicalSeat: number | null;
  accepted: number;
}

/** Reads the `outcomes` of a `TaskSettled` event. */
export function decodeOutcomes(packed: string): PromptOutcome[] {
  return piecesOf(packed, 2).map((outcome) => {
    const value = parseInt(outcome, 16);
    const seat = value >> 12;
    return { canonicalSeat: seat === 15 ? null : seat, accepted: value & 0xfff };
  });
}

/** Inverse of `decodeOutcomes`. */
export function encodeOutcomes(outcomes: PromptOutcome[]): string {
  return concat(outcomes.map(({ canonicalSeat, accepted }) => toBeHex(((canonicalSeat ?? 15) << 12) | accepted, 2)));
}
