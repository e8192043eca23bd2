import type { Head } from "../../chain/cursor.ts";
import type { TaskEntry } from "../../chain/taskBook.ts";
import type { Digest } from "../../content/contentId.ts";
import { HttpPeer } from "../../content/httpPeer.ts";
import { LayeredStore } from "../../content/layeredStore.ts";
import { decodeAnswers, decodePromptTokens } from "../../protocol/answers.ts";
import { EngineError } from "../../inference/engine.ts";
import { MAX_CLAIM_BYTES } from "../../protocol/claim.ts";
import { buildHandover, encodeHandover } from "../../protocol/handover.ts";
import { gross } from "../../protocol/price.ts";
import type { TaskTerms } from "../../protocol/types.ts";
import { crashPoint } from "../../runtime/crashPoint.ts";
import { oneLine } from "../../runtime/exit.ts";
import { CarrierError, handCommitment, handOpening } from "../carrierClient.ts";
import type { Work } from "../journal.ts";
import type { MinerAction } from "../roles/miner.ts";
import { asked, type Asked, makeWork, TermsUntrue, type WorkParts } from "../work.ts";
import { type ActsOf, type ActsParts, sendCall, SETTLING_HEADROOM } from "./parts.ts";

/** What serves a seat: answer, commit, reveal, by oneself or by a carrier. */
export function miningActs(parts: ActsParts): ActsOf<MinerAction["kind"]> {
  const { world, journal } = parts;
  const withEntry = (act: (entry: TaskEntry, action: MinerAction, head: Head, signal: AbortSignal) => Promise<void>) => {
    return async (action: MinerAction, head: Head, signal: AbortSignal) => {
      const entry = world.book.tasks.get(action.task);
      if (entry !== undefined) await act(entry, action, head, signal);
    };
  };
  const withWork = (act: (entry: TaskEntry, work: Work, head: Head, signal: AbortSignal) => Promise<void>) =>
    withEntry(async (entry, { seat }, head, signal) => {
      const work = journal.work(entry.task, seat, entry.attempt);
      if (work !== undefined) await act(entry, work, head, signal);
    });
  return {
    wait: () => Promise.resolve(),
    infer: withEntry(async (entry, { seat }, _head, signal) => await infer(parts, entry, seat, signal)),
    commit: withWork(async (entry, work) => await commit(parts, entry, work)),
    reveal: withWork(async (entry, work) => await reveal(parts, entry, work)),
    handCommitment: withWork(async (entry, work, head, signal) => await hand(parts, "handCommitment", entry, work, head, signal)),
    handOpening: withWork(async (entry, work, head, signal) => await hand(parts, "handOpening", entry, work, head, signal)),
  };
}

async function infer(parts: ActsParts, entry: TaskEntry, seat: number, signal: AbortSignal): Promise<void> {
  const { engine, posing, node, world, journal, log } = parts;
  const { task, terms } = entry;
  const { modelId, modelSha256 } = engine.info();
  if (posing === undefined && `0x${modelSha256}` !== terms.model)
    throw new EngineError("ModelUnknown", `found ${modelId} loaded, wanted the task's model ${terms.model}`, true);
  crashPoint("decided");
  const began = performance.now();
  const seenAt = world.seenAt(task);
  if (seenAt !== undefined) parts.onInferenceStart?.((began - seenAt) / 1_000);
  const ready = await takeAhead(parts, entry);
  const workParts = workPartsOf(parts, entry);
  const work = await makeWork(task, entry.attempt, terms, seat, node, workParts, signal, ready).catch((error: unknown) => {
    if (error instanceof TermsUntrue || permanent(error)) world.progress(task).refused = true;
    throw error;
  });
  parts.onInference?.((performance.now() - began) / 1_000);
  const committed = entry.commits.find((commit) => commit.seat === seat)?.commitment;
  if (committed !== undefined && committed !== work.commitment) {
    world.progress(task).lost = true;
    log.error(
      { task: String(task), seat, found: work.commitment, wanted: committed },
      "answered anew, and the commitment on chain is another one",
    );
    return;
  }
  crashPoint("committing");
  journal.saveWork(work);
  crashPoint("saved");
}

function workPartsOf(parts: ActsParts, entry: TaskEntry): WorkParts {
  const { engine, results, content, live, boxes, key, poison, posing, deployment, world } = parts;
  const domain = { chainId: deployment.chainId, queue: deployment.addresses.SessionQueue };
  const peers = world.sourcesOf(entry).map((base) => new HttpPeer(base));
  return { engine, source: new LayeredStore(content, peers), results, live, boxes, key, domain, poison, posing };
}

/** What tasks ask that this node may be drawn for, by terms; looked at while the block that decides is awaited. */
const ahead = new WeakMap<TaskTerms, Promise<Asked | undefined>>();
const AHEAD_MS = 10_000;

/** Fetches and checks what a task asks before its committee is known. Whatever goes wrong is found again, and told, by whoever is seated. */
export function lookAhead(parts: ActsParts, entry: TaskEntry): void {
  if (ahead.has(entry.terms) || `0x${parts.engine.info().modelSha256}` !== entry.terms.model) return;
  const found = asked(entry.terms, workPartsOf(parts, entry), AbortSignal.timeout(AHEAD_MS));
  ahead.set(
    entry.terms,
    found.catch(() => undefined),
  );
}

async function takeAhead({ engine }: ActsParts, { terms }: TaskEntry): Promise<Asked | undefined> {
  // Checked with the model that was loaded then.
  return `0x${engine.info().modelSha256}` === terms.model ? await ahead.get(terms) : undefined;
}

async function commit(parts: ActsParts, { task, attempt, deadline, terms }: TaskEntry, { seat, commitment, answers }: Work): Promise<void> {
  const call: Parameters<typeof sendCall>[2] = ["SessionQueue", "commit", [task, seat, commitment]];
  const limits = { deadline, worth: payOf(terms, answers), reserveGas: GAS_OF_A_REVEAL };
  await sendCall(parts, `commit:${task}:${seat}:${attempt}`, call, limits);
}

/** Gas, roughly, of one reveal that settles. Whoever commits must still be able to pay it. */
const GAS_OF_A_REVEAL = 1_000_000n;

/**
 * What a seat's answers earn, fees aside; COR base units, which count as wei: a node that spends more gas than that on a commitment works at a loss
 * wherever COR is worth no more than the chain's currency.
 */
function payOf(terms: TaskTerms, answers: string): bigint {
  const prompt = decodePromptTokens(terms.promptTokens).reduce((sum, tokens) => sum + tokens, 0);
  const output = decodeAnswers(answers).reduce((sum, { tokens }) => sum + tokens, 0);
  return gross(BigInt(prompt + output), terms.price);
}

async function reveal(parts: ActsParts, { task, attempt, terms, commits, openings, deadline }: TaskEntry, work: Work): Promise<void> {
  await release(parts, work);
  await pinElsewhere(parts, task, work);
  const handover = encodeHandover(buildHandover(task, terms, commits, new Map([...openings, [work.seat, work]])));
  await sendCall(parts, `reveal:${task}:${work.seat}:${attempt}`, ["SessionQueue", "reveal", [handover]], {
    headroom: SETTLING_HEADROOM,
    deadline: deadline + terms.revealWindow,
    // Not opening costs the penalty, and the pay on top.
    worth: parts.unopenedPenalty + payOf(terms, work.answers),
  });
}

async function hand(
  parts: ActsParts,
  kind: "handCommitment" | "handOpening",
  entry: TaskEntry,
  work: Work,
  head: Head,
  signal: AbortSignal,
): Promise<void> {
  const { world } = parts;
  const carrier = world.carrierOf(entry);
  if (carrier === undefined) return;
  const progress = world.progress(entry.task);
  try {
    if (kind === "handCommitment") {
      await handCommitment(carrier, work, signal);
      progress.handed.commitmentAt = head.timestamp;
      return;
    }
    await release(parts, work);
    await offer(parts, work, carrier, signal);
    await handOpening(carrier, work, signal);
    progress.handed.openingAt = head.timestamp;
  } catch (error) {
    if (error instanceof CarrierError && error.refused) progress.carrierRefused = true;
    throw error;
  }
}

/** Lets everybody read the results, and the sink have them: commits have closed, so nobody can copy them. */
async function release({ results, content, journal, sink }: ActsParts, work: Work): Promise<void> {
  const { task, seat, attempt, answers, contents } = work;
  if (sink) journal.deliver(decodeAnswers(answers).map(({ digest }, prompt) => ({ task, seat, attempt, prompt, digest })));
  for (const digest of contents) await content.put(await results.get(digest as Digest, { maxBytes: MAX_CLAIM_BYTES }));
  crashPoint("released");
}

/** Gives the results to the carrier, which shows them to the client. One that takes no content can still carry. */
async function offer({ results, log }: ActsParts, { contents, task }: Work, carrier: string, signal: AbortSignal): Promise<void> {
  const peer = new HttpPeer(carrier);
  for (const digest of contents) {
    const bytes = await results.get(digest as Digest, { maxBytes: MAX_CLAIM_BYTES });
    await peer.put(bytes, { signal }).catch((error: unknown) => {
      log.warn({ task: String(task), digest, error: oneLine(error) }, "the carrier did not take a result");
    });
  }
}

const PIN_MS = 2_000;

/**
 * A second copy of the results with somebody else, before they are revealed. Whoever takes them first will do. That nobody does must not keep the
 * opening back, which costs more than a result that only this node has.
 */
async function pinElsewhere({ world, results, log }: ActsParts, task: bigint, { contents }: Work): Promise<void> {
  const entry = world.book.tasks.get(task);
  const bases = entry === undefined ? [] : world.sourcesOf(entry);
  const signal = AbortSignal.timeout(PIN_MS);
  for (const base of bases) {
    const peer = new HttpPeer(base);
    try {
      for (const digest of contents) await peer.put(await results.get(digest as Digest, { maxBytes: MAX_CLAIM_BYTES }), { signal });
      return;
    } catch {
      if (signal.aborted) break;
    }
  }
  log.warn({ task: String(task) }, "nobody else has taken a copy of the results; they lie here alone");
}

/** What no later attempt can cure. */
function permanent(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "ManifestInvalid" || code === "ManifestTooLarge" || code === "PromptTooLong" || code === "InvalidRequest";
}
