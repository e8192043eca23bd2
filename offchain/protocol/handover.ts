import { NO_CLAIM, whoOf } from "./commitment.ts";
import { changesBetween } from "./answers.ts";
import { encodeTerms, type EncodedTerms } from "./terms.ts";
import type { CommittedSeat, Handover, Opening, TaskTerms } from "./types.ts";

/** The secret part of a seat's commitment. */
export interface Secret {
  /** Packed answers, 0x hex. */
  answers: string;
  claim: string;
  salt: string;
}

/**
 * What reveals or settles a task. The base is the answer list that most opened seats share (the first of them), so that agreement is sent once.
 * @param commits every committed seat, in commit order
 * @param secrets the seats whose openings are known
 */
export function buildHandover(task: bigint, terms: TaskTerms, commits: CommittedSeat[], secrets: Map<number, Secret>): Handover {
  const base = mostShared(commits.flatMap(({ seat }) => secrets.get(seat)?.answers ?? [])) ?? emptyAnswers(terms, commits);
  const openings = commits.map(({ seat, node, commitment }): Opening => {
    const secret = secrets.get(seat);
    if (secret === undefined) return { seat, node, opened: false, secret: commitment, claim: NO_CLAIM, changes: "0x" };
    return { seat, node, opened: true, secret: secret.salt, claim: secret.claim, changes: changesBetween(base, secret.answers) };
  });
  return { task, terms, base, openings };
}

function mostShared(lists: string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const list of lists) counts.set(list, (counts.get(list) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0];
}

/** The contract wants answers of the right length even where every commitment stayed closed. */
function emptyAnswers(terms: TaskTerms, commits: CommittedSeat[]): string {
  if (commits.length === 0) return "0x";
  return `0x${"00".repeat(((terms.promptTokens.length - 2) / 6) * 68)}`;
}

/** `ISessionQueue.Handover` as the contracts take it. */
export interface EncodedHandover {
  task: bigint;
  terms: EncodedTerms;
  base: string;
  openings: { who: bigint; secret: string; claim: string }[];
  changes: string[];
}

/** What `reveal`, `settle` and `revealMany` take. Where no opening differs from the base, no list of changes is sent. */
export function encodeHandover({ task, terms, base, openings }: Handover): EncodedHandover {
  return {
    task,
    terms: encodeTerms(terms),
    base,
    openings: openings.map(({ seat, node, opened, secret, claim }) => ({
      who: whoOf(seat, node) | (opened ? 1n << 32n : 0n),
      secret,
      claim,
    })),
    changes: openings.every(({ changes }) => changes === "0x") ? [] : openings.map(({ changes }) => changes),
  };
}
