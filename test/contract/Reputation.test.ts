import { expect } from "chai";
import { agreeing, differing } from "./network.ts";
import { deployLibraries, entryOf, moveTo, now, useNetwork } from "./suite.ts";

const MONTH = 30 * 86_400;
const FLOOR = 1_000;
const MAX = 10_000;

describe("Reputation", () => {
  const net = useNetwork({ nodes: 3 });
  const reputation = () => net().modules.Reputation;
  const scoreOf = async (node: number) => Number(await reputation().scoreOf(node));
  /** A task on which all agree. */
  async function serve() {
    const task = await net().submit();
    await net().commitCarried(task);
    await net().networkHelpers.mine(1);
    await net().modules.SessionQueue.reveal(net().handover(task));
  }

  it("F4 a node that nothing is known about has the floor", async () => {
    expect([...(await reputation().scoreBounds())].map(Number)).to.deep.equal([FLOOR, MAX]);
    for (const node of [1, 99]) {
      expect([...(await reputation().recordOf(node))].map(Number)).to.deep.equal([0, 0, 0, 0, 0, FLOOR, 0]);
      expect(await scoreOf(node)).to.equal(FLOOR);
    }
  });

  it("F4 every accepted task closes a sixteenth of the distance to the top, which is never passed", async () => {
    let expected = FLOOR;
    for (let i = 0; i < 12; i++) {
      await serve();
      expected += Math.floor((MAX - expected) / 16);
      expect(await scoreOf(1)).to.equal(expected);
    }
    expect(expected).to.be.lessThan(MAX);
    const record = await reputation().recordOf(1);
    expect([record.tasks, record.commits, record.reveals, record.accepted, record.outliers].map(Number)).to.deep.equal([12, 12, 12, 12, 0]);
    expect(Number(record.updatedAt)).to.equal(await now(net()));
  });

  it("F4 an outlier loses an eighth, and as many wins as losses in one task leave the score", async () => {
    const outlier = async (prompts: number, lost: number) => {
      const task = await net().submit(prompts);
      const seats = await net().seatsOf(task);
      const seat = seats.indexOf(1);
      await net().commitCarried(task, (one) =>
        agreeing(prompts).map((answer, i) => (one === seat && i < lost ? differing(prompts, one, 60)[i]! : answer)),
      );
      await net().networkHelpers.mine(1);
      await net().modules.SessionQueue.reveal(net().handover(task));
    };
    await outlier(1, 1);
    expect(await scoreOf(1)).to.equal(875);
    await outlier(2, 1);
    expect(await scoreOf(1)).to.equal(875);
    await outlier(3, 2);
    expect(await scoreOf(1)).to.equal(875 - 109);
    await outlier(3, 1);
    expect(await scoreOf(1)).to.equal(766 + Math.floor((MAX - 766) / 16));
    const record = await reputation().recordOf(1);
    expect([record.accepted, record.outliers].map(Number)).to.deep.equal([4, 5]);
  });

  it("F4 who is silent and who keeps an answer back are counted apart, and neither as one that revealed", async () => {
    const { modules } = net();
    await serve();
    const task = await net().submit();
    const seats = await net().seatsOf(task);
    await net().commitCarried(task, (seat) => (seat === 2 ? null : agreeing(1)));
    const { commitsCloseAt, revealWindow } = await net().factsOf(task);
    await moveTo(net(), Number(commitsCloseAt) + Number(revealWindow) + 1);
    await modules.SessionQueue.settle(net().handover(task, []));
    const counts = async (node: number) => {
      const { tasks, commits, reveals } = await reputation().recordOf(node);
      return [tasks, commits, reveals].map(Number);
    };
    expect(await counts(seats[2]!)).to.deep.equal([2, 1, 1]);
    for (const kept of seats.slice(0, 2)) expect(await counts(kept)).to.deep.equal([2, 2, 1]);
  });

  it("halves its distance to the floor with every thirty days without an outcome, from either side", async () => {
    await serve();
    const last = await now(net());
    expect(await scoreOf(1)).to.equal(1_562);
    for (const [days, expected] of [
      [MONTH - 1, 1_562],
      [MONTH, 1_281],
      [2 * MONTH - 1, 1_281],
      [2 * MONTH, 1_140],
      [9 * MONTH, 1_001],
      [11 * MONTH, 1_000],
    ] as const) {
      await moveTo(net(), last + days);
      expect(await scoreOf(1), `${days} s`).to.equal(expected);
    }
  });

  it("F4 decays totally: for any score and time the result lies between score and floor", async () => {
    const libraries = await deployLibraries(net());
    const scores = [0, 1, 500, 999, 1_000, 1_001, 5_000, 9_999, MAX];
    const times = [0n, BigInt(MONTH) - 1n, BigInt(MONTH), BigInt(20 * MONTH), BigInt(300 * MONTH), 2n ** 40n, 2n ** 255n];
    const pairs = scores.flatMap((score) => times.map((time) => [score, time] as const));
    const found = await libraries.decayed(
      pairs.map(([score]) => score),
      pairs.map(([, time]) => time),
    );
    pairs.forEach(([score, time], i) => {
      const halvings = time / BigInt(MONTH);
      const away = halvings > 14n ? 0 : Math.abs(score - FLOOR) >> Number(halvings);
      expect(Number(found[i]), `${score} after ${time}`).to.equal(score >= FLOOR ? FLOOR + away : FLOOR - away);
    });
  });

  it("F4 counters stop at their greatest value and never wrap", async () => {
    const { modules, networkHelpers } = net();
    const slot = entryOf("service/SessionPayment", "_nodes", 1n);
    const full = (2n ** 256n - 1n) ^ (2n ** 144n - 1n);
    const second = BigInt(await now(net()));
    const word = full | (10_000n << 128n) | (second << 96n) | 5n;
    await networkHelpers.setStorageAt(modules.SessionPayment.target as string, slot, `0x${word.toString(16)}`);
    await serve();
    const record = await reputation().recordOf(1);
    expect([record.tasks, record.accepted, record.outliers, record.score].map(Number)).to.deep.equal([
      2 ** 24 - 1,
      2 ** 32 - 1,
      2 ** 24 - 1,
      MAX,
    ]);
    expect(await modules.SessionPayment.owedToNode(1)).to.equal(5n + 135n * 10n ** 15n);
  });
});
