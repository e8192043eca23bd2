import { z } from "zod";
import { canonicalJsonBytes } from "./canonicalJson.ts";

/** How many of the likeliest tokens a claim names at each position. */
export const CLAIM_TOP = 4;
/** Most bytes of one claim list. A position takes 36 of them, so this is about 116,000 tokens. */
export const MAX_CLAIM_BYTES = 4 * 1024 * 1024;

/** A token id and its log-probability (natural, <= 0, five decimals). */
export type TokenLogProb = [token: number, logProb: number];
export type Finish = "stop" | "length";

/** What a miner says about one answer, made by one canonical prefill after generation. Committed with the answer. */
export interface Claim {
  /** Names everything that changes a logit; inside one class equal work gives equal claims. */
  engineClass: string;
  finish: Finish;
  /** The answer's token ids; the last is the end-of-generation token unless a stop string or the length ended it. */
  tokens: number[];
  /** For each token, the CLAIM_TOP likeliest tokens at its position, likeliest first. */
  top: TokenLogProb[][];
}

export class ClaimError extends Error {
  readonly code = "ClaimInvalid";
  readonly retryable = false;
  constructor(message: string) {
    super(message);
    this.name = "ClaimError";
  }
}

const SCALE = 1e5;
const MAX_UINT24 = 0xff_ffff;
const POSITION_BYTES = 3 * (1 + 2 * CLAIM_TOP);

/** Rounds a log-probability to what a claim can hold: five decimals, from -167.77215 to 0. */
export function roundLogProb(logProb: number): number {
  return fromScaled(toScaled(logProb));
}

const toScaled = (logProb: number) => Math.min(MAX_UINT24, Math.max(0, Math.round(-logProb * SCALE)));
const fromScaled = (scaled: number) => (scaled === 0 ? 0 : -scaled / SCALE);

/**
 * The canonical bytes of a task's claims, one for each prompt in order: JSON {v, engineClass, answers: [{finish, positions}]},
 * where positions is base64 of 27 bytes a token: unsigned 24-bit big-endian numbers, the token, then four times (token, -100000 * logProb).
 * Throws ClaimError when the claims do not share one engine class or do not fit the form.
 */
export function claimBytes(claims: readonly Claim[]): Uint8Array {
  const engineClass = claims[0]?.engineClass;
  if (engineClass === undefined) throw new ClaimError("found no claim, wanted at least one");
  if (claims.some((claim) => claim.engineClass !== engineClass))
    throw new ClaimError("found several engine classes in one list, wanted one");
  const answers = claims.map((claim) => ({ finish: claim.finish, positions: pack(claim) }));
  const bytes = canonicalJsonBytes({ v: 1, engineClass, answers });
  checkSize(bytes);
  return bytes;
}

const listSchema = z.strictObject({
  v: z.literal(1),
  engineClass: z.string().min(1).max(1024),
  answers: z
    .array(z.strictObject({ finish: z.enum(["stop", "length"]), positions: z.base64() }))
    .min(1)
    .max(1024),
});

/** Reads the bytes that claimBytes made. Throws ClaimError. */
export function parseClaims(bytes: Uint8Array): Claim[] {
  checkSize(bytes);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ClaimError(`found ${bytes.length} bytes that are not JSON in UTF-8; wanted a claim list`);
  }
  const outcome = listSchema.safeParse(value);
  if (!outcome.success) {
    const issue = outcome.error.issues[0];
    throw new ClaimError(`the claim list is not valid: ${issue?.path.join(".") || "list"}: ${issue?.message}`);
  }
  const { engineClass, answers } = outcome.data;
  return answers.map((answer) => ({ engineClass, finish: answer.finish, ...unpack(answer.positions) }));
}

function pack(claim: Claim): string {
  if (claim.tokens.length === 0 || claim.tokens.length !== claim.top.length)
    throw new ClaimError(`found ${claim.tokens.length} tokens and ${claim.top.length} positions, wanted as many of each and at least one`);
  const buffer = Buffer.alloc(claim.tokens.length * POSITION_BYTES);
  let at = 0;
  const write = (found: number) => {
    if (!Number.isInteger(found) || found < 0 || found > MAX_UINT24)
      throw new ClaimError(`found ${found}, wanted an unsigned 24-bit number`);
    at = buffer.writeUIntBE(found, at, 3);
  };
  claim.tokens.forEach((token, position) => {
    const top = claim.top[position]!;
    if (top.length !== CLAIM_TOP)
      throw new ClaimError(`found ${top.length} log-probabilities at position ${position}, wanted ${CLAIM_TOP}`);
    write(token);
    for (const [id, logProb] of top) {
      write(id);
      write(toScaled(logProb));
    }
  });
  return buffer.toString("base64");
}

function unpack(positions: string): Pick<Claim, "tokens" | "top"> {
  const buffer = Buffer.from(positions, "base64");
  if (buffer.length === 0 || buffer.length % POSITION_BYTES !== 0)
    throw new ClaimError(`found ${buffer.length} bytes of positions, wanted a multiple of ${POSITION_BYTES} and at least one`);
  const claim: Pick<Claim, "tokens" | "top"> = { tokens: [], top: [] };
  for (let at = 0; at < buffer.length; at += POSITION_BYTES) {
    const read = (field: number) => buffer.readUIntBE(at + 3 * field, 3);
    claim.tokens.push(read(0));
    claim.top.push(Array.from({ length: CLAIM_TOP }, (_, rank) => [read(1 + 2 * rank), fromScaled(read(2 + 2 * rank))]));
  }
  return claim;
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length > MAX_CLAIM_BYTES)
    throw new ClaimError(`found a claim list of ${bytes.length} bytes, wanted at most ${MAX_CLAIM_BYTES}`);
}
