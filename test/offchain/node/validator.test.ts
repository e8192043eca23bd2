import { expect } from "chai";
import fc from "fast-check";
import { decideValidator, owesVerdict, type VerdictSight } from "../../../offchain/node/roles/validator.ts";
import { Stage } from "../../../offchain/protocol/types.ts";

/** Commitments from 1,000 to 1,100, openings for another 100 seconds. */
const SIGHT: VerdictSight = {
  task: 7n,
  attempt: 0,
  round: 0,
  seat: 1,
  stage: Stage.Committing,
  closeAt: 1_100,
  commitWindow: 100,
  revealWindow: 100,
  committed: false,
  opened: false,
  work: "ready",
};
const REVEALING = { stage: Stage.Revealing, committed: true };

const TABLE: { title: string; at: number; sight: Partial<VerdictSight>; wanted: string }[] = [
  { title: "seated, not judged yet", at: 1_001, sight: { work: "none" }, wanted: "judge" },
  { title: "judged", at: 1_001, sight: {}, wanted: "commitVerdict" },
  { title: "judged, one second left", at: 1_099, sight: {}, wanted: "commitVerdict" },
  { title: "judged, the next block is too late", at: 1_100, sight: {}, wanted: "wait" },
  { title: "not judged, the next block is too late", at: 1_100, sight: { work: "none" }, wanted: "wait" },
  { title: "committed, others may still", at: 1_050, sight: { committed: true }, wanted: "wait" },
  { title: "commitments have closed", at: 1_101, sight: REVEALING, wanted: "openVerdict" },
  { title: "commitments have closed without this seat", at: 1_101, sight: { stage: Stage.Revealing }, wanted: "wait" },
  { title: "opened", at: 1_150, sight: { ...REVEALING, opened: true }, wanted: "wait" },
  { title: "committed, and the journal is gone", at: 1_101, sight: { ...REVEALING, work: "none" }, wanted: "judge" },
  { title: "committed, and the verdict made anew is another", at: 1_101, sight: { ...REVEALING, work: "lost" }, wanted: "wait" },
  { title: "lost before it committed", at: 1_001, sight: { work: "lost" }, wanted: "wait" },
  { title: "final", at: 1_300, sight: { stage: Stage.Final, committed: true }, wanted: "wait" },
  { title: "appealable", at: 1_300, sight: { stage: Stage.Appealable, committed: true }, wanted: "wait" },
];

describe("validator's decisions", () => {
  for (const { title, at, sight, wanted } of TABLE)
    it(`${title}: ${wanted}`, () => {
      const action = decideValidator({ ...SIGHT, ...sight }, { timestamp: at, blockNumber: 1 });
      expect(action).to.include({ kind: wanted, task: 7n, seat: 1, round: 0 });
      expect(action.reason).to.not.equal("");
    });

  it("asks for missing content until half of the window is over", () => {
    expect(decideValidator({ ...SIGHT, work: "none" }, { timestamp: 1_001, blockNumber: 1 }).giveUpAt).to.equal(1_050);
  });

  it("C5: never opens while others may commit, and never commits twice or late", () => {
    const sights = fc.record({
      stage: fc.constantFrom(...Object.values(Stage)),
      committed: fc.boolean(),
      opened: fc.boolean(),
      work: fc.constantFrom("none", "ready", "lost"),
    });
    fc.assert(
      fc.property(sights, fc.integer({ min: 990, max: 1_250 }), (sight, at) => {
        const { kind } = decideValidator({ ...SIGHT, ...sight }, { timestamp: at, blockNumber: 1 });
        if (kind === "openVerdict") expect(sight.stage === Stage.Revealing && sight.committed && !sight.opened).to.equal(true);
        if (kind === "commitVerdict") expect(sight.stage === Stage.Committing && !sight.committed && at < 1_100).to.equal(true);
      }),
    );
  });

  it("a graceful end waits for a verdict that is committed and not open, and for nothing else", () => {
    expect(owesVerdict({ ...SIGHT, ...REVEALING })).to.equal(true);
    expect(owesVerdict({ ...SIGHT, committed: true })).to.equal(true);
    expect(owesVerdict(SIGHT)).to.equal(false);
    expect(owesVerdict({ ...SIGHT, ...REVEALING, opened: true })).to.equal(false);
    expect(owesVerdict({ ...SIGHT, ...REVEALING, work: "lost" })).to.equal(false);
  });
});
