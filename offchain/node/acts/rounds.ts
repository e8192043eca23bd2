import { existsSync, readdirSync, readFileSync } from "node:fs";
import type { Head } from "../../chain/cursor.ts";
import type { RoundView } from "../../chain/roundViews.ts";
import { digestOf, type Digest } from "../../content/contentId.ts";
import { HttpPeer } from "../../content/httpPeer.ts";
import { LayeredStore } from "../../content/layeredStore.ts";
import {
  answerRequestBytes,
  MAX_ROUND_TEXT_BYTES,
  parseRoundTemplate,
  questionChoices,
  questionRequest,
  RoundContentError,
  type RoundTemplate,
  roundText,
  topicsRequest,
} from "../../content/roundTemplate.ts";
import type { LocalStore } from "../../content/localStore.ts";
import { ContentError } from "../../content/store.ts";
import { EngineError } from "../../inference/engine.ts";
import { semanticSketch } from "../../inference/semanticSketch.ts";
import { encodeAnswers } from "../../protocol/answers.ts";
import { claimBytes } from "../../protocol/claim.ts";
import { CONTENT_UNAVAILABLE, TERMS_UNTRUE } from "../../protocol/judging.ts";
import { type Manifest, parseManifest } from "../../protocol/manifest.ts";
import { refusalOpening, roundCommitment, type RoundOpening } from "../../protocol/roundWork.ts";
import { FINISH } from "../../protocol/types.ts";
import { packVerdict, verdictCommitment } from "../../protocol/verdicts.ts";
import { crashPoint } from "../../runtime/crashPoint.ts";
import type { RoundAction } from "../roles/rounds.ts";
import type { RoundStore, RoundWork } from "../roundStore.ts";
import type { RoundWatch } from "../roundWatch.ts";
import { saltOf } from "../salt.ts";
import { evidenceBytes, judgeTask } from "../verdict.ts";
import { ruleFor, usefulnessBy } from "./judging.ts";
import { type ActsOf, type ActsParts, sendCall, SETTLING_HEADROOM } from "./parts.ts";

/** What acts in rounds need besides. */
export interface RoundParts {
  watch: RoundWatch;
  store: RoundStore;
}

/** The opening of a verdict as it is stored: a word does not fit into JSON. */
interface StoredScores {
  seat: number;
  verdict: string;
  evidence: string;
  salt: string;
}

const SHIPPED = new URL("../../content/templates/", import.meta.url);
const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** What a drawn node does in a round: real inference, then a commitment that is on disk before it leaves the process. */
export function roundActs(parts: ActsParts): Omit<ActsOf<RoundAction["kind"]>, "wait"> {
  const { rounds } = parts;
  const inRound =
    (act: (view: RoundView, action: RoundAction, head: Head, signal: AbortSignal) => Promise<void>) =>
    async (action: RoundAction, head: Head, signal: AbortSignal) => {
      const view = rounds?.watch.view(action.round);
      if (view !== undefined) await act(view, action, head, signal);
    };
  const withWork = (act: (view: RoundView, action: RoundAction, work: RoundWork) => Promise<void>) =>
    inRound(async (view, action) => {
      const work = rounds!.store.work(action);
      if (work !== undefined) await act(view, action, work);
    });
  const commit = withWork(
    async (_, { round, role, seat, deadline }, { commitment }) =>
      await sendCall(parts, `roundCommit:${round}:${role}:${seat}`, ["PoUW", "commit", [round, seat, commitment]], { deadline }),
  );
  return {
    claimRound: inRound(
      async (_, { round, deadline }) => await sendCall(parts, `roundClaim:${round}`, ["PoUW", "claim", [round]], { deadline }),
    ),
    createTopics: inRound(async (view, action, _, signal) => {
      const make = async () => {
        const request = topicsRequest(await templateOf(parts, view, signal), view.round);
        return await written(parts, request, `${view.round}:topics`, signal);
      };
      await handIn(parts, view, action, "create", make);
    }),
    prepareQuestion: inRound(async (view, action, _, signal) => {
      await handIn(parts, view, action, "prepare", async () => await question(parts, view, signal));
    }),
    answerRound: inRound(async (view, action, head, signal) => await answer(parts, view, action, head, signal)),
    commitAnswer: commit,
    openAnswer: withWork(async (_, { round, seat, deadline }, work) => {
      const opening = JSON.parse(work.opening) as RoundOpening;
      for (const digest of [opening.digest, opening.claim]) await publish(parts, digest as Digest);
      const limits = { headroom: SETTLING_HEADROOM, deadline, worth: parts.unopenedPenalty };
      await sendCall(parts, `roundReveal:${round}:${seat}`, ["PoUW", "reveal", [round, [opening]]], limits);
    }),
    scoreRound: inRound(async (view, action, head, signal) => await score(parts, view, action, head, signal)),
    commitScores: commit,
    openScores: withWork(async (_, { round, seat, deadline }, work) => {
      const opening = JSON.parse(work.opening) as StoredScores;
      await publish(parts, opening.evidence as Digest);
      const limits = { headroom: SETTLING_HEADROOM, deadline, worth: parts.unopenedPenalty };
      await sendCall(parts, `roundScores:${round}:${seat}`, ["PoUW", "revealScores", [round, [opening]]], limits);
    }),
  };
}

/** Makes topics or a question, once, and tells their digest; the text lies with this node. */
async function handIn(
  parts: ActsParts,
  view: RoundView,
  { round, role, seat, deadline }: RoundAction,
  method: "create" | "prepare",
  make: () => Promise<string>,
): Promise<void> {
  const { content, rounds, log } = parts;
  const store = rounds!.store;
  refuseOtherModel(parts, view);
  let work = store.work({ round, role, seat });
  if (work === undefined || !(await content.has(work.commitment as Digest))) {
    const text = await make();
    const commitment = await content.put(bytesOf(text));
    work = { round, role, seat, commitment, opening: "{}" };
    store.save(work);
    log.info({ round, role, digest: commitment }, "written");
  }
  await sendCall(parts, `round-${method}:${round}`, ["PoUW", method, [round, work.commitment]], { deadline });
}

/** What the engine says, as a text that is not empty. */
async function written({ engine }: ActsParts, { prompts, sampling }: Manifest, jobSeed: string, signal: AbortSignal): Promise<string> {
  const { text } = await engine.complete({ messages: prompts[0]!.messages, sampling, jobSeed }, { signal });
  return text.trim() === "" ? "anything" : text.trim();
}

/** A question on the topics: written, or chosen where the template says among what. */
async function question(parts: ActsParts, view: RoundView, signal: AbortSignal): Promise<string> {
  const template = await templateOf(parts, view, signal);
  const source = sourceOf(parts, [view.createdBy]);
  const limits = { maxBytes: MAX_ROUND_TEXT_BYTES, signal };
  const topics = await source.get(view.topics as Digest, limits).then(roundText, (error: unknown) => {
    signal.throwIfAborted();
    // Topics that nobody can have, or that are none, are no reason for the preparer to be late.
    if (error instanceof ContentError || error instanceof RoundContentError) return "anything";
    throw error;
  });
  const request = questionRequest(template, topics, view.round);
  const choices = [...new Set(questionChoices(template, topics, view.round))];
  if (choices.length === 0) return await written(parts, request, `${view.round}:question`, signal);
  const format = {
    type: "json_schema" as const,
    schema: { type: "object" as const, properties: { question: { enum: choices } }, required: ["question"], additionalProperties: false },
  };
  const { messages } = request.prompts[0]!;
  const completion = await parts.engine.complete(
    { messages, sampling: { ...request.sampling, maxTokens: 160 }, format, jobSeed: `${view.round}:question` },
    { signal },
  );
  return (JSON.parse(completion.text) as { question: string }).question;
}

async function answer(parts: ActsParts, view: RoundView, action: RoundAction, head: Head, signal: AbortSignal): Promise<void> {
  const { engine, results, poison, rounds, log } = parts;
  const { round, role, seat, giveUpAt } = action;
  refuseOtherModel(parts, view);
  const salt = saltFor(parts, action);
  const request = await requestOf(parts, view, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    if (error instanceof RoundContentError) return TERMS_UNTRUE;
    if (error instanceof ContentError && head.timestamp >= giveUpAt) return CONTENT_UNAVAILABLE;
    throw error;
  });
  let opening: RoundOpening;
  if (typeof request === "string") opening = refusalOpening(seat, request, salt);
  else {
    const { prompts, sampling } = parseManifest(request);
    const completion = await engine
      .complete({ messages: prompts[0]!.messages, sampling, jobSeed: `${round}:${seat}` }, { signal })
      .catch((error: unknown) => {
        if (error instanceof EngineError && error.code === "PromptTooLong") return undefined;
        throw error;
      });
    if (completion === undefined) opening = refusalOpening(seat, TERMS_UNTRUE, salt);
    else {
      const text = poison ?? completion.text;
      const digest = await results.put(bytesOf(text));
      const claim = await results.put(claimBytes([completion.claim]));
      const sketch = semanticSketch(await engine.embed(text, { signal }), engine.info().embedSha256);
      opening = { seat, digest, sketch, tokens: completion.tokens, finish: FINISH[completion.finish], claim, salt };
      log.info({ round, seat, digest }, "answered");
    }
  }
  const { chainId, addresses } = parts.deployment;
  const commitment = roundCommitment({ chainId, queue: addresses.PoUW }, round, parts.node, view, opening);
  crashPoint("roundAnswered");
  rounds!.store.save({ round, role, seat, commitment, opening: JSON.stringify(opening) });
}

async function score(parts: ActsParts, view: RoundView, action: RoundAction, head: Head, signal: AbortSignal): Promise<void> {
  const { engine, results, rounds, log, node, deployment } = parts;
  const { round, role, seat, giveUpAt } = action;
  const openings = await rounds!.watch.openings(view, head);
  const request = await requestOf(parts, view, signal);
  const manifest = await results.put(request);
  const secrets = openings.map((one) => [one.seat, { answers: encodeAnswers([one]), claim: one.claim, salt: one.salt }] as const);
  const salt = saltFor(parts, action);
  const judged = { task: BigInt(round), round: 0, manifest, openings: new Map(secrets), panel: view.validators };
  const source = sourceOf(parts, view.answerers, results);
  // As of the block that is the last seen: thresholds change seldom, and a round is short.
  const rule = await ruleFor(parts, view.model, head.number);
  const judging = { engine, source, rule, usefulness: await usefulnessBy(engine), secret: salt };
  const { seats, missing } = await judgeTask(judged, judging, signal);
  if (missing.length > 0 && head.timestamp < giveUpAt)
    throw new ContentError("ContentNotFound", `found no content of seat ${missing.join(", ")}, wanted what they revealed`, true);
  const bytes = evidenceBytes(judged, seats);
  const evidence = await results.put(bytes);
  const verdict = packVerdict(
    new Map(seats.map(({ seat: of, finding, score: useful, deviation }) => [of, { finding, score: useful, deviation }])),
  );
  const { chainId, addresses } = deployment;
  const sealed = { task: BigInt(round), round: 0, author: node, verdict, evidence, salt };
  const commitment = verdictCommitment({ chainId, validation: addresses.PoUW }, sealed);
  const opening: StoredScores = { seat, verdict: String(verdict), evidence, salt };
  rounds!.store.save({ round, role, seat, commitment, opening: JSON.stringify(opening) });
  log.info({ round, seat, seats }, "scored");
}

/** Bytes of what answerers are asked. Throws ContentError, RoundContentError. */
async function requestOf(parts: ActsParts, view: RoundView, signal: AbortSignal): Promise<Uint8Array> {
  const template = await templateOf(parts, view, signal);
  const source = sourceOf(parts, [view.preparedBy]);
  const bytes = await source.get(view.questions as Digest, { maxBytes: MAX_ROUND_TEXT_BYTES, signal });
  return answerRequestBytes(template, roundText(bytes), view.maxTokens);
}

const shipped = new Map<string, Uint8Array>();

/** The template whose digest is on chain: a shipped one, or from the store and the round's members. Throws ContentError, RoundContentError. */
async function templateOf(parts: ActsParts, view: RoundView, signal: AbortSignal): Promise<RoundTemplate> {
  if (shipped.size === 0 && existsSync(SHIPPED))
    for (const file of readdirSync(SHIPPED)) {
      const bytes = new Uint8Array(readFileSync(new URL(file, SHIPPED)));
      shipped.set(digestOf(bytes), bytes);
    }
  const known = shipped.get(view.template);
  if (known !== undefined) {
    // Nodes of another release fetch it from here.
    if (!(await parts.content.has(view.template as Digest))) await parts.content.put(known);
    return parseRoundTemplate(known);
  }
  const source = sourceOf(parts, [view.createdBy, view.preparedBy]);
  return parseRoundTemplate(await source.get(view.template as Digest, { maxBytes: MAX_ROUND_TEXT_BYTES, signal }));
}

/** What this node has, then what these nodes have; what came from them is kept in `local`. */
function sourceOf({ content, world, node }: ActsParts, nodes: number[], local: LocalStore = content): LayeredStore {
  const bases = nodes.filter((one) => one !== node && one !== 0).flatMap((one) => world.endpointOf(one) ?? []);
  return new LayeredStore(
    local,
    [...new Set(bases)].map((base) => new HttpPeer(base)),
  );
}

async function publish({ results, content }: ActsParts, digest: Digest): Promise<void> {
  if (await results.has(digest)) await content.put(await results.get(digest));
}

/** Follows from the key and the seat alone, so that the same commitment can be made again. */
function saltFor({ deployment: { chainId, addresses }, key }: ActsParts, { round, role, seat }: RoundAction): string {
  const attempt = role === "validator" ? 1 : 0;
  return saltOf(key.privateKey, { chainId, queue: addresses.PoUW, task: BigInt(round), seat, attempt });
}

function refuseOtherModel({ engine, posing }: ActsParts, { model }: RoundView): void {
  const { modelId, modelSha256 } = engine.info();
  if (`0x${posing ?? modelSha256}` !== model)
    throw new EngineError("ModelUnknown", `found ${modelId} loaded, wanted the round's model ${model}`, true);
}
