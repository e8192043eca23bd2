import { expect } from "chai";
import { parseEther } from "ethers";
import { CONDUCTS, LINES, MARKS, packPart, type Part, partOf, ROLES } from "../../offchain/protocol/parts.ts";
import { afterPart, type Move, NEW_STANDING, scoreAt, type Standing } from "../../offchain/protocol/standing.ts";
import { Random } from "../simulation/random.ts";
import { entryOf, eventsIn, nextAt, now, receiptOf, signerAt, useNetwork, write } from "./suite.ts";

const MOVES: Record<Move, bigint> = { stays: 0n, rises: 4n, falls: 8n };
const BATCHES = 60;

/** A standing as its slot holds it. */
function packedStanding(s: Standing): bigint {
  const fields: [number, number][] = [
    ...[s.createsAsked, s.creates, s.preparesAsked, s.prepares, s.scoresAsked, s.scores].map((count): [number, number] => [count, 16]),
    ...[s.answersAsked, s.commits, s.reveals, s.passes].map((count): [number, number] => [count, 24]),
    ...[s.streak, s.misses].map((count): [number, number] => [count, 8]),
    [s.score, 16],
    [s.updatedAt, 32],
  ];
  return fields.reduceRight((word, [value, bits]) => (word << BigInt(bits)) | BigInt(value), 0n);
}

describe("Standing", () => {
  const net = useNetwork({ nodes: 0, leased: false });
  const random = new Random(11);
  const pick = (most: number) => random.whole(0, most);
  const some = <T>(values: readonly T[]): T => random.pick(values);
  const randomPart = (): Part => ({
    node: 1 + pick(3),
    role: some(ROLES),
    conduct: some(CONDUCTS),
    mark: some(MARKS),
    level: pick(10),
    line: some(LINES),
    points: pick(0xffff),
  });

  it("invariant 6: any parts in any order move standings and levels alike in both languages, over months", async () => {
    const { modules, networkHelpers, ethers } = net();
    const { PoUW, Reputation } = modules;
    await networkHelpers.impersonateAccount(PoUW.target as string);
    await networkHelpers.setBalance(PoUW.target as string, parseEther("10"));
    const pouw = await ethers.getSigner(PoUW.target as string);
    const standings = new Map<number, Standing>();
    for (let batch = 0; batch < BATCHES; batch++) {
      const parts = Array.from({ length: 1 + pick(12) }, randomPart);
      const rules = { passesUp: 1 + pick(3), missesDown: 1 + pick(3) };
      const time = (await now(net())) + 1 + pick(40 * 86_400);
      let moves = 0n;
      for (const [i, part] of parts.entries()) {
        expect(partOf(packPart(part))).to.deep.equal(part);
        const [next, move] = afterPart(standings.get(part.node) ?? NEW_STANDING, part, rules, time);
        standings.set(part.node, next);
        moves |= MOVES[move] << BigInt(4 * i);
      }
      const given = [batch, parts.map(packPart), rules.passesUp, rules.missesDown] as const;
      const foretold = Reputation.interface.decodeFunctionResult(
        "book",
        await ethers.provider.call({
          from: PoUW.target,
          to: Reputation.target,
          data: Reputation.interface.encodeFunctionData("book", [...given]),
          blockTag: "pending",
        }),
      );
      expect(foretold[0]).to.equal(moves);
      await nextAt(net(), time);
      const receipt = await receiptOf(Reputation.connect(pouw).book(...given));
      expect([...(eventsIn(receipt, Reputation, "PartsBooked")[0]!["parts"] as bigint[])]).to.deep.equal(given[1]);
      for (const [node, { successes, ...standing }] of standings) {
        const found = (await Reputation.standingOf(node)) as unknown as Record<string, bigint>;
        for (const [name, value] of Object.entries(standing)) expect(Number(found[name]), `${name} of ${node}`).to.equal(value);
        expect([...(await Reputation.successesOf(node))].map(Number)).to.deep.equal(successes);
        expect(Number(await Reputation.networkScoreOf(node))).to.equal(scoreAt(standings.get(node)!, time));
      }
    }
  });

  it("F4 counters of network work stop at their greatest value and never wrap, each by itself", async () => {
    const { PoUW, Reputation } = net().modules;
    const pouw = await signerAt(net(), PoUW.target as string);
    const slot = entryOf("assurance/Reputation", "_standings", 1n);
    const full: Standing = {
      ...{ createsAsked: 0xffff, creates: 0xffff, preparesAsked: 0xffff, prepares: 0xffff, scoresAsked: 0xffff, scores: 0xffff },
      ...{ answersAsked: 0xffffff, commits: 0xffffff, reveals: 0xffffff, passes: 0xffffff, streak: 255, misses: 255 },
      ...{ score: 10_000, updatedAt: 0, successes: [] },
    };
    const rules = { passesUp: 255, missesDown: 255 };
    for (const below of [0, 1])
      for (const role of ROLES)
        for (const mark of MARKS) {
          const time = (await now(net())) + 5;
          const counters = Object.fromEntries(Object.entries(full).map(([name, value]) => [name, Number(value) - below]));
          const stored = { ...full, ...counters, updatedAt: time - 1, successes: [] };
          await write(net(), Reputation, slot, packedStanding(stored));
          const part: Part = { node: 1, role, conduct: "opened", mark, level: 3, line: "health", points: 1 };
          const [wanted] = afterPart(stored, part, rules, time);
          await nextAt(net(), time);
          await Reputation.connect(pouw).book(1, [packPart(part)], rules.passesUp, rules.missesDown);
          const found = (await Reputation.standingOf(1)) as unknown as Record<string, bigint>;
          for (const [name, value] of Object.entries({ ...wanted, successes: undefined }))
            if (value !== undefined) expect(Number(found[name]), `${name} of a ${role}, ${mark}, ${below} below`).to.equal(value);
        }
  });

  it("only PoUW books", async () => {
    const { Reputation } = net().modules;
    await expect(Reputation.connect(net().deployer).book(1, [], 1, 1)).to.be.revertedWithCustomError(Reputation, "ReputationUnauthorized");
  });
});
