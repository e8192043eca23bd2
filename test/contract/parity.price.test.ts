import { expect } from "chai";
import fc from "fast-check";
import { encodePromptTokens } from "../../offchain/protocol/answers.ts";
import { lockOf } from "../../offchain/protocol/judging.ts";
import { gross, share, worstCase } from "../../offchain/protocol/price.ts";
import { BOUNTY_UNIT, encodeTerms, packRules, type Rules, unpackRules } from "../../offchain/protocol/terms.ts";
import { Comparison, type TaskTerms } from "../../offchain/protocol/types.ts";
import { deployLibraries, errorIn, inBatches, patience, RUNS, useNetwork } from "./suite.ts";
import { packAssurance } from "../../offchain/protocol/assurance.ts";

const upTo = (bits: number) => fc.integer({ min: 0, max: 2 ** bits - 1 });
const bytes32 = fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }).map((value) => `0x${value.toString(16).padStart(64, "0")}`);
const address = fc.bigInt({ min: 0n, max: 2n ** 160n - 1n }).map((value) => `0x${value.toString(16).padStart(40, "0")}`);

const rules: fc.Arbitrary<Rules> = fc.record({
  price: fc.bigInt({ min: 0n, max: 2n ** 96n - 1n }),
  maxTokens: upTo(24),
  commitWindow: upTo(16),
  revealWindow: upTo(16),
  protocolFeeBps: upTo(16),
  routerFeeBps: upTo(16),
  threshold: upTo(16),
  redundancy: upTo(8),
  quorum: upTo(8),
  service: upTo(3),
  standby: fc.boolean(),
  assured: fc.boolean(),
  level: upTo(2),
  widen: fc.boolean(),
  comparison: fc.constantFrom(Comparison.Exact, Comparison.Semantic),
  leased: fc.boolean(),
  bounty: upTo(24).map((units) => BigInt(units) * BOUNTY_UNIT),
});

const assurance: fc.Arbitrary<bigint> = fc
  .record({
    validators: fc.integer({ min: 0, max: 4 }),
    sampleBps: fc.integer({ min: 0, max: 10_000 }),
    verdictCommitWindow: upTo(16),
    verdictRevealWindow: upTo(16),
    appealWindow: fc.oneof(fc.constant(0), upTo(16)),
    bar: fc.integer({ min: 0, max: 10 }),
    validatorPrice: fc.bigInt({ min: 0n, max: 2n ** 80n }),
    rerun: fc.boolean(),
    holdRate: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  })
  .map(packAssurance);

/** As the contract's struct has them. */
const unpackedStruct = ({ comparison, bounty, ...rest }: Rules) => ({
  ...rest,
  exact: comparison === Comparison.Exact,
  bounty: bounty / BOUNTY_UNIT,
});

describe("Parity of price and rules", function () {
  this.timeout(patience(60_000));
  const net = useNetwork({ nodes: 0, leased: false });

  it(`A6 Price.gross, share and worstCase = gross, share and worstCase, for ${RUNS} bills`, async () => {
    const libraries = await deployLibraries(net());
    const bill = fc.record({
      tokens: fc.bigInt({ min: 0n, max: 2n ** 40n }),
      price: fc.bigInt({ min: 0n, max: 2n ** 96n - 1n }),
      bps: fc.integer({ min: 0, max: 10_000 }),
      redundancy: fc.integer({ min: 1, max: 9 }),
      bounty: upTo(24).map((units) => BigInt(units) * BOUNTY_UNIT),
    });
    const given = fc.sample(bill, { numRuns: RUNS, seed: 5 });
    const found = await inBatches<Iterable<bigint>>(net(), libraries, "prices", given);
    given.forEach(({ tokens, price, bps, redundancy, bounty }, i) => {
      const whole = gross(tokens, price);
      const most = worstCase(tokens, price, redundancy, bounty);
      expect([...found[i]!], `bill ${i}`).to.deep.equal([whole, share(whole, bps), most]);
      expect(most >= whole * BigInt(redundancy) + bounty, `the lock of bill ${i} covers its charge`).to.equal(true);
    });
  });

  it(`A6 what SessionQueue.enqueue locks = lockOf, for ${RUNS} terms`, async () => {
    const { modules, ethers } = net();
    const queue = modules.SessionQueue;
    const terms: fc.Arbitrary<TaskTerms> = fc
      .record({ model: bytes32, manifest: bytes32, router: address, rules, assurance, prompts: fc.array(upTo(24), { maxLength: 20 }) })
      // A lock has 128 bits, so the price stays below what fits.
      .map(({ rules, prompts, ...rest }) => ({ ...rest, ...rules, price: rules.price >> 16n, promptTokens: encodePromptTokens(prompts) }));
    const free = 99n << 32n;
    for (const [i, one] of fc.sample(terms, { numRuns: RUNS, seed: 6 }).entries()) {
      const data = queue.interface.encodeFunctionData("enqueue", [free | BigInt(i + 1), encodeTerms(one), one.manifest, 1, 1, 1]);
      const lock = lockOf(one);
      // The session is empty, so the lock shows in the refusal.
      const refusal = await ethers.provider
        .call({ from: modules.Session.target, to: queue.target, data })
        .catch((error: { data: string }) => error.data);
      if (lock === 0n) expect(refusal, `terms ${i}`).to.equal("0x");
      else expect([...errorIn(modules.SessionPayment, refusal).args], `terms ${i}`).to.deep.equal([99n, 0n, lock]);
    }
  });

  it(`TaskRulesLib.pack and unpack = packRules and unpackRules, for ${RUNS} rules and any word`, async () => {
    const libraries = await deployLibraries(net());
    const given = fc.sample(rules, { numRuns: RUNS, seed: 7 });
    const words = await inBatches<bigint>(net(), libraries, "packed", given.map(unpackedStruct));
    given.forEach((one, i) => {
      expect(words[i], `rules ${i}`).to.equal(packRules(one));
      expect(unpackRules(words[i]!), `rules ${i}`).to.deep.equal(one);
    });
    const anything = fc.sample(fc.bigInt({ min: 0n, max: 2n ** 256n - 1n }), { numRuns: RUNS, seed: 8 });
    const unpacked = await inBatches<Record<string, unknown>>(net(), libraries, "unpacked", anything);
    anything.forEach((word, i) => {
      const wanted: Record<string, unknown> = unpackedStruct(unpackRules(word));
      const found = unpacked[i]!;
      for (const [name, value] of Object.entries(wanted)) {
        expect(found[name], `${name} of word ${i}`).to.equal(typeof value === "number" ? BigInt(value) : value);
      }
    });
  });

  it(`TaskRulesLib.forRequest = rules with the request's output limit and, unrouted, no router fee, for ${RUNS} rules`, async () => {
    const libraries = await deployLibraries(net());
    const given = fc.sample(fc.tuple(rules, upTo(24), fc.boolean()), { numRuns: RUNS, seed: 9 });
    const words = await inBatches<bigint>(
      net(),
      libraries,
      "forRequests",
      given.map(([one]) => packRules(one)),
      given.map(([, most]) => most),
      given.map(([, , routed]) => routed),
    );
    given.forEach(([one, maxTokens, routed], i) => {
      expect(unpackRules(words[i]!), `rules ${i}`).to.deep.equal({ ...one, maxTokens, routerFeeBps: routed ? one.routerFeeBps : 0 });
    });
  });
});
