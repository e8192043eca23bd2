import { expect } from "chai";
import fc from "fast-check";
import { decideMiner, owesReveal, type SeatSight } from "../../../offchain/node/roles/miner.ts";
import { type Facts, State, Status } from "../../../offchain/protocol/types.ts";
import { PLAIN_FACTS } from "../../plain.ts";

/** Seat 1 of 3, quorum 2; commits are open from 1000 to 1100, reveals for another 100 s. */
const FACTS: Facts = {
  seed: 5n,
  lease: 1,
  commitsCloseAt: 1_100,
  revealWindow: 100,
  committed: 0,
  revealed: 0,
  redundancy: 3,
  quorum: 2,
  generation: 0,
  state: State.Seeded,
  ...PLAIN_FACTS,
  status: Status.Open,
};
const TERMS = { commitWindow: 100, revealWindow: 100 };

interface Row {
  title: string;
  at: number;
  facts?: Partial<Facts>;
  sight?: Partial<SeatSight>;
  block?: number;
  wanted: string;
}

const sightOf = ({ facts, sight }: Pick<Row, "facts" | "sight">): SeatSight => ({
  task: 7n,
  seat: 1,
  terms: TERMS,
  facts: { ...FACTS, ...facts },
  work: "ready",
  carrier: "ready",
  handed: {},
  ...sight,
});

const ALL_IN = { committed: 0b111, commitsCloseAt: 1_040 };
const unseeded = { state: State.Unseeded, seed: 50n };

const TABLE: Row[] = [
  { title: "seated and commits open", at: 1_001, sight: { work: "none" }, wanted: "infer" },
  { title: "the seed block is not mined", at: 1_001, facts: unseeded, block: 50, sight: { work: "none" }, wanted: "wait" },
  { title: "the seed block is mined", at: 1_001, facts: unseeded, block: 51, sight: { work: "none" }, wanted: "infer" },
  { title: "the next block is too late to commit", at: 1_100, sight: { work: "none" }, wanted: "wait" },
  { title: "ready, the next block is too late to commit", at: 1_100, wanted: "wait" },
  { title: "ready, one second left", at: 1_099, wanted: "commit" },
  { title: "commits have closed without us", at: 1_101, wanted: "wait" },
  { title: "all the others are in and quorum closed it", at: 1_050, facts: { redundancy: 1, committed: 0b1 }, wanted: "wait" },
  { title: "not what was declared", at: 1_001, sight: { work: "refused" }, wanted: "wait" },
  { title: "ready, the carrier may act", at: 1_001, wanted: "handCommitment" },
  { title: "the carrier has it", at: 1_010, sight: { handed: { commitmentAt: 1_001 } }, wanted: "wait" },
  { title: "the carrier's share is nearly over", at: 1_029, sight: { handed: { commitmentAt: 1_001 } }, wanted: "wait" },
  { title: "the carrier's share is over", at: 1_030, sight: { handed: { commitmentAt: 1_001 } }, wanted: "commit" },
  { title: "ready late: the carrier gets no item any more", at: 1_035, wanted: "commit" },
  { title: "handed late: the carrier has a short turn", at: 1_040, sight: { handed: { commitmentAt: 1_029 } }, wanted: "wait" },
  { title: "handed late: the short turn is over", at: 1_044, sight: { handed: { commitmentAt: 1_029 } }, wanted: "commit" },
  {
    title: "handed very late: no turn reaches past the last part",
    at: 1_060,
    sight: { handed: { commitmentAt: 1_059 } },
    wanted: "commit",
  },
  { title: "nobody carries", at: 1_001, sight: { carrier: "none" }, wanted: "commit" },
  { title: "committed, others may still commit", at: 1_050, facts: { committed: 0b010 }, wanted: "wait" },
  { title: "the last second of commits", at: 1_100, facts: { committed: 0b011 }, wanted: "wait" },
  { title: "all in: open before the window ends", at: 1_041, facts: ALL_IN, wanted: "handOpening" },
  { title: "closed by time with a quorum", at: 1_101, facts: { committed: 0b011 }, wanted: "handOpening" },
  { title: "closed by time without a quorum", at: 1_101, facts: { committed: 0b010 }, wanted: "wait" },
  { title: "the carrier has the opening", at: 1_060, facts: ALL_IN, sight: { handed: { openingAt: 1_041 } }, wanted: "wait" },
  { title: "the carrier was silent with the opening", at: 1_070, facts: ALL_IN, sight: { handed: { openingAt: 1_041 } }, wanted: "reveal" },
  { title: "nobody carries openings", at: 1_041, facts: ALL_IN, sight: { carrier: "none" }, wanted: "reveal" },
  { title: "revealed", at: 1_050, facts: { ...ALL_IN, revealed: 0b010 }, wanted: "wait" },
  { title: "others revealed, not us", at: 1_080, facts: { ...ALL_IN, revealed: 0b101 }, wanted: "reveal" },
  { title: "one second left to reveal", at: 1_139, facts: ALL_IN, wanted: "reveal" },
  { title: "the next block is too late to reveal", at: 1_140, facts: ALL_IN, wanted: "wait" },
  { title: "committed and the journal is gone", at: 1_050, facts: ALL_IN, sight: { work: "none" }, wanted: "infer" },
  { title: "committed and the journal is gone, too late", at: 1_140, facts: ALL_IN, sight: { work: "none" }, wanted: "wait" },
  { title: "committed and the answers differ now", at: 1_050, facts: ALL_IN, sight: { work: "lost" }, wanted: "wait" },
  { title: "settled", at: 1_050, facts: { ...ALL_IN, status: Status.Accepted }, wanted: "wait" },
  { title: "cancelled", at: 1_001, facts: { status: Status.Cancelled }, sight: { work: "none" }, wanted: "wait" },
];

describe("miner's decisions", () => {
  for (const { title, at, block, wanted, ...row } of TABLE) {
    it(`${title}: ${wanted}`, () => {
      const action = decideMiner(sightOf(row), { timestamp: at, blockNumber: block ?? 100 });
      expect(action).to.include({ kind: wanted, task: 7n, seat: 1 });
      expect(action.reason).to.be.a("string").and.not.equal("");
    });
  }

  const sights = fc.record({
    at: fc.integer({ min: 990, max: 1_250 }),
    committed: fc.integer({ min: 0, max: 7 }),
    revealedOf: fc.integer({ min: 0, max: 7 }),
    commitsCloseAt: fc.integer({ min: 1_000, max: 1_100 }),
    work: fc.constantFrom("none", "ready", "refused", "lost"),
    carrier: fc.constantFrom("none", "ready"),
    commitmentAt: fc.option(fc.integer({ min: 1_000, max: 1_100 }), { nil: undefined }),
    openingAt: fc.option(fc.integer({ min: 1_000, max: 1_200 }), { nil: undefined }),
  });

  it("never opens while commits may still come, and never commits late or twice", () => {
    fc.assert(
      fc.property(sights, ({ at, committed, revealedOf, commitsCloseAt, work, carrier, commitmentAt, openingAt }) => {
        const handed = { ...(commitmentAt !== undefined && { commitmentAt }), ...(openingAt !== undefined && { openingAt }) };
        const facts = { committed, revealed: revealedOf & committed, commitsCloseAt };
        const { kind } = decideMiner(sightOf({ facts, sight: { work, carrier, handed } }), {
          timestamp: at,
          blockNumber: 100,
        });
        const closed = committed === 7 || at > commitsCloseAt;
        if (kind === "handOpening" || kind === "reveal")
          expect(closed && ((committed >> 1) & 1) === 1 && at < commitsCloseAt + 100).to.equal(true);
        if (kind === "handCommitment" || kind === "commit")
          expect(!closed && ((committed >> 1) & 1) === 0 && at < commitsCloseAt).to.equal(true);
      }),
    );
  });

  it("reveals by itself, whatever the carrier says, while a third of the window is left", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1_100, max: 1_139 }),
        fc.option(fc.integer({ min: 1_040, max: 1_139 }), { nil: undefined }),
        (at, openingAt) => {
          const handed = openingAt === undefined ? {} : { openingAt };
          expect(decideMiner(sightOf({ facts: ALL_IN, sight: { handed } }), { timestamp: at, blockNumber: 100 }).kind).to.equal("reveal");
        },
      ),
    );
  });

  it("a graceful end waits for what is committed and not revealed, and for nothing else", () => {
    const owes = (row: Pick<Row, "facts" | "sight">, timestamp: number) => owesReveal(sightOf(row), { timestamp, blockNumber: 100 });
    expect(owes({ facts: ALL_IN }, 1_050)).to.equal(true);
    expect(owes({ facts: { committed: 0b010 } }, 1_050)).to.equal(true);
    expect(owes({ sight: { handed: { commitmentAt: 1_001 } } }, 1_050)).to.equal(true);
    expect(owes({}, 1_050)).to.equal(false);
    expect(owes({ facts: { ...ALL_IN, revealed: 0b010 } }, 1_050)).to.equal(false);
    expect(owes({ facts: ALL_IN }, 1_141)).to.equal(false);
    expect(owes({ facts: { committed: 0b010 } }, 1_101)).to.equal(false);
    expect(owes({ facts: ALL_IN, sight: { work: "lost" } }, 1_050)).to.equal(false);
  });
});
