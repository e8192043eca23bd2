import { AbiCoder, keccak256 } from "ethers";
import { digestOf, type Digest } from "../content/contentId.ts";
import { ContentError, type ContentStore } from "../content/store.ts";
import type { Engine, Verification } from "../inference/engine.ts";
import { semanticSketch } from "../inference/semanticSketch.ts";
import { parseTaskManifest, type TaskManifest } from "../inference/taskManifest.ts";
import type { Usefulness } from "../inference/usefulness.ts";
import { decodeAnswers } from "../protocol/answers.ts";
import { canonicalJsonBytes } from "../protocol/canonicalJson.ts";
import { type Claim, ClaimError, MAX_CLAIM_BYTES, parseClaims } from "../protocol/claim.ts";
import type { GenuinenessRule } from "../protocol/genuineness.ts";
import type { Secret } from "../protocol/handover.ts";
import { isRefusal, lowerMedian } from "../protocol/judging.ts";
import { MAX_MANIFEST_BYTES } from "../protocol/manifest.ts";
import { distance } from "../protocol/sketch.ts";
import { type Answer, FINISH } from "../protocol/types.ts";
import { FINDING, type Finding, type Opinion, thousandthsOf } from "../protocol/verdicts.ts";

/** Bits by which a sketch made on another machine may differ: the last places of an embedding do, and with them a projection that is nearly zero. */
const SKETCH_TOLERANCE = 4;
/** Prompts of one seat that are looked at; of more, these many are drawn. */
export const MOST_PROMPTS = 16;
const MAX_RESULT_BYTES = 1024 * 1024;

/** What is known of the task that is judged. */
export interface JudgedTask {
  task: bigint;
  round: number;
  manifest: string;
  /** Openings by seat. */
  openings: ReadonlyMap<number, Secret>;
  /** Who judges, by seat: decides which prompts are looked at. */
  panel: readonly number[];
}

export interface JudgingParts {
  engine: Engine;
  /** Where manifests, claims and results come from. */
  source: ContentStore;
  rule: GenuinenessRule;
  usefulness: Usefulness;
  /** Known to this validator alone, and always the same for this panel. */
  secret: string;
}

/** What was found of one prompt, as the evidence tells it. */
export interface PromptEvidence {
  prompt: number;
  finding: Finding;
  /** In words of the check that decided. */
  reason: string;
  score: number;
  delta?: number;
  misses?: number;
  far?: number;
}

/** What was found of one seat. */
export interface SeatEvidence {
  seat: number;
  finding: Finding;
  score: number;
  deviation: number;
  prompts: PromptEvidence[];
}

/** A verdict before it is sealed. */
export interface Judged {
  seats: SeatEvidence[];
  /** Seats of which some content could not be had. */
  missing: number[];
}

/** The claims and answers of a seat, fetched. */
interface SeatContent {
  claims: Claim[] | undefined;
  /** Result bytes by prompt number. */
  texts: Map<number, Uint8Array>;
  answers: Answer[];
}

/**
 * Judges every opened seat of a task: fetches what it revealed and checks it, makes its sketches again, checks that its claims come from the model, and
 * scores its answers. Content that cannot be had makes a seat unavailable. Throws what it throws to fetch or read the manifest, EngineError, or the signal's reason.
 */
export async function judgeTask(judged: JudgedTask, parts: JudgingParts, signal: AbortSignal): Promise<Judged> {
  const { source } = parts;
  const manifest = parseTaskManifest(await source.get(judged.manifest as Digest, { maxBytes: MAX_MANIFEST_BYTES, signal }));
  const prompts = promptsToJudge(judged, manifest.prompts.length);
  const seats: SeatEvidence[] = [];
  const missing: number[] = [];
  for (const [seat, secret] of [...judged.openings].sort(([a], [b]) => a - b)) {
    const content = await fetched(secret, prompts, source, signal);
    if (content === undefined) {
      missing.push(seat);
      seats.push(unavailable(seat));
      continue;
    }
    const found: PromptEvidence[] = [];
    for (const prompt of prompts) found.push(await judgePrompt(judged.task, seat, prompt, manifest, content, parts, signal));
    seats.push(pooled(seat, found));
  }
  return { seats, missing };
}

/** The evidence of a seat of which something cannot be had. */
export const unavailable = (seat: number): SeatEvidence => ({ seat, finding: FINDING.unavailable, score: 0, deviation: 0, prompts: [] });

/** The bytes that back a verdict. */
export const evidenceBytes = ({ task, round }: Pick<JudgedTask, "task" | "round">, seats: readonly SeatEvidence[]): Uint8Array =>
  canonicalJsonBytes({ v: 1, task: String(task), round, seats });

/** The opinions of a verdict, by seat. */
export const opinionsOf = (seats: readonly SeatEvidence[]): Map<number, Opinion> =>
  new Map(seats.map(({ seat, finding, score, deviation }) => [seat, { finding, score, deviation }]));

/** Numbers of the prompts that this panel looks at, ascending: all, or `MOST_PROMPTS` that nobody could know when answering. */
export function promptsToJudge({ task, round, panel }: Pick<JudgedTask, "task" | "round" | "panel">, count: number): number[] {
  const all = Array.from({ length: count }, (_, prompt) => prompt);
  if (count <= MOST_PROMPTS) return all;
  const seed = AbiCoder.defaultAbiCoder().encode(["uint64", "uint8", "uint24[]"], [task, round, [...panel]]);
  const rank = (prompt: number) => keccak256(AbiCoder.defaultAbiCoder().encode(["bytes", "uint256"], [seed, prompt]));
  const ranked = all.map((prompt) => ({ prompt, rank: rank(prompt) })).sort((a, b) => (a.rank < b.rank ? -1 : 1));
  return ranked
    .slice(0, MOST_PROMPTS)
    .map(({ prompt }) => prompt)
    .sort((a, b) => a - b);
}

/** Undefined where some of it cannot be had now. */
async function fetched(
  { answers: packed, claim }: Secret,
  prompts: readonly number[],
  source: ContentStore,
  signal: AbortSignal,
): Promise<SeatContent | undefined> {
  const answers = decodeAnswers(packed);
  const texts = new Map<number, Uint8Array>();
  try {
    for (const prompt of prompts) {
      const { digest } = answers[prompt]!;
      if (!isRefusal(digest)) texts.set(prompt, await source.get(digest as Digest, { maxBytes: MAX_RESULT_BYTES, signal }));
    }
    if (texts.size === 0) return { claims: undefined, texts, answers };
    return { claims: claimsIn(await source.get(claim as Digest, { maxBytes: MAX_CLAIM_BYTES, signal })), texts, answers };
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ContentError) return undefined;
    throw error;
  }
}

function claimsIn(bytes: Uint8Array): Claim[] | undefined {
  try {
    return parseClaims(bytes);
  } catch (error) {
    if (error instanceof ClaimError) return undefined;
    throw error;
  }
}

async function judgePrompt(
  task: bigint,
  seat: number,
  prompt: number,
  manifest: TaskManifest,
  { claims, texts, answers }: SeatContent,
  { engine, rule, usefulness, secret }: JudgingParts,
  signal: AbortSignal,
): Promise<PromptEvidence> {
  const found = (finding: Finding, reason: string, verified?: Verification, score = 0): PromptEvidence => ({
    prompt,
    finding,
    reason,
    score,
    ...(verified && { delta: Number(verified.delta.toFixed(6)), misses: verified.misses, far: verified.far }),
  });
  const answer = answers[prompt]!;
  const { messages } = manifest.prompts[prompt]!;
  // This validator has the prompt, and its engine takes it.
  if (isRefusal(answer.digest)) return found(FINDING.notGenuine, "refused");
  const claim = claims?.[prompt];
  if (claim === undefined || claims!.length !== answers.length) return found(FINDING.notGenuine, "noClaim");
  const bytes = texts.get(prompt)!;
  const text = textIn(bytes);
  if (text === undefined) return found(FINDING.notGenuine, "notText");
  const sketch = semanticSketch(await engine.embed(text, { signal }), engine.info().embedSha256);
  if (distance(sketch, answer.sketch) > SKETCH_TOLERANCE) return found(FINDING.mismatch, "sketch");
  const { sampling, format } = manifest;
  const verified = await engine.verifyClaim(messages, claim, sampling, `${task}:${seat}`, { rule, signal, format });
  if (!verified.ok) return found(FINDING.notGenuine, verified.reason, verified);
  if (verified.text !== text) return found(FINDING.notGenuine, "otherText", verified);
  if (claim.tokens.length !== answer.tokens || FINISH[claim.finish] !== answer.finish)
    return found(FINDING.notGenuine, "otherCounts", verified);
  return found(
    FINDING.genuine,
    verified.reason,
    verified,
    await usefulness.score({ messages, text, secret: `${secret}:${seat}:${prompt}` }, signal),
  );
}

function textIn(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

/** One bad prompt makes a seat bad: a miner answers for all it delivers. */
function pooled(seat: number, prompts: PromptEvidence[]): SeatEvidence {
  const worst = [FINDING.mismatch, FINDING.notGenuine].find((finding) => prompts.some((one) => one.finding === finding));
  const deltas = prompts.flatMap(({ delta }) => (delta === undefined ? [] : [delta]));
  const mean = deltas.reduce((sum, delta) => sum + delta, 0) / Math.max(1, deltas.length);
  const score = worst === undefined ? lowerMedian(prompts.map((one) => one.score)) : 0;
  return { seat, finding: worst ?? FINDING.genuine, score, deviation: thousandthsOf(mean), prompts };
}

/** Digest of the evidence. */
export const evidenceDigest = (bytes: Uint8Array): Digest => digestOf(bytes);
