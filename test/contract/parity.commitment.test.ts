import { expect } from "chai";
import fc from "fast-check";
import { commitmentOf, termsHash, transcriptOf } from "../../offchain/protocol/commitment.ts";
import { encodeTerms } from "../../offchain/protocol/terms.ts";
import { bytes32, closedFacts, handovers, hex, terms, uint, upTo } from "./samples.ts";
import { askMany, deployLibraries, errorIn, useNetwork, writeFacts, writeRecord } from "./suite.ts";

const RUNS = 1_000;

describe("Parity of commitments", () => {
  const net = useNetwork({ nodes: 0, leased: false });

  it(`C2 SessionQueue.commitmentOf = commitmentOf, for ${RUNS} results`, async () => {
    const queue = net().modules.SessionQueue;
    const libraries = await deployLibraries(net());
    const result = fc.record({
      task: uint(64),
      node: upTo(24),
      terms,
      answers: fc.uint8Array({ maxLength: 300 }).map((bytes) => `0x${Buffer.from(bytes).toString("hex")}`),
      claim: bytes32,
      salt: bytes32,
    });
    const given = fc.sample(result, { numRuns: RUNS, seed: 10 });
    const calls = given.map(({ task, node, terms, answers, claim, salt }) =>
      queue.interface.encodeFunctionData("commitmentOf", [task, node, encodeTerms(terms), answers, claim, salt]),
    );
    const { answers } = await askMany(net(), libraries, queue, calls);
    given.forEach(({ task, node, terms, answers: list, claim, salt }, i) => {
      expect(answers[i], `result ${i}`).to.equal(commitmentOf(net().domain, task, node, terms, list, claim, salt));
    });
    expect(new Set(answers).size).to.equal(RUNS);
  });

  it(`C2 the transcript that SessionQueue replays = termsHash and transcriptOf, for ${RUNS} handovers`, async () => {
    const queue = net().modules.SessionQueue;
    const libraries = await deployLibraries(net());
    const given = handovers(net().domain, RUNS, 11);
    for (const one of given) {
      await writeFacts(net(), one.twin.task, closedFacts(one));
      await writeRecord(net(), one.twin.task, 1n);
    }
    const calls = given.map(({ encoded }) => queue.interface.encodeFunctionData("settle", [encoded]));
    const { answers } = await askMany(net(), libraries, queue, calls);
    given.forEach(({ twin, commits }, i) => {
      // The record is wrong, so the transcript shows in the refusal.
      const { name, args } = errorIn(queue, answers[i]!);
      const wanted = commits.length === 0 ? termsHash(twin.task, twin.terms) : transcriptOf(twin.task, twin.terms, commits);
      expect([name, ...args], `handover ${i}`).to.deep.equal(["SessionQueueTranscriptMismatch", twin.task, wanted, hex(1n)]);
    });
  });
});
