import { expect } from "chai";
import fc from "fast-check";
import { fits, isReady, type Offer, ranked, type Requirements, unmet, type Workload } from "../../../offchain/router/choice.ts";

const BASE: Offer = {
  session: 1,
  closed: false,
  level: 0,
  price: 1_000n,
  redundancy: 3,
  maxPromptTokens: 100,
  maxTokens: 64,
  nodes: 4,
  openTasks: 0,
  openPrompts: 0,
};
const SMALL: Workload = { prompts: 1, promptTokens: 10, maxTokens: 16 };
const ANY: Requirements = { sort: "price" };
const offer = (session: number, changes: Partial<Offer> = {}): Offer => ({ ...BASE, session, ...changes });
const chosen = (offers: Offer[], requirements: Requirements = ANY, workload = SMALL) =>
  ranked(offers, requirements, workload).map(({ session }) => session);

describe("the choice of a session", () => {
  it("leaves out those that do not meet the requirements", () => {
    const offers = [offer(1), offer(2, { level: 2, price: 5_000n }), offer(3, { redundancy: 5 })];
    expect(chosen(offers, { ...ANY, level: 2 })).to.deep.equal([2]);
    expect(chosen(offers, { ...ANY, maxPrice: 3_000n })).to.deep.equal([1]);
    expect(chosen(offers, { ...ANY, redundancy: 4 })).to.deep.equal([3]);
    expect(chosen(offers, { ...ANY, session: 2 })).to.deep.equal([2]);
    expect(chosen(offers, { ...ANY, level: 2, maxPrice: 1n })).to.deep.equal([]);
    expect(unmet(offers[0]!, { ...ANY, level: 2 })).to.include("level is 0");
  });

  it("takes the cheaper one, or, where latency counts, the one with the shorter queue", () => {
    const offers = [offer(1, { openPrompts: 40 }), offer(2, { price: 2_000n })];
    expect(chosen(offers)).to.deep.equal([1, 2]);
    expect(chosen(offers, { sort: "latency" })).to.deep.equal([2, 1]);
  });

  it("takes, of equally cheap ones, the one with more free seats for its queue", () => {
    expect(chosen([offer(1, { openPrompts: 8 }), offer(2)])).to.deep.equal([2, 1]);
    // Twice the nodes work off twice the queue.
    expect(chosen([offer(1, { openPrompts: 4 }), offer(2, { openPrompts: 6, nodes: 8 })])).to.deep.equal([2, 1]);
  });

  it("is steered by the workload: what holds the prompt comes first, whatever it costs", () => {
    const offers = [offer(1), offer(2, { price: 9_000n, maxPromptTokens: 1_000, maxTokens: 512 })];
    expect(chosen(offers, ANY, SMALL)[0]).to.equal(1);
    expect(chosen(offers, ANY, { ...SMALL, promptTokens: 500 })[0]).to.equal(2);
    expect(chosen(offers, ANY, { ...SMALL, maxTokens: 100 })[0]).to.equal(2);
  });

  it("puts those that cannot begin behind those that can", () => {
    expect(
      chosen([offer(1, { nodes: 0 }), offer(2, { price: 9_000n }), offer(3, { openTasks: 60 }), offer(4, { closed: true })])[0],
    ).to.equal(2);
  });

  it("never ranks a worse one before a better one, whatever is offered", () => {
    const anyOffer = fc.record({
      session: fc.integer({ min: 1, max: 99 }),
      closed: fc.boolean(),
      level: fc.integer({ min: 0, max: 2 }),
      price: fc.bigInt({ min: 0n, max: 10n }),
      redundancy: fc.integer({ min: 1, max: 9 }),
      maxPromptTokens: fc.integer({ min: 1, max: 40 }),
      maxTokens: fc.integer({ min: 1, max: 40 }),
      nodes: fc.integer({ min: 0, max: 10 }),
      openTasks: fc.integer({ min: 0, max: 64 }),
      openPrompts: fc.integer({ min: 0, max: 100 }),
    });
    fc.assert(
      fc.property(
        fc.uniqueArray(anyOffer, { selector: ({ session }) => session, maxLength: 6 }),
        fc.integer({ min: 0, max: 2 }),
        (offers, level) => {
          const order = ranked(offers, { ...ANY, level }, SMALL);
          expect(order.every((one) => one.level >= level)).to.equal(true);
          const [best] = order;
          if (best === undefined || (fits(best, SMALL) && isReady(best))) return;
          expect(order.some((one) => fits(one, SMALL) && isReady(one))).to.equal(false);
        },
      ),
      { numRuns: 200 },
    );
  });
});
