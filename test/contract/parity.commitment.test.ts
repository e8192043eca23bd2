import { expect } from "chai";
import { computeAddress, Signature, SigningKey } from "ethers";
import fc from "fast-check";
import { commitDigest, commitmentOf, termsHash, transcriptOf } from "../../offchain/protocol/commitment.ts";
import { encodeTerms } from "../../offchain/protocol/terms.ts";
import { bytes32, closedFacts, handovers, hex, terms, uint, upTo } from "./samples.ts";
import { askMany, deployLibraries, errorIn, eventsIn, patience, receiptOf, RUNS, useNetwork, writeFacts, writeRecord } from "./suite.ts";

describe("Parity of commitments", function () {
  this.timeout(patience(60_000));
  const net = useNetwork({ nodes: 0, leased: false });
  const serving = useNetwork();

  it(`C2 SessionQueue.commitmentOf = commitmentOf, for ${RUNS} results`, async () => {
    const queue = net().modules.SessionQueue;
    const libraries = await deployLibraries(net());
    const result = fc.record({
      task: uint(64),
      attempt: fc.integer({ min: 0, max: 1 }),
      node: upTo(24),
      terms,
      answers: fc.uint8Array({ maxLength: 300 }).map((bytes) => `0x${Buffer.from(bytes).toString("hex")}`),
      claim: bytes32,
      salt: bytes32,
    });
    const given = fc.sample(result, { numRuns: RUNS, seed: 10 });
    const calls = given.map(({ task, attempt, node, terms, answers, claim, salt }) =>
      queue.interface.encodeFunctionData("commitmentOf", [task, attempt, node, encodeTerms(terms), answers, claim, salt]),
    );
    const { answers } = await askMany(net(), libraries, queue, calls);
    given.forEach(({ task, attempt, node, terms, answers: list, claim, salt }, i) => {
      expect(answers[i], `result ${i}`).to.equal(commitmentOf(net().domain, task, node, terms, list, claim, salt, attempt));
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

  it(`H5 the signer that SessionQueue.commitMany recovers = who signed commitDigest, for ${RUNS} commitments`, async () => {
    const { modules, domain } = serving();
    const queue = modules.SessionQueue;
    const task = await serving().submit();
    const nodes = await serving().seatsOf(task);
    const entry = fc.record({ seat: fc.integer({ min: 0, max: 2 }), commitment: uint(256), key: fc.bigInt({ min: 1n, max: 2n ** 255n }) });
    const given = fc.sample(entry, { numRuns: RUNS, seed: 24 }).map(({ seat, commitment, key }) => {
      const signer = new SigningKey(hex(key));
      // A signed zero is refused for being zero.
      const digest = hex(commitment === 0n ? 1n : commitment);
      const { r, yParityAndS } = Signature.from(signer.sign(commitDigest(domain, task.id, nodes[seat]!, digest)));
      return { signer: computeAddress(signer.publicKey), seat, signed: { seat, commitment: digest, r, vs: yParityAndS } };
    });
    const found: unknown[][] = [];
    for (let i = 0; i < RUNS; i += 100) {
      const list = given.slice(i, i + 100).map(({ signed }) => signed);
      const receipt = await receiptOf(queue.commitMany([{ task: task.id, commitments: list }]));
      found.push(...eventsIn(receipt, queue, "EntrySkipped").map((args) => [...errorIn(queue, args["reason"] as string).args]));
    }
    // None of them is an operator, so the signer shows in the refusal.
    const operators = nodes.map((node) => serving().operators.get(node)!.address);
    expect(found).to.deep.equal(given.map(({ signer, seat }) => [task.id, BigInt(seat), signer, operators[seat]]));
  });
});
