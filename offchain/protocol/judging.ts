import { applyChanges, decodeAnswers, decodePromptTokens, type PromptOutcome } from "./answers.ts";
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

/** Judges and prices a task whose openings are all handed over. */
export function settlementOf({ terms, base, openings }: Handover): Settlement {
  const prompts = decodePromptTokens(terms.promptTokens);
  const seats = openings.map(({ node }) => ({ node, tokens: 0n, accepted: 0, outliers: 0, net: 0n }));
  // By seat: ties go to the lowest.
  const places = openings.flatMap(({ opened }, i) => (opened ? [i] : [])).sort((a, b) => openings[a]!.seat - openings[b]!.seat);
  const answers = places.map((i) => decodeAnswers(applyChanges(base, openings[i]!.changes)));
  const locked = lockOf(terms);
  const result: Settlement = { status: Status.Failed, outcomes: [], seats, protocolFee: 0n, routerFee: 0n, charged: 0n, locked };
  if (places.length < terms.quorum) return result;
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
    const tokens = BigInt(promptTokens + Math.min(lowerMedian(group), terms.maxTokens));
    let accepted = 0;
    places.forEach((place, i) => {
      const seat = seats[place]!;
      if ((verdict.accepted >> i) & 1) {
        seat.tokens += tokens;
        seat.accepted++;
        accepted |= 1 << openings[place]!.seat;
      } else seat.outliers++;
    });
    return { canonicalSeat: openings[places[verdict.canonical]!]!.seat, accepted };
  });
  if (!result.outcomes.some(({ canonicalSeat }) => canonicalSeat !== null)) return { ...result, status: Status.Inconclusive };
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
  return { ...result, status: Status.Accepted };
}

/** What submitting a task locks. */
export function lockOf(terms: TaskTerms): bigint {
  const prompts = decodePromptTokens(terms.promptTokens);
  const tokens = prompts.reduce((sum, count) => sum + count, prompts.length * terms.maxTokens);
  return worstCase(BigInt(tokens), terms.price, terms.redundancy, terms.bounty);
}

/** The lower median; 0 for none. */
export function lowerMedian(values: number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor((values.length - 1) / 2)] ?? 0;
}

/** Whether a bitmap of committed seats lets the reveal phase take place. */
export const revealTakesPlace = (committed: number, quorum: number): boolean => popcount(BigInt(committed)) >= quorum;
