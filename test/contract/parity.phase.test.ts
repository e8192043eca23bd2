import { expect } from "chai";
import fc from "fast-check";
import { factsFrom } from "../../offchain/protocol/events.ts";
import { phaseOf } from "../../offchain/protocol/phases.ts";
import { type Facts, Phase, State, Status } from "../../offchain/protocol/types.ts";
import { askMany, deployLibraries, moveTo, now, patience, RUNS, useNetwork, writeFacts, writeRecord } from "./suite.ts";

const RING = 64;
/** Seconds after the first look at which all tasks are looked at again: around the edges of the random windows. */
const LOOKS = [1, 4, 10, 18, 30, 60];

/** A task as it might be stored: times are relative to the clock of the test. */
interface Sample {
  number: number;
  closesIn: number;
  seedIn: number;
  seed: bigint;
  facts: Omit<Facts, "seed" | "commitsCloseAt" | "generation" | "status">;
  mine: boolean;
  record: bigint;
  status: Status;
}

const seats = fc.integer({ min: 0, max: 0x1ff });
const sample: fc.Arbitrary<Sample> = fc
  .record({
    number: fc.integer({ min: 1, max: 64 * 65_535 }),
    closesIn: fc.integer({ min: -40, max: 45 }),
    seedIn: fc.integer({ min: -8, max: 12 }),
    seed: fc.bigInt({ min: 0n, max: 2n ** 96n - 1n }),
    lease: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2 ** 32 - 1 })),
    revealWindow: fc.integer({ min: 0, max: 40 }),
    committed: seats,
    hidden: fc.oneof(fc.constant(0), seats),
    redundancy: fc.integer({ min: 1, max: 9 }),
    quorum: fc.integer({ min: 1, max: 9 }),
    commitWindow: fc.integer({ min: 0, max: 40 }),
    attempt: fc.integer({ min: 0, max: 1 }),
    standby: fc.boolean(),
    stoodIn: fc.boolean(),
    judged: fc.integer({ min: 0, max: 3 }).map((dice) => dice === 0),
    state: fc.constantFrom(State.Empty, State.Unseeded, State.Unseeded, State.Seeded, State.Seeded, State.Ended),
    mine: fc.integer({ min: 0, max: 9 }).map((dice) => dice !== 0),
    ended: fc.constantFrom(Status.None, Status.Accepted, Status.Inconclusive, Status.Failed, Status.Cancelled),
    hash: fc.bigInt({ min: 1n, max: 2n ** 256n - 1n }),
  })
  .map(({ number, closesIn, seedIn, seed, mine, ended, hash, hidden, ...facts }) => {
    const runs = mine && (facts.state === State.Unseeded || facts.state === State.Seeded);
    const status = runs ? Status.Open : ended;
    // While a task runs its record is a hash with any first byte; afterwards that byte is the status.
    const record = runs ? hash : ended === Status.None ? 0n : (BigInt(ended) << 248n) | (hash >> 8n);
    return { number, closesIn, seedIn, seed, mine, record, status, facts: { ...facts, revealed: facts.committed & ~hidden } };
  });

const word = (f: Facts): bigint =>
  f.seed |
  (BigInt(f.lease) << 96n) |
  (BigInt(f.commitsCloseAt) << 128n) |
  (BigInt(f.revealWindow) << 160n) |
  (BigInt(f.commitWindow) << 176n) |
  (BigInt(f.committed) << 192n) |
  (BigInt(f.revealed) << 204n) |
  (BigInt(f.redundancy) << 216n) |
  (BigInt(f.quorum) << 220n) |
  (BigInt(f.generation) << 224n) |
  (BigInt(f.state) << 240n) |
  (flags(f) << 248n);

/** As in TaskFactsLib: nodes are still to be drawn where there is no lease; second attempt; standby; stood in; judged. */
const flags = (f: Facts): bigint =>
  [f.lease === 0, f.attempt === 1, f.standby, f.stoodIn, f.judged].reduce((word, flag, i) => word | (flag ? 1n << BigInt(i) : 0n), 0n);

describe("Parity of phases", function () {
  this.timeout(patience(60_000));
  const net = useNetwork({ nodes: 0, leased: false });

  it(`B3 SessionQueue.phaseOf and factsOf = phaseOf and factsFrom, for ${RUNS} stored facts at ${LOOKS.length} times`, async () => {
    const { modules, networkHelpers } = net();
    const queue = modules.SessionQueue;
    const libraries = await deployLibraries(net());
    await networkHelpers.mine(50);
    const [start, block] = [await now(net()), await networkHelpers.time.latestBlock()];
    const stored = new Map<bigint, { facts: Facts; known: boolean }>();
    for (const [i, one] of fc.sample(sample, { numRuns: RUNS, seed: 1 }).entries()) {
      const task = (BigInt(i + 1) << 32n) | BigInt(one.number);
      const generation = Math.floor(one.number / RING);
      const facts: Facts = {
        ...one.facts,
        seed: one.facts.state === State.Unseeded ? BigInt(block + one.seedIn) : one.seed,
        commitsCloseAt: start + one.closesIn,
        generation: one.mine ? generation : (generation + 1) & 0xffff,
        status: one.status,
      };
      await writeFacts(net(), task, word(facts));
      await writeRecord(net(), task, one.record);
      stored.set(task, { facts, known: one.mine && one.record !== 0n });
    }
    const seen = new Set<Phase>();
    for (const look of LOOKS) {
      await moveTo(net(), start + look);
      const tasks = [...stored.keys()];
      const calls = tasks.flatMap((task) => [
        queue.interface.encodeFunctionData("phaseOf", [task]),
        queue.interface.encodeFunctionData("factsOf", [task]),
      ]);
      const { answers, ...clock } = await askMany(net(), libraries, queue, calls);
      expect(clock.timestamp).to.equal(start + look);
      tasks.forEach((task, i) => {
        const [phase] = queue.interface.decodeFunctionResult("phaseOf", answers[2 * i]!);
        const [facts, status] = queue.interface.decodeFunctionResult("factsOf", answers[2 * i + 1]!);
        const found = factsFrom(facts, status);
        const expected = stored.get(task)!;
        if (expected.known) expect(found, `facts of ${task}`).to.deep.equal(expected.facts);
        else expect(found.status, `status of ${task}`).to.equal(expected.facts.status);
        expect(Number(phase), `phase of ${task} after ${look} s`).to.equal(phaseOf(found, clock));
        seen.add(Number(phase) as Phase);
      });
    }
    // Appealable follows a verdict, which Validation keeps: see its own tests.
    expect([...seen].sort(), "every phase occurred").to.deep.equal(Object.values(Phase).filter((phase) => phase !== Phase.Appealable));
  });
});
