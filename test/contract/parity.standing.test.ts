import { expect } from "chai";
import { parseEther } from "ethers";
import { CONDUCTS, LINES, MARKS, packPart, type Part, partOf, ROLES } from "../../offchain/protocol/parts.ts";
import { afterPart, type Move, NEW_STANDING, scoreAt, type Standing } from "../../offchain/protocol/standing.ts";
import { eventsIn, nextAt, now, receiptOf, useNetwork } from "./suite.ts";

const MOVES: Record<Move, bigint> = { stays: 0n, rises: 4n, falls: 8n };
const BATCHES = 60;

describe("Standing", () => {
  const net = useNetwork({ nodes: 0, leased: false });
  let state = 11;
  const pick = (most: number) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) % (most + 1);
  };
  const some = <T>(values: readonly T[]): T => values[pick(values.length - 1)]!;
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

  it("only PoUW books", async () => {
    const { Reputation } = net().modules;
    await expect(Reputation.connect(net().deployer).book(1, [], 1, 1)).to.be.revertedWithCustomError(Reputation, "ReputationUnauthorized");
  });
});
