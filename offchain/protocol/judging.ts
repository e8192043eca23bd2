import { applyChanges, decodeAnswers, decodePromptTokens, type PromptOutcome } from "./answers.ts";
import { mostForVerdicts, unpackAssurance } from "./assurance.ts";
import { gross, share, worstCase } from "./price.ts";
import { judge, popcount } from "./sketch.ts";
import { Comparison, type Handover, Status, type TaskTerms } from "./types.ts";

/** How a task ends and what it pays: twin of `SessionQueue` and contracts/libraries/Judging.sol. */
export interface Settlement {
  status: Status;
  outcomes: PromptOutcome[];
  /** Per opening, in the handover's order. */
  seats: { node: number; tokens: bigint; accepted: number; outliers: number; net: bigint }[];
  protocolFee: bigint;
  routerFee: bigint;
  /** What the session pays, bounty included; 0 unless accepted. */
  charged: bigint;
  /** What was locked. */
  locked: bigint;
}

/**
 * Judges and prices a task whose openings are all handed over and of which no draw or second attempt is left to be paid.
 * @param rejected bitmap of the seats that validators rejected; they take part in nothing
 */
export function settlementOf({ terms, base, openings }: Handover, rejected = 0): Settlement {
  const prompts = decodePromptTokens(terms.promptTokens);
  const seats = openings.map(({ node }) => ({ node, tokens: 0n, accepted: 0, outliers: 0, net: 0n }));
  // By seat: ties go to the lowest.
  const counts = ({ opened, seat }: Handover["openings"][number]) => opened && ((rejected >> seat) & 1) === 0;
  const places = openings.flatMap((opening, i) => (counts(opening) ? [i] : [])).sort((a, b) => openings[a]!.seat - openings[b]!.seat);
  const answers = places.map((i) => decodeAnswers(applyChanges(base, openings[i]!.changes)));
  const locked = lockOf(terms);
  const result: Settlement = { status: Status.Failed, outcomes: [], seats, protocolFee: 0n, routerFee: 0n, charged: 0n, locked };
  if (places.length < terms.quorum) return result;
  let refused = 0;
  result.outcomes = prompts.map((promptTokens, prompt) => {
    const given = answers.map((list) => list[prompt]!);
    const exact = terms.comparison === Comparison.Exact;
    const verdict = judge(
      given.map((answer) => answer.digest),
      given.map((answer) => answer.sketch),
      exact,
      terms.threshold,
      terms.quorum,
    );
    if (!verdict.agreed) return { canonicalSeat: null, accepted: 0 };
    const group = given.filter((_, i) => (verdict.accepted >> i) & 1).map((answer) => answer.tokens);
    const unanswerable = isRefusal(given[verdict.canonical]!.digest);
    if (unanswerable) refused++;
    const paid = unanswerable ? Math.min(promptTokens, REFUSAL_TOKENS) : promptTokens + Math.min(lowerMedian(group), terms.maxTokens);
    const tokens = BigInt(paid);
    let accepted = 0;
    places.forEach((place, i) => {
      const seat = seats[place]!;
      if ((verdict.accepted >> i) & 1) {
        seat.tokens += tokens;
        if (!unanswerable) seat.accepted++;
        accepted |= 1 << openings[place]!.seat;
      } else seat.outliers++;
    });
    return { canonicalSeat: openings[places[verdict.canonical]!]!.seat, accepted };
  });
  const agreed = result.outcomes.filter(({ canonicalSeat }) => canonicalSeat !== null).length;
  if (agreed === 0) return { ...result, status: Status.Inconclusive };
  result.charged = terms.bounty;
  for (const seat of seats) {
    const pay = gross(seat.tokens, terms.price);
    const protocolFee = share(pay, terms.protocolFeeBps);
    const routerFee = share(pay, terms.routerFeeBps);
    seat.net = pay - protocolFee - routerFee;
    result.protocolFee += protocolFee;
    result.routerFee += routerFee;
    result.charged += pay;
  }
  return { ...result, status: agreed === refused ? Status.Failed : Status.Accepted };
}

/** Reserved digests: the prompt cannot be fetched; it is not what the terms declare. */
export const CONTENT_UNAVAILABLE = `0x${"1".padStart(64, "0")}`;
export const TERMS_UNTRUE = `0x${"2".padStart(64, "0")}`;
/** What finding a prompt unanswerable is paid: as many of its declared tokens, if it declares so many. */
export const REFUSAL_TOKENS = 16;

/** Whether a digest says that the prompt cannot be answered. */
export const isRefusal = (digest: string): boolean => digest === CONTENT_UNAVAILABLE || digest === TERMS_UNTRUE;

/**
 * What is locked for a task: the worst case of its answers, and what draws and verdicts to come may cost.
 * @param attempt 0, or 1 after `TaskRerun`
 * @param waiting whether its nodes are still to be drawn (default: as at birth)
 */
export function lockOf(terms: TaskTerms, attempt = 0, waiting = !terms.leased): bigint {
  const prompts = decodePromptTokens(terms.promptTokens);
  const tokens = prompts.reduce((sum, count) => sum + count, prompts.length * terms.maxTokens);
  const answers = worstCase(BigInt(tokens), terms.price, terms.redundancy, terms.bounty);
  if (terms.assurance === 0n) return answers;
  const assurance = unpackAssurance(terms.assurance);
  const attempts = assurance.rerun && attempt === 0 ? 2 : 1;
  const draws = attempts - (waiting ? 0 : 1);
  return answers + BigInt(attempts) * mostForVerdicts(assurance) + BigInt(draws) * holdOf(terms);
}

/** Price of the time of nodes that are drawn for one attempt. */
export function holdOf(terms: TaskTerms): bigint {
  return unpackAssurance(terms.assurance).holdRate * BigInt(terms.redundancy * (terms.commitWindow + terms.revealWindow));
}

/** The lower median; 0 for none. */
export function lowerMedian(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
}

/** Whether a bitmap of committed seats lets the reveal phase take place. */
export const revealTakesPlace = (committed: number, quorum: number): boolean => popcount(BigInt(committed)) >= quorum;
