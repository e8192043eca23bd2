import fc from "fast-check";
import { changesBetween, encodeAnswers, encodePromptTokens } from "../../offchain/protocol/answers.ts";
import { commitmentOf, type Domain, NO_CLAIM } from "../../offchain/protocol/commitment.ts";
import { type EncodedHandover, encodeHandover } from "../../offchain/protocol/handover.ts";
import { BOUNTY_UNIT } from "../../offchain/protocol/terms.ts";
import { type Answer, type CommittedSeat, Comparison, type Handover, type TaskTerms } from "../../offchain/protocol/types.ts";
import { PLAIN_TERMS } from "../plain.ts";

/** What the parity tests feed to the contracts and to the twin. */

export const hex = (value: bigint, bytes = 32): string => `0x${value.toString(16).padStart(2 * bytes, "0")}`;
export const upTo = (bits: number): fc.Arbitrary<number> => fc.integer({ min: 0, max: 2 ** bits - 1 });
export const uint = (bits: number): fc.Arbitrary<bigint> => fc.bigInt({ min: 0n, max: 2n ** BigInt(bits) - 1n });
export const bytes32: fc.Arbitrary<string> = uint(256).map((value) => hex(value));
export const address: fc.Arbitrary<string> = fc.bigInt({ min: 1n, max: 2n ** 160n - 1n }).map((value) => hex(value, 20));

const constants = <T extends object>(values: T) =>
  Object.fromEntries(Object.entries(values).map(([name, value]: [string, unknown]) => [name, fc.constant(value)])) as {
    [Name in keyof T]: fc.Arbitrary<T[Name]>;
  };

/** Terms as a session could give them. */
export const terms: fc.Arbitrary<TaskTerms> = fc
  .record({
    model: bytes32,
    manifest: bytes32,
    prompts: fc.array(fc.integer({ min: 1, max: 4_096 }), { minLength: 1, maxLength: 6 }),
    maxTokens: fc.integer({ min: 1, max: 300 }),
    price: uint(70),
    bounty: upTo(24).map((units) => BigInt(units) * BOUNTY_UNIT),
    router: fc.option(address, { nil: null }),
    protocolFeeBps: fc.integer({ min: 0, max: 1_500 }),
    routerFeeBps: fc.integer({ min: 0, max: 1_500 }),
    redundancy: fc.integer({ min: 1, max: 9 }),
    spare: fc.integer({ min: 0, max: 4 }),
    comparison: fc.constantFrom(Comparison.Semantic, Comparison.Semantic, Comparison.Exact),
    threshold: fc.integer({ min: 0, max: 90 }),
    leased: fc.constant(true),
    ...constants(PLAIN_TERMS),
  })
  .map(({ prompts, spare, router, routerFeeBps, ...rest }) => ({
    ...rest,
    promptTokens: encodePromptTokens(prompts),
    quorum: Math.min(rest.redundancy, Math.floor(rest.redundancy / 2) + 1 + spare),
    router: router ?? hex(0n, 20),
    routerFeeBps: router === null ? 0 : routerFeeBps,
    commitWindow: 600,
    revealWindow: 600,
  }));

/** How one seat behaves: variant 0 is what most answer. */
interface SeatSample {
  commits: boolean;
  opens: boolean;
  order: number;
  variants: number[];
  /** Whether the changes also name a prompt on which nothing differs. */
  idle: boolean;
  claim: string;
  salt: string;
}

const mostlyZero = fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, { weight: 2, arbitrary: fc.integer({ min: 1, max: 3 }) });
const seat: fc.Arbitrary<SeatSample> = fc.record({
  commits: fc.integer({ min: 0, max: 9 }).map((dice) => dice !== 0),
  opens: fc.integer({ min: 0, max: 9 }).map((dice) => dice !== 0),
  order: upTo(20),
  variants: fc.array(mostlyZero, { minLength: 6, maxLength: 6 }),
  idle: fc.integer({ min: 0, max: 9 }).map((dice) => dice === 0),
  claim: bytes32,
  salt: bytes32,
});

const variant = fc.record({
  digest: fc.integer({ min: 1, max: 5 }),
  flipped: fc.integer({ min: 0, max: 60 }),
  from: upTo(7),
  tokens: fc.integer({ min: 0, max: 400 }),
});

const parts = fc.record({
  terms,
  seats: fc.array(seat, { minLength: 9, maxLength: 9 }),
  centres: fc.array(uint(256), { minLength: 6, maxLength: 6 }),
  variants: fc.array(variant, { minLength: 4, maxLength: 4 }),
  base: fc.constantFrom("first", "first", "last", "garbage"),
  listChanges: fc.boolean(),
});

export interface HandoverSample {
  twin: Handover;
  encoded: EncodedHandover;
  commits: CommittedSeat[];
  committed: number;
  opened: number;
}

/** A task with its commitments and openings, as the twin and as the contracts have it. Nodes are numbered from `firstNode` on. */
function handoverFrom(
  domain: Domain,
  task: bigint,
  firstNode: number,
  sample: typeof parts extends fc.Arbitrary<infer T> ? T : never,
): HandoverSample {
  const { terms } = sample;
  // A router of its own, so that what it is owed is from this task.
  if (BigInt(terms.router) !== 0n) terms.router = hex((1n << 100n) | task, 20);
  const prompts = (terms.promptTokens.length - 2) / 6;
  const answerOf = (prompt: number, which: number): Answer => {
    const { digest, flipped, from, tokens } = sample.variants[which]!;
    const mask = ((1n << BigInt(flipped)) - 1n) << BigInt(from);
    return { digest: hex(BigInt(prompt * 100 + digest)), sketch: hex(sample.centres[prompt]! ^ mask), tokens, finish: which & 1 };
  };
  const seats = sample.seats
    .slice(0, terms.redundancy)
    .map((one, i) => ({ ...one, seat: i, node: firstNode + i }))
    .filter(({ commits }) => commits)
    .sort((a, b) => a.order - b.order || a.seat - b.seat)
    .map((one) => ({
      ...one,
      answers: encodeAnswers(Array.from({ length: prompts }, (_, prompt) => answerOf(prompt, one.variants[prompt]!))),
    }));
  const garbage = hex(sample.centres[0]! >> 1n).repeat(3);
  const bases = {
    first: seats[0]?.answers,
    last: seats.at(-1)?.answers,
    garbage: `0x${garbage
      .replaceAll("0x", "")
      .repeat(prompts)
      .slice(0, prompts * 136)}`,
  };
  const base = seats.length === 0 ? "0x" : bases[sample.base]!;
  const commits = seats.map(({ seat, node, answers, claim, salt }) => ({
    seat,
    node,
    commitment: commitmentOf(domain, task, node, terms, answers, claim, salt),
  }));
  const openings = seats.map(({ seat, node, opens, answers, claim, salt, idle }, i) => {
    if (!opens) return { seat, node, opened: false, secret: commits[i]!.commitment, claim: NO_CLAIM, changes: "0x" };
    const changes = changesBetween(base, answers);
    // A record that changes nothing is allowed and must make no difference.
    const idly = idle && changes === "0x" ? `0x0000${answers.slice(2, 138)}` : changes;
    return { seat, node, opened: true, secret: salt, claim, changes: idly };
  });
  const twin: Handover = { task, terms, base, openings };
  const encoded = encodeHandover(twin);
  if (sample.listChanges) encoded.changes = openings.map(({ changes }) => changes);
  const bitmap = (list: { seat: number }[]) => list.reduce((map, { seat }) => map | (1 << seat), 0);
  return { twin, encoded, commits, committed: bitmap(commits), opened: bitmap(openings.filter(({ opened }) => opened)) };
}

/** Handovers of the first tasks of sessions of their own, with nodes of their own. */
export function handovers(domain: Domain, count: number, seed: number): HandoverSample[] {
  return fc
    .sample(parts, { numRuns: count, seed })
    .map((sample, i) => handoverFrom(domain, (BigInt(i + 10) << 32n) | 1n, 1_000 + 10 * i, sample));
}

/** The packed facts of a task of generation 0 that waits to be settled; its deciding block, 0, is long gone, so nobody knows who was silent. */
export function closedFacts({ twin, committed, opened }: HandoverSample): bigint {
  const { redundancy, quorum } = twin.terms;
  return (
    (1n << 128n) |
    (BigInt(committed) << 192n) |
    (BigInt(opened) << 204n) |
    (BigInt(redundancy) << 216n) |
    (BigInt(quorum) << 220n) |
    (1n << 240n)
  );
}
