import { expect } from "chai";
import fc from "fast-check";
import {
  committee,
  decidingBlock,
  drawLease,
  membersOf,
  permutation,
  placeOf,
  roll,
  seedOf,
  taskSeed,
} from "../../offchain/protocol/draw.ts";
import { MODEL, type Network, wanted } from "./network.ts";
import { bytes32, hex, uint } from "./samples.ts";
import { askMany, deployLibraries, eventsIn, inBatches, patience, receiptOf, RUNS, useNetwork } from "./suite.ts";

const NODES = 14;

describe("Parity of draws", function () {
  this.timeout(patience(60_000));
  const net = useNetwork({ nodes: NODES, leased: false });

  it(`D3 Draw.roll and place = roll and placeOf, for ${RUNS} seeds`, async () => {
    const libraries = await deployLibraries(net());
    const given = fc.sample(fc.tuple(bytes32, fc.integer({ min: 0, max: 9 }), fc.integer({ min: 1, max: 1_000_000 })), {
      numRuns: RUNS,
      seed: 20,
    });
    const lists = [given.map(([seed]) => seed), given.map(([, i]) => i), given.map(([, , size]) => size)];
    const found = await inBatches<bigint>(net(), libraries, "picks", ...lists);
    given.forEach(([seed, i, size], run) => expect(Number(found[run]), `pick ${run}`).to.equal(placeOf(roll(seed, i), size)));
  });

  it(`D3 Draw.permutation = permutation, for ${RUNS} seeds`, async () => {
    const libraries = await deployLibraries(net());
    const sample = fc
      .tuple(uint(96), fc.integer({ min: 1, max: 10 }), fc.integer({ min: 0, max: 9 }))
      .map(([seed, size, less]) => ({ seed, size, count: Math.max(1, size - less) }));
    const given = fc.sample(sample, { numRuns: RUNS, seed: 21 });
    const lists = [given.map(({ seed }) => seed), given.map(({ size }) => size), given.map(({ count }) => count)];
    const found = await inBatches<bigint>(net(), libraries, "permutations", ...lists);
    given.forEach(({ seed, size, count }, run) => {
      const places = permutation(seed, size, count);
      expect(new Set(places).size, `D1 places of ${run} are distinct`).to.equal(count);
      expect(found[run], `permutation ${run}`).to.equal(places.reduce((packed, place, i) => packed | (BigInt(place) << BigInt(4 * i)), 0n));
    });
  });

  it(`D3 D6 the nodes that NodePool.lease draws = drawLease, and committees = committee, for ${RUNS} leases and ${RUNS} tasks`, async () => {
    const { modules } = net();
    const pool = modules.NodePool;
    const libraries = await deployLibraries(net());
    const queue = await queueSigner(net());
    let dense = [...(await pool.eligible(MODEL, 0, 100))].map(Number);
    expect(dense).to.have.length(NODES);
    const given = fc.sample(fc.tuple(bytes32, fc.integer({ min: 1, max: 10 }), uint(96), fc.integer({ min: 0, max: 9 })), {
      numRuns: RUNS,
      seed: 22,
    });
    const leases: number[][] = [];
    const options = { gasLimit: 5_000_000, gasPrice: 10n ** 9n };
    for (const [i, [seed, size]] of given.entries()) {
      const receipt = await receiptOf(pool.connect(queue).lease(wanted(MODEL, size), seed, 2 ** 40 - 1, options));
      const [drawn] = eventsIn(receipt, pool, "LeaseDrawn");
      const { members, rest } = drawLease(dense, seed, size);
      expect(membersOf(BigInt(drawn!["members"]), Number(drawn!["size"])), `lease ${i}`).to.deep.equal(members);
      await receiptOf(pool.connect(queue).release(BigInt(drawn!["lease"]), options));
      // Released members join the end of the list in the order in which they were drawn.
      dense = [...rest, ...members];
      leases.push(members);
    }
    expect([...(await pool.eligible(MODEL, 0, 100))].map(Number)).to.deep.equal(dense);
    const sizes = given.map(([, size, , less]) => Math.max(1, size - less));
    const calls = given.map(([, , seed], i) => pool.interface.encodeFunctionData("committee", [i + 1, seed, sizes[i]!]));
    const { answers } = await askMany(net(), libraries, pool, calls);
    given.forEach(([, , seed], i) => {
      const [seats] = pool.interface.decodeFunctionResult("committee", answers[i]!);
      const nodes = [...(seats as Iterable<bigint>)].map((seat) => Number(seat >> 160n));
      expect(nodes, `committee ${i}`).to.deep.equal(committee(leases[i]!, seed, sizes[i]!));
    });
  }).timeout(patience(120_000));

  it(`D5 BlockRandomness.decidingBlock and seedOf = decidingBlock, seedOf and taskSeed, for ${RUNS} blocks up to 1,500 back`, async () => {
    const { modules, networkHelpers, ethers } = net();
    const randomness = modules.BlockRandomness;
    const libraries = await deployLibraries(net());
    await networkHelpers.mine(1_600);
    const block = await networkHelpers.time.latestBlock();
    const given = fc.sample(fc.tuple(fc.integer({ min: 1, max: 1_500 }), uint(64)), { numRuns: RUNS, seed: 23 });
    const calls = given.flatMap(([back, task]) => [
      randomness.interface.encodeFunctionData("decidingBlock", [block - back]),
      randomness.interface.encodeFunctionData("seedOf", [block - back, hex(task)]),
      randomness.interface.encodeFunctionData("isFirstSeed", [block - back]),
    ]);
    const { answers, blockNumber } = await askMany(net(), libraries, randomness, calls);
    const hashes = new Map<number, string>();
    for (const [i, [back, task]] of given.entries()) {
      const decides = decidingBlock(block - back, blockNumber);
      expect(Number(answers[3 * i]), `${back} back`).to.equal(decides);
      if (!hashes.has(decides)) hashes.set(decides, (await ethers.provider.getBlock(decides))!.hash!);
      const seed = seedOf(hashes.get(decides)!, hex(task));
      expect(answers[3 * i + 1], `${back} back`).to.equal(seed);
      expect(taskSeed(hashes.get(decides)!, task)).to.equal(BigInt(seed) & (2n ** 96n - 1n));
      expect(BigInt(answers[3 * i + 2]!) === 1n, `first seed ${back} back`).to.equal(decides === block - back);
    }
  });
});

/** The queue's address as a sender. */
async function queueSigner({ networkHelpers, modules, ethers }: Network) {
  const queue = modules.SessionQueue.target as string;
  await networkHelpers.impersonateAccount(queue);
  await networkHelpers.setBalance(queue, 10n ** 24n);
  return ethers.getSigner(queue);
}
