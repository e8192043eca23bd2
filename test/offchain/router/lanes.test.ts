import { expect } from "chai";
import { encodePromptTokens } from "../../../offchain/protocol/answers.ts";
import { Lanes } from "../../../offchain/router/lanes.ts";
import type { Requirements, Workload } from "../../../offchain/router/choice.ts";
import { ENTRY, SESSION_VIEW } from "./routerWorld.ts";

/** A session as it stands: its terms, its lease, what is open on chain (prompts of each task), and what waits in the router. */
interface Standing {
  price?: bigint;
  level?: number;
  redundancy?: number;
  maxPromptTokens?: number;
  maxTokens?: number;
  leaseNodes?: number;
  lease?: number;
  closed?: boolean;
  open?: number[];
  /** Tasks that have ended: they are no load. */
  ended?: number[];
  waiting?: number;
}

const SMALL: Workload = { prompts: 1, promptTokens: 10, maxTokens: 16 };
const CHEAP: Requirements = { sort: "price" };
const QUICK: Requirements = { sort: "latency" };

/** The lanes of sessions 1, 2, … */
function lanesOf(...standings: Standing[]): Lanes {
  const sessions = new Map<number, unknown>();
  const tasks = new Map<bigint, unknown>();
  const all = standings.map((standing, i) => {
    const session = i + 1;
    const { price = 1_000n, level = 0, redundancy = 3, maxTokens = 128, maxPromptTokens = 100 } = standing;
    const rules = { ...SESSION_VIEW.rules, price, level, redundancy, maxTokens };
    const { leaseNodes = 6, lease = session, closed = false, open = [], ended = [], waiting = 0 } = standing;
    sessions.set(session, { ...SESSION_VIEW, rules, maxPromptTokens, leaseNodes, lease, closed, maxPrompts: 64 });
    [...open, ...ended].forEach((prompts, at) => {
      const task = (BigInt(session) << 32n) | BigInt(at + 1);
      const promptTokens = encodePromptTokens(Array.from({ length: prompts }, () => 10));
      const settled = at < open.length ? undefined : {};
      tasks.set(task, { ...ENTRY, task, session, settled, terms: { ...ENTRY.terms, promptTokens } });
    });
    return { session, submission: {}, batcher: { waiting } };
  });
  return new Lanes(all as never, { sessions, book: { tasks } } as never);
}
const chosen = (lanes: Lanes, requirements: Requirements, workload = SMALL) => lanes.choose(requirements, workload).session;

/** What a router with several sessions does with a request: the sessions as the chain and its own queue show them. */
describe("a request's way to one of several sessions", () => {
  /** 1: cheap, low, busy. 2: three times the price, high level, idle. */
  const CHEAP_AND_BUSY: Standing = { price: 1_000n, level: 0, open: [20, 20] };
  const DEAR_AND_IDLE: Standing = { price: 3_000n, level: 2 };

  it("goes by price unless latency is wanted", () => {
    const lanes = lanesOf(CHEAP_AND_BUSY, DEAR_AND_IDLE);
    expect(chosen(lanes, CHEAP)).to.equal(1);
    expect(chosen(lanes, QUICK)).to.equal(2);
    // What counts is what all answers cost, not one of them.
    expect(chosen(lanesOf({ price: 2_000n, redundancy: 1 }, { price: 1_000n, redundancy: 3 }), CHEAP)).to.equal(1);
  });

  it("goes where its level, ceiling, redundancy and session say, against price and load", () => {
    const lanes = lanesOf(CHEAP_AND_BUSY, DEAR_AND_IDLE, { price: 500n, redundancy: 9, leaseNodes: 9, open: [64] });
    expect(chosen(lanes, { ...CHEAP, level: 1 })).to.equal(2);
    expect(chosen(lanes, { ...QUICK, maxPrice: 3_000n })).to.equal(1);
    expect(chosen(lanes, { ...QUICK, redundancy: 5 })).to.equal(3);
    expect(chosen(lanes, { ...QUICK, session: 1 })).to.equal(1);
    expect(() => lanes.choose({ ...CHEAP, level: 2, maxPrice: 3_000n }, SMALL))
      .to.throw("session 1: its level is 0, wanted 2; session 2: it costs 9000")
      .with.property("code", "no_session_fits");
  });

  it("is steered by the workload: length of prompt and of answer", () => {
    const lanes = lanesOf({ maxPromptTokens: 50, maxTokens: 32 }, { price: 5_000n, maxPromptTokens: 500, maxTokens: 256 });
    expect(chosen(lanes, CHEAP)).to.equal(1);
    expect(chosen(lanes, CHEAP, { ...SMALL, promptTokens: 51 })).to.equal(2);
    expect(chosen(lanes, CHEAP, { ...SMALL, maxTokens: 33 })).to.equal(2);
  });

  it("counts what is open on chain and what waits in the router, and nothing that has ended", () => {
    expect(chosen(lanesOf({ open: [4] }, { open: [3] }), CHEAP)).to.equal(2);
    expect(chosen(lanesOf({ open: [4] }, { open: [3], waiting: 2 }), CHEAP)).to.equal(1);
    expect(chosen(lanesOf({ ended: [64, 64] }, { open: [1] }), CHEAP)).to.equal(1);
    // Many tasks of one prompt are as much as one of many.
    expect(chosen(lanesOf({ open: [1, 1, 1] }, { open: [2] }), CHEAP)).to.equal(2);
  });

  it("goes where more seats are free for the queue", () => {
    // Eight nodes of three seats each work off sixteen prompts as fast as four work off eight.
    expect(chosen(lanesOf({ open: [7], leaseNodes: 4 }, { open: [13], leaseNodes: 8 }), QUICK)).to.equal(2);
    expect(chosen(lanesOf({ open: [7], leaseNodes: 4 }, { open: [16], leaseNodes: 8 }), QUICK)).to.equal(1);
    // Fewer answers to a prompt take fewer seats.
    expect(chosen(lanesOf({ open: [6], redundancy: 3 }, { open: [9], redundancy: 1, price: 3_000n }), QUICK)).to.equal(2);
    // A large list weighs what it brings along.
    const lanes = lanesOf({ leaseNodes: 3 }, { leaseNodes: 9, open: [10] });
    expect(chosen(lanes, QUICK, SMALL)).to.equal(1);
    expect(chosen(lanes, QUICK, { ...SMALL, prompts: 20 })).to.equal(2);
  });

  it("does not wait for a session that has no nodes, no room or is closed where another one can begin", () => {
    const full = Array.from({ length: 60 }, () => 1);
    for (const cannot of [{ lease: 0 }, { open: full }, { closed: true }])
      expect(chosen(lanesOf({ price: 1n, ...cannot }, DEAR_AND_IDLE), CHEAP), JSON.stringify(cannot)).to.equal(2);
  });

  it("spreads the parts of a list over sessions that are alike by the length of their queues, and never to a dearer one", () => {
    const lanes = lanesOf({ open: [16] }, {}, { price: 9_000n }, { level: 2, redundancy: 4 });
    const parts = Array.from({ length: 5 }, (): Workload => ({ prompts: 16, promptTokens: 10, maxTokens: 16 }));
    const sessions = lanes.spread(lanes.all[0]!, parts, CHEAP).map(({ session }) => session);
    expect(sessions).to.deep.equal([2, 1, 2, 1, 2]);
  });

  it("asks again elsewhere, at the least busy session that is alike, or at the same one where there is none", () => {
    const lanes = lanesOf({}, { open: [30] }, { open: [2] }, { price: 9_000n });
    expect(lanes.instead(lanes.all[0]!, CHEAP, SMALL).session).to.equal(3);
    expect(lanes.instead(lanes.all[3]!, CHEAP, SMALL).session).to.equal(4);
    expect(lanes.instead(lanes.all[0]!, { ...CHEAP, session: 1 }, SMALL).session).to.equal(1);
  });
});
