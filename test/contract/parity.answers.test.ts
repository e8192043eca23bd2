import { expect } from "chai";
import { concat, toBeHex } from "ethers";
import fc from "fast-check";
import {
  applyChanges,
  changesBetween,
  decodeAnswers,
  decodeOutcomes,
  decodePromptTokens,
  encodeAnswers,
  encodeOutcomes,
  encodePromptTokens,
} from "../../offchain/protocol/answers.ts";
import { commitmentOf, extend, termsHash } from "../../offchain/protocol/commitment.ts";
import { encodeHandover } from "../../offchain/protocol/handover.ts";
import type { Answer } from "../../offchain/protocol/types.ts";
import { bytes32, closedFacts, handovers, hex, upTo } from "./samples.ts";
import { askMany, deployLibraries, errorIn, patience, RUNS, useNetwork, writeFacts, writeRecord } from "./suite.ts";

const answer: fc.Arbitrary<Answer> = fc.record({ digest: bytes32, sketch: bytes32, tokens: upTo(24), finish: upTo(8) });
const hexOf = (bytes: Uint8Array) => `0x${Buffer.from(bytes).toString("hex")}`;

describe("Parity of answers", function () {
  this.timeout(patience(60_000));
  const net = useNetwork({ nodes: 0, leased: false });

  it(`Answers.digestAt, sketchAt and tokensAt read what encodeAnswers wrote and decodeAnswers reads, for ${RUNS} answers`, async () => {
    const libraries = await deployLibraries(net());
    for (const list of fc.sample(fc.array(answer, { minLength: 20, maxLength: 20 }), { numRuns: RUNS / 20, seed: 12 })) {
      const packed = encodeAnswers(list);
      expect(decodeAnswers(packed)).to.deep.equal(list);
      const found = await libraries.answersIn(packed);
      list.forEach(({ digest, sketch, tokens }, i) => expect([...found[i]!]).to.deep.equal([digest, sketch, BigInt(tokens)]));
    }
  });

  it(`Answers.promptTokensAt reads what encodePromptTokens wrote and decodePromptTokens reads, for ${RUNS} prompts`, async () => {
    const libraries = await deployLibraries(net());
    for (const list of fc.sample(fc.array(upTo(24), { minLength: 50, maxLength: 50 }), { numRuns: RUNS / 50, seed: 13 })) {
      const packed = encodePromptTokens(list);
      expect(decodePromptTokens(packed)).to.deep.equal(list);
      expect([...(await libraries.promptTokensIn(packed))].map(Number)).to.deep.equal(list);
    }
  });

  it(`Answers.setOutcome writes what encodeOutcomes writes and decodeOutcomes reads, for ${RUNS} outcomes`, async () => {
    const libraries = await deployLibraries(net());
    const outcome = fc.record({ canonicalSeat: fc.option(fc.integer({ min: 0, max: 8 })), accepted: upTo(12) });
    for (const list of fc.sample(fc.array(outcome, { minLength: 25, maxLength: 25 }), { numRuns: RUNS / 25, seed: 14 })) {
      const values = list.map(({ canonicalSeat, accepted }) => ((canonicalSeat ?? 15) << 12) | accepted);
      const packed = await libraries.outcomes(values);
      expect(packed).to.equal(encodeOutcomes(list));
      expect(decodeOutcomes(packed)).to.deep.equal(list);
    }
  });

  it(`Answers.patch undoes changesBetween as applyChanges does, for ${RUNS} pairs`, async () => {
    const libraries = await deployLibraries(net());
    const pair = fc
      .array(fc.tuple(answer, fc.option(answer)), { minLength: 1, maxLength: 12 })
      .map((both) => [encodeAnswers(both.map(([one]) => one)), encodeAnswers(both.map(([one, other]) => other ?? one))] as const);
    const given = fc.sample(pair, { numRuns: RUNS, seed: 15 });
    const calls = given.map(([base, other]) => libraries.interface.encodeFunctionData("patched", [base, changesBetween(base, other)]));
    const { answers } = await askMany(net(), libraries, libraries, calls);
    given.forEach(([base, other], i) => {
      const [patched] = libraries.interface.decodeFunctionResult("patched", answers[i]!);
      expect(patched, `pair ${i}`).to.equal(other);
      expect(applyChanges(base, changesBetween(base, other)), `pair ${i}`).to.equal(other);
    });
  });

  it(`C2 SessionQueue refuses changes exactly where applyChanges throws, and applies them alike, for ${RUNS} lists of any bytes`, async () => {
    const queue = net().modules.SessionQueue;
    const libraries = await deployLibraries(net());
    const [sample] = handovers(net().domain, 50, 16).filter(({ twin, opened }) => opened === 1 && twin.openings.length === 1);
    const { task, terms } = sample!.twin;
    await writeFacts(net(), task, closedFacts(sample!));
    await writeRecord(net(), task, 1n);
    const prompts = decodePromptTokens(terms.promptTokens).length;
    const body = fc.uint8Array({ minLength: 68, maxLength: 68 }).map(hexOf);
    const change = fc.tuple(fc.integer({ min: 0, max: prompts }), body);
    const changes = fc
      .record({
        records: fc.array(change, { maxLength: 5 }),
        ascending: fc.boolean(),
        tail: fc.oneof(fc.constant("0x"), fc.uint8Array({ maxLength: 69 }).map(hexOf)),
      })
      .map(({ records, ascending, tail }) => {
        if (ascending) records.sort(([a], [b]) => a - b);
        return concat([...records.flatMap(([prompt, bytes]) => [toBeHex(prompt, 2), bytes]), tail]);
      });
    const given = fc.sample(changes, { numRuns: RUNS, seed: 17 });
    const opening = sample!.twin.openings[0]!;
    const calls = given.map((list) => {
      const handover = { ...encodeHandover(sample!.twin), changes: [list] };
      return queue.interface.encodeFunctionData("settle", [handover]);
    });
    const { answers } = await askMany(net(), libraries, queue, calls);
    let refused = 0;
    given.forEach((list, i) => {
      const { name, args } = errorIn(queue, answers[i]!);
      const applied = attempt(() => applyChanges(sample!.twin.base, list));
      if (applied === null) {
        refused++;
        expect(name, `list ${i}: ${list}`).to.equal("SessionQueueChangesMalformed");
        return;
      }
      const commitment = commitmentOf(net().domain, task, opening.node, terms, applied, opening.claim, opening.secret);
      const wanted = extend(termsHash(task, terms), { seat: opening.seat, node: opening.node, commitment });
      expect([name, ...args], `list ${i}`).to.deep.equal(["SessionQueueTranscriptMismatch", task, wanted, hex(1n)]);
    });
    expect(Math.min(refused, RUNS - refused), "refused and applied").to.be.greaterThan(RUNS / 10);
  });
});

function attempt(work: () => string): string | null {
  try {
    return work();
  } catch {
    return null;
  }
}
