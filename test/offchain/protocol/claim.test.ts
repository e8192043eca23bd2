import { expect } from "chai";
import fc from "fast-check";
import { claimBytes, ClaimError, parseClaims, roundLogProb, type Claim } from "../../../offchain/protocol/claim.ts";
import { judgeClaim, type Reference } from "../../../offchain/protocol/genuineness.ts";

const id = fc.integer({ min: 0, max: 0xff_ffff });
const top = fc.array(
  fc.tuple(
    id,
    fc.double({ min: -167, max: 0, noNaN: true }).map((logProb) => roundLogProb(logProb)),
  ),
  { minLength: 4, maxLength: 4 },
);
const claims = fc.array(
  fc.record({
    finish: fc.constantFrom("stop" as const, "length" as const),
    positions: fc.array(fc.tuple(id, top), { minLength: 1, maxLength: 20 }),
  }),
  {
    minLength: 1,
    maxLength: 5,
  },
);

describe("claim list", () => {
  it("survives the way to bytes and back", () => {
    fc.assert(
      fc.property(claims, (drawn) => {
        const list: Claim[] = drawn.map(({ finish, positions }) => ({
          engineClass: "class",
          finish,
          tokens: positions.map(([token]) => token),
          top: positions.map(([, likeliest]) => likeliest),
        }));
        expect(parseClaims(claimBytes(list))).to.deep.equal(list);
      }),
    );
  });

  it("rounds to five decimals and never below what fits", () => {
    expect([-0.123456, -1e-9, 1e-9, -1000, -Infinity].map(roundLogProb)).to.deep.equal([-0.12346, 0, 0, -167.77215, -167.77215]);
  });

  const claim: Claim = {
    engineClass: "class",
    finish: "stop",
    tokens: [1],
    top: [
      [
        [1, 0],
        [2, -1],
        [3, -2],
        [4, -3],
      ],
    ],
  };
  it("is not written from claims that do not fit together", () => {
    for (const list of [
      [],
      [claim, { ...claim, engineClass: "other" }],
      [{ ...claim, tokens: [] }],
      [{ ...claim, tokens: [2 ** 24] }],
      [{ ...claim, top: [[]] }],
    ])
      expect(() => claimBytes(list)).to.throw(ClaimError);
  });

  it("is not read from anything else", () => {
    const list = JSON.parse(new TextDecoder().decode(claimBytes([claim]))) as { answers: { positions: string }[] };
    const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
    expect(parseClaims(bytesOf(list))).to.deep.equal([claim]);
    const wrong = [
      { ...list, extra: 1 },
      { ...list, answers: [] },
      { ...list, v: 2 },
      { ...list, answers: [{ finish: "stop", positions: "AAAA" }] },
      null,
    ];
    for (const value of wrong) expect(() => parseClaims(bytesOf(value))).to.throw(ClaimError);
    expect(() => parseClaims(new Uint8Array([1]))).to.throw(ClaimError);
  });
});

describe("judgeClaim", () => {
  const row = (second: number): [number, number][] => [
    [1, -0.1],
    [2, second],
    [3, -5],
    [4, -6],
  ];
  const claimOf = (positions: number, second: number): Claim => ({
    engineClass: "miner's",
    finish: "stop",
    tokens: Array.from({ length: positions }, () => 1),
    top: Array.from({ length: positions }, () => row(second)),
  });
  const referenceOf = (positions: number, misses = 0): Reference => ({
    engineClass: "own",
    expected: Array.from({ length: positions }, (_, position) => (position < misses ? 2 : 1)),
    near: Array.from({ length: positions }, () => true),
    top: Array.from({ length: positions }, () => row(-3)),
  });

  it("accepts equal figures and small differences, flags larger ones, rejects the largest", () => {
    const reasonAt = (second: number) => {
      const { ok, flagged, reason } = judgeClaim(claimOf(40, second), referenceOf(40));
      return [ok, flagged, reason];
    };
    expect(reasonAt(-3)).to.deep.equal([true, false, "accepted"]);
    expect(reasonAt(-3.016)).to.deep.equal([true, false, "accepted"]);
    expect(reasonAt(-3.03)).to.deep.equal([true, true, "accepted"]);
    expect(reasonAt(-3.05)).to.deep.equal([false, true, "differentLogProbs"]);
  });

  it("allows one other token, or two in a hundred, and no more", () => {
    const ok = (positions: number, misses: number) => judgeClaim(claimOf(positions, -3), referenceOf(positions, misses)).ok;
    expect([ok(5, 1), ok(5, 2), ok(100, 2), ok(100, 3)]).to.deep.equal([true, false, true, false]);
  });

  it("allows no miss at all that a slight difference of the figures does not explain", () => {
    const reference = referenceOf(100, 1);
    expect(judgeClaim(claimOf(100, -3), reference)).to.include({ ok: true, misses: 1, far: 0 });
    reference.near[0] = false;
    expect(judgeClaim(claimOf(100, -3), reference)).to.include({ ok: false, far: 1, reason: "differentTokens" });
  });

  it("counts a token the claim does not name from the claim's smallest figure", () => {
    const claim = claimOf(1, -3);
    claim.top[0]![3] = [9, -6.01];
    expect(judgeClaim(claim, referenceOf(1)).delta).to.be.closeTo(0.01 / 4, 1e-9);
  });

  it("does not compare what the reference holds for nearly impossible", () => {
    const reference = referenceOf(1);
    reference.top[0]![3] = [4, -16.5];
    expect(judgeClaim(claimOf(1, -3), reference).delta).to.equal(0);
  });

  it("wants equality bit for bit inside one engine class", () => {
    const inClass = (second: number) => judgeClaim({ ...claimOf(40, second), engineClass: "own" }, referenceOf(40));
    expect(inClass(-3)).to.include({ ok: true, exact: true });
    expect(inClass(-3.00001)).to.include({ ok: false, exact: false, reason: "notEqualInClass" });
    expect(judgeClaim(claimOf(40, -3), referenceOf(40)).exact).to.equal(null);
  });

  it("rejects a claim of another length or with empty rows as malformed", () => {
    expect(judgeClaim(claimOf(3, -3), referenceOf(4)).reason).to.equal("malformed");
    expect(judgeClaim({ ...claimOf(1, -3), top: [[]] }, referenceOf(1)).reason).to.equal("malformed");
    expect(judgeClaim(claimOf(0, -3), referenceOf(0)).reason).to.equal("malformed");
  });
});
