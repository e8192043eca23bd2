import { expect } from "chai";
import { Status } from "../../offchain/protocol/types.ts";
import { agreeing, differing, type Network, type Task } from "./network.ts";
import { receiptOf, useNetwork } from "./suite.ts";

/** A call that hands on 63/64 of its gas may go on after what it called ran out: whoever chooses the gas chooses where. */
describe("SessionQueue: calls with too little gas", () => {
  const net = useNetwork();
  const STEPS = 40;

  /** Everything that a settlement moves. */
  async function books({ modules, session, operators, keeper, router, deployer }: Network, tasks: Task[]): Promise<unknown[]> {
    const { SessionPayment, SessionQueue, NodePool, Reputation } = modules;
    const nodes = [...operators.keys()];
    return [
      ...(await SessionPayment.balanceOf(session)),
      await SessionPayment.liabilities(),
      ...(await Promise.all(nodes.map((node) => SessionPayment.owedToNode(node)))),
      ...(await Promise.all(nodes.map(async (node) => (await Reputation.recordOf(node)).tasks))),
      ...(await Promise.all([keeper, router, deployer].map((account) => SessionPayment.owedTo(account.address)))),
      (await SessionPayment.accountOf(keeper.address)).fees,
      ...(await NodePool.totals()),
      ...(await Promise.all(tasks.map(async (task) => (await SessionQueue.factsOf(task.id))[1]))),
    ].map(String);
  }

  async function ready(answer: (seat: number) => ReturnType<typeof agreeing>): Promise<Task> {
    const task = await net().submit();
    await net().commitCarried(task, answer);
    await net().networkHelpers.mine(1);
    return task;
  }

  it("G2 with any gas, an opening reverts whole or settles whole, for answers that agree and that differ", async () => {
    const { modules, keeper } = net();
    for (const answer of [() => agreeing(1), (seat: number) => differing(1, seat, 3)]) {
      const task = await ready(answer);
      const reveal = (options: object) => modules.SessionQueue.connect(keeper).reveal(net().handover(task), options);
      const fresh = await net().networkHelpers.takeSnapshot();
      const before = await books(net(), [task]);
      const { gasUsed } = await receiptOf(reveal({ gasLimit: 10_000_000 }));
      const after = await books(net(), [task]);
      expect(after).not.to.deep.equal(before);
      await fresh.restore();
      let reverted = 0;
      for (let step = 1; step <= STEPS; step++) {
        const gasLimit = (gasUsed * BigInt(STEPS + step)) / BigInt(2 * STEPS) + 1n;
        const settled = await receiptOf(reveal({ gasLimit })).then(
          () => true,
          () => false,
        );
        if (!settled) reverted++;
        expect(await books(net(), [task]), `with ${gasLimit} gas of ${gasUsed}`).to.deep.equal(settled ? after : before);
        await fresh.restore();
      }
      expect(reverted).to.be.greaterThan(STEPS / 2);
    }
  });

  it("G2 of a list, each entry is settled whole or not at all, and what is skipped can be settled afterwards", async () => {
    const { modules, keeper } = net();
    const tasks = [await ready(() => agreeing(1)), await ready((seat) => differing(1, seat, 3))];
    const handovers = tasks.map((task) => net().handover(task));
    const queue = modules.SessionQueue.connect(keeper);
    const statuses = async () => Promise.all(tasks.map(async (task) => Number((await modules.SessionQueue.factsOf(task.id))[1])));
    const fresh = await net().networkHelpers.takeSnapshot();
    const before = await books(net(), tasks);
    const { gasUsed } = await receiptOf(queue.revealMany(handovers, { gasLimit: 10_000_000 }));
    const after = await books(net(), tasks);
    await fresh.restore();
    await receiptOf(queue.reveal(handovers[0]!));
    const first = await books(net(), tasks);
    await fresh.restore();
    await receiptOf(queue.reveal(handovers[1]!));
    const second = await books(net(), tasks);
    await fresh.restore();
    let skipped = 0;
    for (let step = 1; step <= STEPS; step++) {
      await receiptOf(queue.revealMany(handovers, { gasLimit: (gasUsed * BigInt(STEPS + step)) / BigInt(2 * STEPS) + 1n })).catch(
        () => undefined,
      );
      const [one, two] = (await statuses()).map((status) => status !== Number(Status.Open));
      expect(await books(net(), tasks)).to.deep.equal(one ? (two ? after : first) : two ? second : before);
      if (!one || !two) {
        skipped++;
        await receiptOf(queue.revealMany(handovers, { gasLimit: 10_000_000 }));
        expect(await books(net(), tasks), "the rest, with enough gas").to.deep.equal(after);
      }
      await fresh.restore();
    }
    expect(skipped).to.be.greaterThan(0);
  });
});
