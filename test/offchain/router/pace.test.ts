import { expect } from "chai";
import fc from "fast-check";
import { Status } from "../../../offchain/protocol/types.ts";
import { Pace } from "../../../offchain/router/pace.ts";
import { Rhythm } from "../../../offchain/router/rhythm.ts";

const SIZE = 16;
const WINDOW = 20;

describe("the pace of a session's nodes", () => {
  /** One task after the other, each of so many prompts that take so long. */
  function answering(pace: Pace, tasks: number, prompts: number, ms: number): void {
    for (let i = 0; i < tasks; i++) pace.begun(prompts, 0)({ status: Status.Accepted, nowMs: ms });
  }

  it("grows with what was seen to be answered, up to half of what the commit window holds", () => {
    const pace = new Pace();
    expect(pace.limit(SIZE, WINDOW)).to.equal(32);
    answering(pace, 3, 16, 1_000);
    expect(pace.perSecond).to.equal(16);
    expect(pace.limit(SIZE, WINDOW)).to.equal(160);
    expect(pace.limit(SIZE, 2 * WINDOW)).to.equal(320);
  });

  it("counts what is answered side by side", () => {
    const pace = new Pace();
    const ends = [pace.begun(16, 0), pace.begun(16, 0)];
    for (const end of ends) end({ status: Status.Accepted, nowMs: 1_000 });
    expect(pace.perSecond).to.equal(32);
  });

  it("is not brought down by times without much to do, and forgets what was long ago", () => {
    const pace = new Pace();
    answering(pace, 1, 64, 2_000);
    answering(pace, 5, 1, 2_000);
    expect(pace.perSecond).to.equal(32);
    answering(pace, 20, 1, 2_000);
    expect(pace.perSecond).to.equal(0.5);
  });

  it("halves when nodes were late with several prompts, and recovers with what they answer; one prompt, a cancellation or an unknown end say nothing", () => {
    const pace = new Pace();
    answering(pace, 1, 200, 1_000);
    expect(pace.limit(SIZE, WINDOW)).to.equal(2_000);
    pace.begun(100, 0)({ status: Status.Failed, nowMs: 20_000 });
    expect(pace.limit(SIZE, WINDOW)).to.equal(50);
    for (const status of [Status.Cancelled, undefined]) pace.begun(10, 0)({ status, nowMs: 20_000 });
    pace.begun(1, 0)({ status: Status.Failed, nowMs: 20_000 });
    expect(pace.limit(SIZE, WINDOW)).to.equal(50);
    answering(pace, 1, 1, 1_000);
    expect(pace.limit(SIZE, WINDOW)).to.equal(75);
  });

  it("keeps a small part back while there is little room, so that tasks stay large", () => {
    const pace = new Pace();
    const ends = [pace.begun(16, 0), pace.begun(10, 0)];
    expect(pace.admitted(16, SIZE, WINDOW)).to.equal(0);
    expect(pace.admitted(6, SIZE, WINDOW)).to.equal(6);
    ends[1]!({ status: Status.Cancelled, nowMs: 1 });
    expect(pace.admitted(16, SIZE, WINDOW)).to.equal(16);
  });

  it("always lets something go where nothing is open, and never more than the limit", () => {
    const act = fc.record({ prompts: fc.integer({ min: 1, max: 64 }), ms: fc.integer({ min: 1, max: 30_000 }), failed: fc.boolean() });
    fc.assert(
      fc.property(fc.array(act, { maxLength: 30 }), (acts) => {
        const pace = new Pace();
        let now = 0;
        for (const { prompts, ms, failed } of acts) {
          const admitted = pace.admitted(prompts, SIZE, WINDOW);
          if (pace.open === 0) expect(admitted).to.be.at.least(1);
          expect(pace.open + admitted).to.be.at.most(Math.max(pace.open, pace.limit(SIZE, WINDOW)));
          if (admitted > 0) pace.begun(admitted, now)({ status: failed ? Status.Failed : Status.Accepted, nowMs: (now += ms) });
        }
      }),
    );
  });
});

describe("the rhythm of blocks", () => {
  const noted = (times: number[]) => {
    const rhythm = new Rhythm();
    times.forEach((ms, i) => {
      rhythm.note(100 + i, ms);
      rhythm.note(100 + i, ms + 20);
    });
    return rhythm;
  };

  it("tells when the next block is due, from blocks that come by the clock", () => {
    const rhythm = noted([0, 1_000, 2_010, 3_000, 4_005, 5_000]);
    expect(rhythm.intervalMs).to.be.within(990, 1_010);
    expect(rhythm.nextAt(5_300)).to.be.within(5_990, 6_010);
    // One that is late is due with the next beat.
    expect(rhythm.nextAt(6_100)).to.be.within(6_980, 7_020);
  });

  it("tells nothing of a chain that mines on demand, or of one that was hardly seen", () => {
    expect(noted([0, 1_000, 2_000, 2_030, 2_060, 3_000]).nextAt(3_100)).to.equal(undefined);
    expect(noted([0, 1_000, 2_000]).nextAt(2_100)).to.equal(undefined);
  });

  it("knows when blocks were seen, also those that were passed over, and begins anew after a reorganisation", () => {
    const rhythm = new Rhythm();
    rhythm.note(7, 100);
    rhythm.note(9, 300);
    expect([rhythm.seenAt(7), rhythm.seenAt(8), rhythm.seenAt(10)]).to.deep.equal([100, 300, undefined]);
    expect([rhythm.firstAfter(99), rhythm.firstAfter(100), rhythm.firstAfter(300)]).to.deep.equal([100, 300, undefined]);
    rhythm.note(8, 500);
    expect([rhythm.seenAt(7), rhythm.firstAfter(0)]).to.deep.equal([500, 500]);
  });
});
