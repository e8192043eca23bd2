import { expect } from "chai";
import { parseEther } from "ethers";
import { liveThroughEpoch, nextEpoch, ping } from "./pings.ts";
import { entryOf, eventsIn, receiptOf, useNetwork, write } from "./suite.ts";

const SOURCE = "economy/Rewards";

describe("Rewards for service", () => {
  const net = useNetwork({ nodes: 3 });

  it("M4 what a node is paid for prompts grows with its level and stops at so much a prompt; a count stops at what its field holds", async () => {
    const { Rewards, NodePool, COR, SessionQueue } = net().modules;
    await COR.transfer(Rewards.target, parseEther("1000"));
    const serve = async (prompts: number) => {
      const task = await net().submit(prompts);
      await net().commitCarried(task);
      await net().networkHelpers.mine(1);
      await SessionQueue.reveal(net().handover(task));
    };
    await Rewards.countService([1, 2, 3]);
    const epoch = await nextEpoch(net());
    await serve(3);
    const levels = { 1: 0n, 2: 5n, 3: 10n } as const;
    for (const [node, level] of Object.entries(levels)) await NodePool.setLevel(node, level);
    const receipt = await receiptOf(Rewards.countService([1, 2, 3, 2]));
    const before = (await Rewards.countedOf(1)).prompts;
    expect(eventsIn(receipt, Rewards, "ServiceCounted").map((args) => [...args])).to.deep.equal(
      Object.entries(levels).map(([node, level]) => [epoch, BigInt(node), 3n, level, before]),
    );
    const weightOf = (node: keyof typeof levels, prompts: bigint) => prompts * (10_000n + levels[node] * 1_000n);
    for (const node of [1, 2, 3] as const) {
      const { service, prompts } = await Rewards.tallyOf(epoch, node);
      expect([service, prompts]).to.deep.equal([weightOf(node, 3n), 3n]);
    }
    expect((await Rewards.epochOf(epoch)).service).to.equal(weightOf(1, 3n) + weightOf(2, 3n) + weightOf(3, 3n));
    const slot = entryOf(SOURCE, "_tallies", epoch, 1n);
    const word = BigInt(await net().ethers.provider.getStorage(Rewards.target, slot));
    await write(net(), Rewards, slot, word + ((0xfffffen - 3n) << 168n));
    expect((await Rewards.tallyOf(epoch, 1)).prompts).to.equal(0xfffffen);
    await serve(2);
    await Rewards.countService([1]);
    const { service, prompts } = await Rewards.tallyOf(epoch, 1);
    expect([service, prompts]).to.deep.equal([weightOf(1, 4n), 0xffffffn]);
    await write(net(), Rewards, slot, word);
    await ping(net(), [1, 2, 3]);
    await nextEpoch(net());
    // The line holds far more than so much a prompt; a claim pays it with the others.
    const perPrompt = net().parameters.network.rewards.perPrompt;
    for (const node of [1, 2, 3]) {
      const uptime = await Rewards.uptimeOf(epoch, node);
      expect(uptime > 0n).to.equal(true);
      expect((await Rewards.claimable(node, epoch)).service).to.equal((perPrompt * 3n * uptime) / 10_000n);
      const before = await COR.balanceOf(net().stranger.address);
      await Rewards.connect(net().operators.get(node)).claim(node, [epoch], net().stranger.address);
      expect((await COR.balanceOf(net().stranger.address)) - before).to.equal((perPrompt * 3n * uptime) / 10_000n);
    }
    await serve(1);
    await Rewards.countService([1]);
    expect((await Rewards.tallyOf(await Rewards.currentEpoch(), 1)).prompts, "a single prompt").to.equal(1n);
  });

  it("F6 where the line holds less than so much a prompt, it is shared by weight", async () => {
    const { Rewards, COR, SessionQueue } = net().modules;
    await Rewards.countService([1, 2, 3]);
    const epoch = await nextEpoch(net());
    await COR.transfer(Rewards.target, 1_000_000n);
    const task = await net().submit(2);
    await net().commitCarried(task);
    await net().networkHelpers.mine(1);
    await SessionQueue.reveal(net().handover(task));
    await Rewards.countService([1, 2, 3]);
    await ping(net(), [1]);
    await nextEpoch(net());
    const uptime = await Rewards.uptimeOf(epoch, 1);
    const { parameters, service } = await Rewards.epochOf(epoch);
    const line = (parameters.budget * parameters.serviceBps) / 10_000n;
    const { service: weight } = await Rewards.tallyOf(epoch, 1);
    expect((await Rewards.claimable(1, epoch)).service).to.equal((((line * weight) / service) * uptime) / 10_000n);
    expect((await Rewards.claimable(1, epoch)).service > 0n).to.equal(true);
  });

  it("F2 whoever sends the cheapest prompts to its own nodes pays more in fees than it earns, loop by loop", async () => {
    const { modules, networkHelpers, client } = net();
    const { Rewards, SessionPayment, COR } = modules;
    await COR.transfer(Rewards.target, parseEther("1000000"));
    await Rewards.countService([1, 2, 3]);
    const epoch = await nextEpoch(net());
    const feesOf = async () =>
      (await SessionPayment.accountOf(net().keeper.address)).fees + (await SessionPayment.accountOf(net().router.address)).fees;
    const before = await feesOf();
    const prompts = 64;
    for (let loop = 0; loop < 3; loop++) {
      const task = await net().submit(prompts, { promptTokens: 1, maxTokens: 1 });
      await net().commitCarried(task, () =>
        Array.from({ length: prompts }, () => ({ digest: `0x${"22".repeat(32)}`, sketch: `0x${"33".repeat(32)}`, tokens: 0, finish: 0 })),
      );
      await networkHelpers.mine(1);
      await modules.SessionQueue.connect(net().router).reveal(net().handover(task));
    }
    const fees = (await feesOf()) - before;
    await Rewards.countService([1, 2, 3]);
    await liveThroughEpoch(net());
    let income = 0n;
    for (const node of [1, 2, 3]) income += (await Rewards.claimable(node, epoch)).service;
    expect(income > 0n).to.equal(true);
    const loss = (fees - income) / 3n;
    // 64 prompts x 3 seats x 1 token x 0.001 COR x 5 % in fees, at most half of that back: about 0.0048 COR and all gas lost per loop.
    expect(fees / 3n).to.equal((parseEther("0.001") * 64n * 3n * 500n) / 10_000n);
    expect(loss >= fees / 6n, `${income} earned of ${fees} fees`).to.equal(true);
    expect(client.address).to.not.equal(net().keeper.address);
  });

  it("F1 the first count of a node only notes where it stands; later ones pay what came since, once", async () => {
    const { Rewards, SessionQueue } = net().modules;
    const serve = async () => {
      const task = await net().submit(2);
      await net().commitCarried(task);
      await net().networkHelpers.mine(1);
      await SessionQueue.reveal(net().handover(task));
    };
    await serve();
    await Rewards.countService([1]);
    const epoch = await Rewards.currentEpoch();
    expect((await Rewards.tallyOf(epoch, 1)).prompts).to.equal(0n);
    expect([...(await Rewards.countedOf(1))]).to.deep.equal([2n, true]);
    await serve();
    await Rewards.countService([1, 1]);
    await Rewards.countService([1]);
    expect((await Rewards.tallyOf(await Rewards.currentEpoch(), 1)).prompts).to.equal(2n);
    expect([...(await Rewards.countedOf(2))]).to.deep.equal([0n, false]);
  });
});
