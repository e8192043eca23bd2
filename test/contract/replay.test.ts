import { expect } from "chai";
import { parseEther } from "ethers";
import { leaderboardOf } from "../../offchain/protocol/leaderboard.ts";
import { historyOf } from "../../offchain/protocol/networkHistory.ts";
import { compare } from "../../scripts/replay/compare.ts";
import { readEvents } from "../../scripts/replay/events.ts";
import type { Network } from "./network.ts";
import { ping } from "./pings.ts";
import { answer, Awaits, Kind, RoundDriver, scoring, verdict } from "./rounds.ts";
import { now, useNetwork } from "./suite.ts";

const ROUNDS = 200;

/** A small generator of repeatable choices (mulberry32). */
function choices(seed: number): (least: number, most: number) => number {
  let state = seed;
  return (least, most) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return least + (((t ^ (t >>> 14)) >>> 0) % (most - least + 1));
  };
}

/** One round with whatever goes wrong in it. Every act may fail to happen; the round is ended by a stranger all the same. */
async function faultyRound(net: Network, pick: (least: number, most: number) => number): Promise<void> {
  const { networkHelpers } = net;
  const round = await RoundDriver.open(net, pick(0, 1) === 0 ? Kind.Liveness : Kind.Capability);
  const faulty = () => pick(1, 10) === 1;
  for (let step = 0; step < 60; step++) {
    const awaits = await round.awaits();
    if (awaits === Awaits.Nothing) return;
    if (awaits === Awaits.Seed) await networkHelpers.mine(net.parameters.seedDelay + 1);
    else if (awaits === Awaits.Advance) {
      await round.advance().catch(async () => {
        await round.expire();
        await round.advance();
      });
    } else if (faulty()) await round.expire();
    else if (awaits === Awaits.Claim || awaits === Awaits.Topics)
      await round.pouw.connect(round.operator(await round.creator())).create(round.id, `0x${"0a".repeat(32)}`);
    else if (awaits === Awaits.Questions)
      await round.pouw.connect(round.operator(await round.preparer())).prepare(round.id, `0x${"0b".repeat(32)}`);
    else if (awaits === Awaits.Commitments) {
      const given = (await round.answerers()).flatMap((_, seat) => (faulty() ? [] : [answer(seat, faulty() ? 90 : seat, pick(1, 60))]));
      await round.commit(given);
      await networkHelpers.time.increase(1);
      if (given.length < (await round.answerers()).length) await round.expire();
      if ((await round.awaits()) !== Awaits.Openings) continue;
      await round.reveal(given.filter((_, i) => i !== 0 || !faulty()));
    } else if (awaits === Awaits.Scores) {
      const panel = await round.validators();
      const given = panel.flatMap((_, seat) => (faulty() ? [] : [scoring(seat, verdict([pick(0, 10), pick(4, 10), pick(4, 10)]))]));
      await round.commitScores(given);
      await networkHelpers.time.increase(1);
      if (given.length < panel.length) await round.expire();
      if ((await round.awaits()) !== Awaits.ScoreOpenings) continue;
      await round.revealScores(given.filter((_, i) => i !== 0 || !faulty()));
    } else await round.expire();
  }
  throw new Error(`round ${round.id} did not end`);
}

describe("Replay", () => {
  const net = useNetwork({ nodes: 9, parameters: { pool: { thaw: 86_400 } }, leased: false });

  it(`invariant 6: replay equals contract for reputation, levels and rewards after ${ROUNDS} rounds with faults, to the unit`, async () => {
    const { modules, record, ethers, operators, stranger } = net();
    const pick = choices(4);
    await modules.COR.transfer(modules.Rewards.target, parseEther("100000"));
    await modules.PoUW.setRules(
      Kind.Capability,
      { ...net().parameters.network.capability.rules, passesUp: 2, missesDown: 2, speed: 100 },
      `0x${"77".repeat(32)}`,
    );
    const claimed = new Set<string>();
    for (let i = 0; i < ROUNDS; i++) {
      await faultyRound(net(), pick);
      if (i % 10 === 0)
        await ping(
          net(),
          [...operators.keys()].filter(() => pick(1, 4) !== 1),
        );
      if (i % 50 === 20) await modules.NodePool.setLevel(pick(1, 9), pick(0, 10));
      if (i % 20 !== 19) continue;
      const node = pick(1, 9);
      const epoch = (await modules.Rewards.currentEpoch()) - 1n;
      if (!(await modules.Rewards.epochOf(epoch)).opened || claimed.has(`${epoch} ${node}`)) continue;
      claimed.add(`${epoch} ${node}`);
      await modules.Rewards.connect(operators.get(node)).claim(node, [epoch], stranger.address);
    }
    const history = historyOf(await readEvents(ethers.provider, record.addresses, 0));
    expect(history.rounds).to.equal(ROUNDS);
    const found = await compare(ethers.provider, record.addresses, history);
    expect(found.differences).to.deep.equal([]);
    expect(found.values).to.be.greaterThan(500);
    expect(Math.max(...history.levels.values())).to.be.greaterThan(0);
    const board = leaderboardOf(history, await now(net()));
    expect(board.length).to.equal(9);
    for (const [i, row] of board.entries()) {
      const before = board[i - 1];
      if (before !== undefined)
        expect(before.level > row.level || (before.level === row.level && before.score >= row.score)).to.equal(true);
      expect(BigInt(row.score)).to.equal(await modules.Reputation.networkScoreOf(row.node));
    }
    // The comparison sees a single wrong unit.
    history.standings.get(1)!.passes += 1;
    expect((await compare(ethers.provider, record.addresses, history)).differences.map(({ what }) => what)).to.deep.equal([
      "node 1 passes",
    ]);
  }).timeout(300_000);
});
