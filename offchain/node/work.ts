import { Signature, type SigningKey } from "ethers";
import { digestOf, type Digest } from "../content/contentId.ts";
import type { KeyBoxes } from "../content/keyBoxes.ts";
import type { LiveAnswers } from "../content/live.ts";
import { seal, sketchDirectionsOf } from "../content/sealing.ts";
import type { ContentStore } from "../content/store.ts";
import type { Completion, Engine } from "../inference/engine.ts";
import { semanticSketch } from "../inference/semanticSketch.ts";
import { decodePromptTokens, encodeAnswers } from "../protocol/answers.ts";
import { type Claim, claimBytes } from "../protocol/claim.ts";
import { commitDigest, commitmentOf, type Domain } from "../protocol/commitment.ts";
import { crashPoint } from "../runtime/crashPoint.ts";
import { parseTaskManifest, type TaskManifest } from "../inference/taskManifest.ts";
import { type Manifest, MAX_MANIFEST_BYTES } from "../protocol/manifest.ts";
import { type Answer, FINISH, type TaskTerms } from "../protocol/types.ts";
import type { Work } from "./journal.ts";
import { saltOf } from "./salt.ts";

/** The task is not what its terms declare; no node can serve it. */
export class TermsUntrue extends Error {
  readonly code = "TermsUntrue";
}

export interface WorkParts {
  engine: Engine;
  /** Where manifests come from. */
  source: ContentStore;
  /** Where results are kept until they may be seen. */
  results: ContentStore;
  /** Where the task's router may read answers while they are written. */
  live?: LiveAnswers | undefined;
  /** Keys of sealed tasks; without it such tasks are not served. */
  boxes?: KeyBoxes | undefined;
  key: SigningKey;
  domain: Domain;
  /** Answers this instead of what the model says; to make an outlier in tests on a local chain. */
  poison?: string | undefined;
  /** Sha256 of the model that the claims name instead of the engine's; to make a cheat in tests on a local chain. */
  posing?: string | undefined;
}

/** What a task asks, fetched and checked against its terms. */
export interface Asked {
  manifest: TaskManifest;
  /** Of a sealed task. */
  key: Uint8Array | undefined;
}

/** Fetches what a task asks and checks it against its terms. Throws TermsUntrue, ContentError, SealError, ManifestError, EngineError or the signal's reason. */
export async function asked(
  terms: TaskTerms,
  { engine, source, boxes }: Pick<WorkParts, "engine" | "source" | "boxes">,
  signal: AbortSignal,
): Promise<Asked> {
  const fetched = await source.get(terms.manifest as Digest, { maxBytes: MAX_MANIFEST_BYTES, signal });
  const opened = boxes?.opened(terms.manifest as Digest, fetched) ?? { bytes: fetched, key: undefined };
  const manifest = parseTaskManifest(opened.bytes);
  crashPoint("fetched");
  await checkTerms(manifest, terms, engine, signal);
  return { manifest, key: opened.key };
}

/**
 * Answers a task from one seat: fetches and checks the manifest, unless that was done before (`ready`), infers every prompt, and makes the
 * commitment. The results are in the private store when it returns; nothing has left the process. A sealed task's results are
 * sealed with its own key. Throws TermsUntrue, ContentError, SealError, ManifestError, EngineError or the signal's reason.
 */
export async function makeWork(
  task: bigint,
  attempt: number,
  terms: TaskTerms,
  seat: number,
  node: number,
  parts: WorkParts,
  signal: AbortSignal,
  ready?: Asked,
): Promise<Work> {
  const { engine, results, key, domain, poison, posing } = parts;
  const { manifest, key: sealKey } = ready ?? (await asked(terms, parts, signal));
  // What a sealed task's answers are while they are written is nobody's business.
  const live = sealKey === undefined ? parts.live : undefined;
  const kept = (bytes: Uint8Array) => (sealKey === undefined ? bytes : seal(sealKey, bytes));
  const embedSha256 = engine.info().embedSha256;
  const directions = sealKey === undefined ? embedSha256 : sketchDirectionsOf(sealKey, embedSha256);
  const answers: Answer[] = [];
  const completions: Completion[] = [];
  const contents: Digest[] = [];
  for (const [prompt, { messages }] of manifest.prompts.entries()) {
    live?.begin(task, prompt);
    const onToken = (piece: string) => {
      crashPoint("token");
      if (poison === undefined) live?.push(task, prompt, piece);
    };
    const jobSeed = `${task}:${seat}`;
    const completion = await engine.complete(
      { messages, sampling: manifest.sampling, format: manifest.format, jobSeed },
      { signal, onToken },
    );
    const text = poison ?? completion.text;
    if (poison !== undefined) live?.push(task, prompt, poison);
    live?.finish(task, prompt, completion.finish);
    const bytes = kept(new TextEncoder().encode(text));
    const sketch = semanticSketch(await engine.embed(text, { signal }), directions);
    answers.push({ digest: digestOf(bytes), sketch, tokens: completion.tokens, finish: FINISH[completion.finish] });
    completions.push(completion);
    contents.push(await results.put(bytes));
  }
  const claimList = kept(claimBytes(completions.map(({ claim }) => (posing === undefined ? claim : posingAs(posing, claim)))));
  const claim = await results.put(claimList);
  crashPoint("answered");
  const packed = encodeAnswers(answers);
  const salt = saltOf(key.privateKey, { chainId: domain.chainId, queue: domain.queue, task, seat, attempt });
  const commitment = commitmentOf(domain, task, node, terms, packed, claim, salt, attempt);
  const { r, yParityAndS: vs } = Signature.from(key.sign(commitDigest(domain, task, node, commitment)));
  return {
    task,
    seat,
    attempt,
    node,
    answers: packed,
    claim,
    salt,
    commitment,
    r,
    vs,
    contents: [...new Set([...contents, claim])],
  };
}

/** A claim that names another model than it was made with. */
const posingAs = (sha256: string, claim: Claim): Claim => ({
  ...claim,
  engineClass: claim.engineClass.replace(/^model=[0-9a-f]+/, `model=${sha256}`),
});

/** Prompts, their token counts and the output limit must be what the chain says, because that is what is paid for. */
async function checkTerms(manifest: Manifest, terms: TaskTerms, engine: Engine, signal: AbortSignal): Promise<void> {
  const declared = decodePromptTokens(terms.promptTokens);
  if (manifest.prompts.length !== declared.length)
    throw new TermsUntrue(`found ${manifest.prompts.length} prompts in the manifest, wanted the ${declared.length} that the task declares`);
  if (manifest.sampling.maxTokens > terms.maxTokens)
    throw new TermsUntrue(
      `found an output limit of ${manifest.sampling.maxTokens} tokens in the manifest, wanted at most ${terms.maxTokens}`,
    );
  for (const [prompt, { messages }] of manifest.prompts.entries()) {
    const found = await engine.tokenCount(messages, { signal });
    if (found !== declared[prompt])
      throw new TermsUntrue(`found ${found} tokens in prompt ${prompt}, wanted the ${declared[prompt]} that the task declares`);
  }
}
