import type { Head } from "../../chain/cursor.ts";
import type { TaskEntry } from "../../chain/taskBook.ts";
import type { Digest } from "../../content/contentId.ts";
import { HttpPeer } from "../../content/httpPeer.ts";
import { LayeredStore } from "../../content/layeredStore.ts";
import type { Engine } from "../../inference/engine.ts";
import { createUsefulness, type Usefulness } from "../../inference/usefulness.ts";
import { DEFAULT_GENUINENESS_RULE, type GenuinenessRule } from "../../protocol/genuineness.ts";
import { packVerdict, verdictCommitment } from "../../protocol/verdicts.ts";
import { unpackAssurance } from "../../protocol/assurance.ts";
import { crashPoint } from "../../runtime/crashPoint.ts";
import type { ValidatorAction } from "../roles/validator.ts";
import { saltOf } from "../salt.ts";
import { evidenceBytes, evidenceDigest, judgeTask, type SeatEvidence, unavailable } from "../verdict.ts";
import type { VerdictWork } from "../verdictStore.ts";
import { type ActsOf, type ActsParts, sendCall } from "./parts.ts";

/** Some content could not be had, and there is time to ask again. */
class ContentMissing extends Error {
  readonly code = "ContentMissing";
  readonly retryable = true;
}

/** How each engine scores; found out when it first judges. */
const scorers = new WeakMap<Engine, Promise<Usefulness>>();

/** How the engine scores; found out once. */
export function usefulnessBy(engine: Engine): Promise<Usefulness> {
  const known = scorers.get(engine) ?? createUsefulness(engine);
  scorers.set(engine, known);
  known.catch(() => scorers.delete(engine));
  return known;
}

/** What a validator does: judge, commit, open. */
export function judgingActs(parts: ActsParts): ActsOf<ValidatorAction["kind"]> {
  const { world, verdicts } = parts;
  const withWork = (act: (entry: TaskEntry, work: VerdictWork) => Promise<void>) => async (action: ValidatorAction) => {
    const entry = world.book.tasks.get(action.task);
    const work = verdicts?.verdict(action);
    if (entry !== undefined && work !== undefined) await act(entry, work);
  };
  return {
    wait: () => Promise.resolve(),
    judge: async (action: ValidatorAction, head: Head, signal: AbortSignal) => {
      const entry = world.book.tasks.get(action.task);
      if (entry !== undefined) await judge(parts, entry, action, head, signal);
    },
    commitVerdict: withWork(async ({ task }, { attempt, round, seat, commitment }) => {
      const { closeAt } = world.book.verdicts.get(task) ?? { closeAt: 0 };
      const call: [task: bigint, seat: number, commitment: string] = [task, seat, commitment];
      await sendCall(parts, `verdict:${task}:${attempt}:${round}`, ["Validation", "commit", call], { deadline: closeAt });
      crashPoint("verdictCommitted");
    }),
    openVerdict: withWork(async ({ task, terms }, { attempt, round, seat, verdict, evidence, salt }) => {
      const { results, content } = parts;
      if (await results.has(evidence as Digest)) await content.put(await results.get(evidence as Digest));
      const { closeAt } = world.book.verdicts.get(task) ?? { closeAt: 0 };
      const deadline = closeAt + unpackAssurance(terms.assurance).verdictRevealWindow;
      const openings = [{ seat, verdict, evidence, salt }];
      await sendCall(parts, `openVerdict:${task}:${attempt}:${round}`, ["Validation", "reveal", [task, openings]], { deadline });
    }),
  };
}

async function judge(parts: ActsParts, entry: TaskEntry, action: ValidatorAction, head: Head, signal: AbortSignal): Promise<void> {
  const { engine, results, world, verdicts, log } = parts;
  const { task, terms } = entry;
  const { attempt, round, seat } = action;
  const panel = world.book.verdicts.get(task)?.panel ?? (await world.panelToBe(task, head.number));
  if (panel === undefined) return;
  const peers = world.sourcesOf(entry).map((base) => new HttpPeer(base));
  const judged = { task, round, manifest: terms.manifest, openings: entry.openings, panel };
  const source = new LayeredStore(results, peers);
  const { seats, missing } = await judgeTask(
    judged,
    {
      engine,
      source,
      rule: await ruleFor(parts, terms.model, entry.bornIn),
      usefulness: await usefulnessBy(engine),
      secret: saltFor(parts, action),
    },
    signal,
  );
  const committed = world.book.verdicts.get(task)?.commits.get(seat);
  if (committed === undefined && missing.length > 0 && head.timestamp < action.giveUpAt)
    throw new ContentMissing(`found no content of seat ${missing.join(", ")}, wanted what they revealed; asking again`);
  const work = committed === undefined ? sealed(parts, action, seats) : recovered(parts, action, seats, committed);
  if (work === undefined) {
    world.progress(task).verdictLost = true;
    log.error({ task: String(task), round, seat, wanted: committed }, "judged anew, and the commitment on chain is another one");
    return;
  }
  await results.put(work.bytes);
  crashPoint("judged");
  verdicts?.save(work);
  log.info({ task: String(task), attempt, round, seat, seats: work.seats }, "judged");
}

type Sealed = VerdictWork & { bytes: Uint8Array; seats: SeatEvidence[] };

/** The thresholds that hold for a task: the registry's, where it has some, with what it says nothing about as everywhere. */
export async function ruleFor({ genuineness }: ActsParts, model: string, bornIn: number): Promise<GenuinenessRule> {
  const registered = await genuineness?.(model, bornIn);
  if (registered === undefined) return DEFAULT_GENUINENESS_RULE;
  const { leastMatch, mostDelta } = registered;
  return { ...DEFAULT_GENUINENESS_RULE, minMatch: leastMatch, maxDelta: mostDelta, flagDelta: mostDelta / 2 };
}

/** The salt follows from the key and the seat alone, so that a verdict can be made again. */
function saltFor({ deployment, key }: ActsParts, { task, seat, attempt, round }: ValidatorAction): string {
  const { chainId, addresses } = deployment;
  return saltOf(key.privateKey, { chainId, queue: addresses.Validation, task, seat, attempt: 2 * attempt + round });
}

function sealed(parts: ActsParts, action: ValidatorAction, seats: SeatEvidence[]): Sealed {
  const { task, attempt, round, seat } = action;
  const { deployment, node } = parts;
  const { chainId } = deployment;
  const validation = deployment.addresses.Validation;
  const salt = saltFor(parts, action);
  const bytes = evidenceBytes(action, seats);
  const evidence = evidenceDigest(bytes);
  const verdict = packVerdict(new Map(seats.map(({ seat: of, finding, score, deviation }) => [of, { finding, score, deviation }])));
  const commitment = verdictCommitment({ chainId, validation }, { task, round, author: node, verdict, evidence, salt });
  return { task, attempt, round, seat, node, verdict, evidence, salt, commitment, bytes, seats };
}

/** The verdict that was committed before the journal was lost: the same findings, or with some seats whose content could not be had at the time. */
function recovered(parts: ActsParts, action: ValidatorAction, seats: SeatEvidence[], committed: string): Sealed | undefined {
  for (let without = 0; without < 1 << seats.length; without++) {
    const guess = sealed(
      parts,
      action,
      seats.map((found, i) => ((without >> i) & 1 ? unavailable(found.seat) : found)),
    );
    if (guess.commitment === committed) return guess;
  }
  return undefined;
}
