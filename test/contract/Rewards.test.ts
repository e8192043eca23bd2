import { expect } from "chai";
import { parseEther } from "ethers";
import { liveThroughEpoch, nextEpoch, ping } from "./pings.ts";
import { answer, Kind, RoundDriver } from "./rounds.ts";
import { useNetwork } from "./suite.ts";

describe("Rewards", () => {
  const net = useNetwork({ nodes: 8, leased: false });
  const rewards = () => net().modules.Rewards;
  const fund = (amount: bigint) => net().modules.COR.transfer(rewards().target, amount);
  const claim = (node: number, epochs: bigint[], to = net().stranger.address) =>
    rewards().connect(net().operators.get(node)).claim(node, epochs, to);
  const earned = async (node: number, epoch: bigint) => {
    const { liveness, health, service } = await rewards().claimable(node, epoch);
    return [liveness, health, service] as const;
  };
  const sum = (amounts: readonly bigint[]) => amounts.reduce((total, amount) => total + amount, 0n);
  const nodes = () => [...net().operators.keys()];

  it("M4 liveness and health are two lines of the budget, shared by weight among those who worked", async () => {
    await fund(parseEther("1000"));
    await nextEpoch(net());
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const openings = [answer(0), answer(1), answer(2, 90)];
    await round.run(openings);
    const members = await round.answerers();
    const [creator, preparer] = [await round.creator(), await round.preparer()];
    const epoch = await liveThroughEpoch(net());
    const uptime = await rewards().uptimeOf(epoch, creator);
    expect(uptime >= 9_000n).to.equal(true);
    const budget = parseEther("100");
    const line = (bps: bigint, parts: bigint) => (((budget * bps) / 10_000n / parts) * uptime) / 10_000n;
    expect(await earned(creator, epoch)).to.deep.equal([0n, line(4_000n, 2n), 0n]);
    expect(await earned(preparer, epoch)).to.deep.equal([0n, line(4_000n, 2n), 0n]);
    expect(await earned(members[0]!, epoch)).to.deep.equal([line(3_000n, 2n), 0n, 0n]);
    expect(await earned(members[2]!, epoch)).to.deep.equal([0n, 0n, 0n]);
  });

  it("F2 F6 the sum of claims never passes the budget, nor the budget what was sent; a second claim is refused, order changes nothing", async () => {
    await fund(parseEther("7"));
    await nextEpoch(net());
    await (await RoundDriver.open(net(), Kind.Capability)).run();
    const epoch = await liveThroughEpoch(net());
    expect((await rewards().epochOf(epoch)).parameters.budget).to.equal(parseEther("7"));
    const expected = new Map<number, bigint>();
    for (const node of nodes()) expected.set(node, sum(await earned(node, epoch)));
    let total = 0n;
    for (const node of nodes().reverse()) {
      const before = await net().modules.COR.balanceOf(net().stranger.address);
      await claim(node, [epoch]);
      const paid = (await net().modules.COR.balanceOf(net().stranger.address)) - before;
      expect(paid).to.equal(expected.get(node));
      total += paid;
      await expect(claim(node, [epoch])).to.be.revertedWithCustomError(rewards(), "RewardsAlreadyClaimed");
    }
    expect(total > 0n && total <= parseEther("7")).to.equal(true);
    expect(await rewards().promised()).to.equal(parseEther("7") - total);
    expect(await net().modules.COR.balanceOf(rewards().target)).to.equal(parseEther("7") - total);
  });

  it("F1 who comes late earns nothing of the past, and nobody claims an epoch that runs", async () => {
    await fund(parseEther("1000"));
    const first = await nextEpoch(net());
    const round = await RoundDriver.open(net(), Kind.Liveness);
    await round.run();
    await expect(claim(1, [first])).to.be.revertedWithCustomError(rewards(), "RewardsTooEarly");
    await ping(net());
    await nextEpoch(net());
    const late = await net().addNode();
    expect(await earned(late, first)).to.deep.equal([0n, 0n, 0n]);
    const before = await earned((await round.answerers())[0]!, first);
    await (await RoundDriver.open(net(), Kind.Liveness)).run();
    expect(await earned((await round.answerers())[0]!, first)).to.deep.equal(before);
    net().operators.delete(late);
    await expect(claim(1, [first - 1n])).to.be.revertedWithCustomError(rewards(), "RewardsNoEpoch");
    await expect(rewards().connect(net().stranger).claim(1, [first], net().stranger.address)).to.be.revertedWithCustomError(
      rewards(),
      "RewardsUnauthorized",
    );
  });

  it("M4 rewards grow with uptime, window by window, and nothing is paid for none", async () => {
    await fund(parseEther("1000"));
    const epoch = await nextEpoch(net());
    const round = await RoundDriver.open(net(), Kind.Liveness);
    await round.run();
    const [a, b, c] = await round.answerers();
    const length = await net().modules.Liveness.WINDOW();
    for (let i = 0; i < 4; i++) {
      await ping(net(), i % 2 === 0 ? [a!, b!] : [a!]);
      await net().networkHelpers.time.increaseTo(((await net().modules.Liveness.currentWindow()) + 1n) * length);
    }
    await nextEpoch(net());
    const [of4, of2, of0] = [await earned(a!, epoch), await earned(b!, epoch), await earned(c!, epoch)];
    expect(await rewards().uptimeOf(epoch, a!)).to.equal(4_000n);
    expect(of4[0]).to.equal(of2[0] * 2n);
    expect(of4[0] > 0n).to.equal(true);
    expect(of0).to.deep.equal([0n, 0n, 0n]);
  });

  it("M4 a level weighs a tenth more each, by the level at which the points were made", async () => {
    await fund(parseEther("1000"));
    for (const node of nodes()) await net().modules.NodePool.setLevel(node, node % 2 === 0 ? 5 : 0);
    await nextEpoch(net());
    const round = await RoundDriver.open(net(), Kind.Liveness);
    await round.run();
    const epoch = await rewards().currentEpoch();
    for (const node of await round.answerers()) {
      const tally = await rewards().tallyOf(epoch, node);
      expect(tally.liveness).to.equal(node % 2 === 0 ? 15_000n : 10_000n);
    }
  });

  it("M4 the gates: less than 60 % begun, or less than 50 % done, and the epoch pays nothing", async () => {
    await fund(parseEther("1000"));
    await nextEpoch(net());
    const bookings = [
      // node, conducts: silent 0, opened 2
      [1, [2, 2, 2, 0, 0]],
      [2, [2, 2, 0, 0, 0]],
      [3, [2]],
    ] as const;
    const { PoUW } = net().modules;
    await net().networkHelpers.impersonateAccount(PoUW.target as string);
    await net().networkHelpers.setBalance(PoUW.target as string, parseEther("1"));
    const pouw = await net().ethers.getSigner(PoUW.target as string);
    const part = (node: number, conduct: number) =>
      BigInt(node) | (2n << 24n) | (BigInt(conduct) << 32n) | ((conduct === 2 ? 1n : 3n) << 40n) | (1n << 64n);
    for (const [node, conducts] of bookings)
      await rewards()
        .connect(pouw)
        .count(conducts.map((conduct) => part(node, conduct)));
    const epoch = await liveThroughEpoch(net());
    expect((await earned(1, epoch))[0] > 0n).to.equal(true);
    expect(await earned(2, epoch)).to.deep.equal([0n, 0n, 0n]);
    expect((await earned(3, epoch))[0] > 0n).to.equal(true);
  });

  it("what nobody claims in time goes back to the pot, and is then gone for the node", async () => {
    await fund(parseEther("50"));
    await nextEpoch(net());
    await (await RoundDriver.open(net(), Kind.Liveness)).run();
    const epoch = await liveThroughEpoch(net());
    await expect(rewards().lapse(epoch)).to.be.revertedWithCustomError(rewards(), "RewardsTooEarly");
    await net().networkHelpers.time.increase(91 * 86_400);
    await expect(rewards().lapse(epoch)).to.emit(rewards(), "EpochLapsed").withArgs(epoch, parseEther("50"));
    expect(await rewards().promised()).to.equal(0n);
    await expect(rewards().lapse(epoch)).to.be.revertedWithCustomError(rewards(), "RewardsNoEpoch");
    await expect(claim(1, [epoch])).to.be.revertedWithCustomError(rewards(), "RewardsNoEpoch");
  });
});
