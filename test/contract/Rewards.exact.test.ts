import { expect } from "chai";
import { parseEther, type Result, ZeroAddress } from "ethers";
import { CONDUCTS, LINES, MARKS, packPart, type Part, ROLES } from "../../offchain/protocol/parts.ts";
import { claimableOf, countPart, type Earned, newEpoch, type RewardEpoch } from "../../offchain/protocol/rewards.ts";
import { Random } from "../simulation/random.ts";
import { liveThroughEpoch, nextEpoch, ping } from "./pings.ts";
import { asBigInts, entryOf, eventsIn, moveTo, nextAt, now, receiptOf, signerAt, useNetwork, write } from "./suite.ts";

const SOURCE = "economy/Rewards";
const CLAIM_PERIOD = 90 * 86_400;

describe("Rewards, to the unit", () => {
  const net = useNetwork({ nodes: 6, leased: false });
  const rewards = () => net().modules.Rewards;
  const parameters = () => net().parameters.network.rewards;
  const nodes = () => [...net().operators.keys()];
  const fund = (amount: bigint) => net().modules.COR.transfer(rewards().target, amount);
  const count = async (parts: Part[]) =>
    await receiptOf(
      rewards()
        .connect(await signerAt(net(), net().modules.PoUW.target as string))
        .count(parts.map(packPart)),
    );
  const plain: Part = { node: 1, role: "answerer", conduct: "opened", mark: "pass", level: 0, line: "liveness", points: 1 };
  const earned = async (node: number, epoch: bigint) => {
    const { liveness, health, service } = await rewards().claimable(node, epoch);
    return { liveness, health, service };
  };
  const sumOf = ({ liveness, health, service }: Earned) => liveness + health + service;
  const ownerClaims = (node: number, epochs: bigint[], to = net().stranger.address) =>
    rewards().connect(net().operators.get(node)).claim(node, epochs, to);

  const random = new Random(7);
  const pick = (most: number) => random.whole(0, most);
  const some = <T>(values: readonly T[]): T => random.pick(values);

  it("F2 F6 any parts, under any parameters, are weighed and paid as the twin does", async () => {
    await fund(parseEther("1000"));
    for (let round = 0; round < 8; round++) {
      const given = {
        budget: parseEther(String(1 + pick(90))),
        perPrompt: parameters().perPrompt,
        livenessBps: pick(3_000),
        healthBps: pick(4_000),
        serviceBps: pick(3_000),
        betaBps: some([0, 1, 1_000, 10_000]),
        commitGateBps: some([0, 2_500, 6_000, 10_000]),
        totalGateBps: some([0, 3_333, 5_000, 10_000]),
      };
      await rewards().setParameters(given);
      const epoch = await nextEpoch(net());
      const twin: RewardEpoch = newEpoch(asBigInts(given) as unknown as RewardEpoch["parameters"]);
      await ping(net(), nodes().slice(0, 5));
      for (let batch = 0; batch < 3; batch++) {
        const parts = Array.from({ length: 1 + pick(9) }, () => ({
          node: some(nodes()),
          role: some(ROLES),
          conduct: some(CONDUCTS),
          mark: some(MARKS),
          level: pick(10),
          line: some(LINES.slice(0, 2)),
          points: pick(0xffff),
        }));
        const receipt = await count(parts);
        for (const part of parts) countPart(twin, part);
        expect(eventsIn(receipt, rewards(), "PartsCounted").map((args) => [args["epoch"], [...args["parts"]]])).to.deep.equal([
          [epoch, parts.map(packPart)],
        ]);
      }
      const found = await rewards().epochOf(epoch);
      expect([found.liveness, found.health, found.service, found.claimed, found.opened, found.lapsed]).to.deep.equal([
        twin.liveness,
        twin.health,
        0n,
        0n,
        true,
        false,
      ]);
      for (const [node, tally] of twin.tallies) {
        const { liveness, health, asked, begun, done, claimed } = await rewards().tallyOf(epoch, node);
        expect([liveness, health, Number(asked), Number(begun), Number(done), claimed]).to.deep.equal([
          tally.liveness,
          tally.health,
          tally.asked,
          tally.begun,
          tally.done,
          false,
        ]);
        expect(await earned(node, epoch), "while it runs").to.deep.equal({ liveness: 0n, health: 0n, service: 0n });
      }
      await nextEpoch(net());
      for (const node of nodes())
        expect(await earned(node, epoch)).to.deep.equal(claimableOf(twin, node, await rewards().uptimeOf(epoch, node)));
    }
  });

  it("F6 an epoch opens with its first point, at the parameters of then, and sets aside what is there and not promised", async () => {
    await fund(parseEther("150"));
    const first = await nextEpoch(net());
    const { budget } = parameters();
    await expect(
      rewards()
        .connect(await signerAt(net(), net().modules.PoUW.target as string))
        .count([packPart(plain)]),
    ).to.emit(rewards(), "EpochOpened");
    const dearer = { ...parameters(), budget: budget * 2n };
    await rewards().setParameters(dearer);
    await count([plain]);
    expect((await rewards().epochOf(first)).parameters.budget, "never retroactive").to.equal(budget);
    expect(await rewards().promised()).to.equal(budget);
    const second = await nextEpoch(net());
    const receipt = await count([plain]);
    expect(
      eventsIn(receipt, rewards(), "EpochOpened").map(({ epoch, parameters: p }) => [epoch, (p as { budget: bigint }).budget]),
    ).to.deep.equal([[second, parseEther("50")]]);
    expect(await rewards().promised()).to.equal(parseEther("150"));
    expect(eventsIn(await count([plain]), rewards(), "EpochOpened")).to.deep.equal([]);
    expect(await rewards().promised()).to.equal(parseEther("150"));
    const third = await nextEpoch(net());
    await count([plain]);
    expect((await rewards().epochOf(third)).parameters.budget, "nothing is left").to.equal(0n);
  });

  it("M4 a gate lets through who is exactly at it, and nobody below: begun and done apart", async () => {
    await fund(parseEther("1000"));
    const lines: [number, Partial<Part>[]][] = [
      // 3 of 5 begun (60 %), 3 of 5 done.
      [1, [{}, {}, {}, { conduct: "silent" }, { conduct: "silent" }]],
      // 59.99 % begun cannot be had from few; 4 of 7 is 57 %, done 57 %.
      [2, [{}, {}, {}, {}, { conduct: "silent" }, { conduct: "silent" }, { conduct: "silent" }]],
      // All begun, exactly half done.
      [3, [{}, {}, { conduct: "unopened" }, { mark: "miss" }]],
      // All begun, less than half done.
      [4, [{}, { conduct: "excused" }, { conduct: "unopened" }, { mark: "miss" }, { mark: "miss" }]],
      [5, [{ conduct: "excused" }]],
    ];
    const epoch = await nextEpoch(net());
    for (const [node, parts] of lines) await count(parts.map((part) => ({ ...plain, ...part, node })));
    await ping(net(), [1, 2, 3, 4, 5]);
    await nextEpoch(net());
    const paid: number[] = [];
    for (const [node] of lines) if (sumOf(await earned(node, epoch)) > 0n) paid.push(node);
    expect(paid).to.deep.equal([1, 3, 5]);
  });

  it("M4 of many rounds, a share just below a gate is below it", async () => {
    await fund(parseEther("1000"));
    const epoch = await nextEpoch(net());
    for (const node of [1, 2, 3, 4]) await count([{ ...plain, node }]);
    const counts = async (node: number, asked: bigint, begun: bigint, done: bigint) => {
      const slot = entryOf(SOURCE, "_tallies", epoch, BigInt(node));
      const word = BigInt(await net().ethers.provider.getStorage(rewards().target, slot));
      const low = word & ((1n << 192n) - 1n);
      await write(net(), rewards(), slot, low | (asked << 192n) | (begun << 208n) | (done << 224n));
    };
    await counts(1, 50_000n, 30_000n, 25_000n);
    await counts(2, 50_000n, 29_999n, 25_000n);
    await counts(3, 50_000n, 30_000n, 24_999n);
    await counts(4, 65_535n, 65_535n, 65_535n);
    await ping(net(), [1, 2, 3, 4]);
    await nextEpoch(net());
    const paid = await Promise.all([1, 2, 3, 4].map(async (node) => sumOf(await earned(node, epoch)) > 0n));
    expect(paid).to.deep.equal([true, false, false, true]);
  });

  it("M4 a line in which nobody worked pays nothing, to a node that was there all the time too", async () => {
    await fund(parseEther("1000"));
    await nextEpoch(net());
    await count([plain]);
    const epoch = await liveThroughEpoch(net());
    expect(await rewards().uptimeOf(epoch, 1)).to.equal(10_000n);
    const { budget, livenessBps } = parameters();
    expect(await earned(1, epoch)).to.deep.equal({ liveness: (budget * BigInt(livenessBps)) / 10_000n, health: 0n, service: 0n });
  });

  it("counts of an epoch stop at what their fields hold, and weights do not", async () => {
    await fund(parseEther("1000"));
    const epoch = await nextEpoch(net());
    await count([plain]);
    const slot = entryOf(SOURCE, "_tallies", epoch, 1n);
    const word = BigInt(await net().ethers.provider.getStorage(rewards().target, slot));
    const field = (value: bigint, at: bigint) => value << at;
    const fifteen = 0xfffen;
    const full =
      word - field(1n, 192n) - field(1n, 208n) - field(1n, 224n) + field(fifteen, 192n) + field(fifteen, 208n) + field(fifteen, 224n);
    await write(net(), rewards(), slot, full);
    const counts = async () => {
      const { asked, begun, done, liveness } = await rewards().tallyOf(epoch, 1);
      return [asked, begun, done, liveness];
    };
    expect(await counts()).to.deep.equal([fifteen, fifteen, fifteen, 10_000n]);
    await count([plain, plain, { ...plain, conduct: "silent" }]);
    expect(await counts()).to.deep.equal([0xffffn, 0xffffn, 0xffffn, 40_000n]);
  });

  it("pays several epochs at once, books what was paid, and refuses the zero address", async () => {
    await fund(parseEther("1000"));
    const worked: bigint[] = [];
    for (let i = 0; i < 2; i++) {
      worked.push(await nextEpoch(net()));
      await count([plain, { ...plain, node: 2, line: "health", points: 3 }, { ...plain, node: 1, line: "health" }]);
      await ping(net(), [1, 2]);
    }
    await nextEpoch(net());
    const { COR } = net().modules;
    const each = await earned(1, worked[0]!);
    expect(each.liveness > 0n && each.health > 0n && each.service === 0n).to.equal(true);
    await expect(ownerClaims(1, worked, ZeroAddress)).to.be.revertedWithCustomError(rewards(), "RewardsZeroAddress");
    const before = await COR.balanceOf(net().stranger.address);
    const promised = await rewards().promised();
    const second = await earned(1, worked[1]!);
    const receipt = await receiptOf(ownerClaims(1, worked));
    expect(eventsIn(receipt, rewards(), "RewardClaimed").map((args) => [...args])).to.deep.equal([
      [worked[0], 1n, net().stranger.address, each.liveness, each.health, 0n],
      [worked[1], 1n, net().stranger.address, second.liveness, second.health, 0n],
    ]);
    const paid = sumOf(each) + sumOf(second);
    expect((await COR.balanceOf(net().stranger.address)) - before).to.equal(paid);
    expect(await rewards().promised()).to.equal(promised - paid);
    expect((await rewards().epochOf(worked[0]!)).claimed).to.equal(sumOf(each));
    expect((await rewards().tallyOf(worked[0]!, 1)).claimed).to.equal(true);
    expect(await earned(1, worked[0]!)).to.deep.equal({ liveness: 0n, health: 0n, service: 0n });
    await ownerClaims(2, [worked[0]!]);
    expect((await rewards().epochOf(worked[0]!)).claimed).to.equal(sumOf(each) + sumOf(await claimedIn(worked[0]!, 2)));
    // Who earned nothing is paid nothing, without a transfer.
    expect(eventsIn(await receiptOf(ownerClaims(3, [worked[0]!])), COR, "Transfer")).to.deep.equal([]);
  });

  const claimedIn = async (epoch: bigint, node: number) => {
    const [event] = await rewards().queryFilter(rewards().filters.RewardClaimed(epoch, node));
    const { liveness, health, service } = event!.args;
    return { liveness, health, service };
  };

  it("H5 an epoch lapses from its 90th day on, not a second before, and gives back what nobody claimed", async () => {
    await fund(parseEther("1000"));
    const epoch = await nextEpoch(net());
    await count([plain, { ...plain, node: 2 }]);
    await ping(net(), [1, 2]);
    await nextEpoch(net());
    await ownerClaims(1, [epoch]);
    const { claimed } = await rewards().epochOf(epoch);
    const { budget } = parameters();
    expect(claimed > 0n && claimed < budget).to.equal(true);
    const lapsesAt = (epoch + 1n) * (await rewards().EPOCH()) + BigInt(CLAIM_PERIOD);
    await expect(rewards().lapse(epoch + 1n))
      .to.be.revertedWithCustomError(rewards(), "RewardsNoEpoch")
      .withArgs(epoch + 1n);
    await nextAt(net(), lapsesAt - 1n);
    await expect(rewards().lapse(epoch))
      .to.be.revertedWithCustomError(rewards(), "RewardsTooEarly")
      .withArgs(lapsesAt - 1n, lapsesAt);
    expect(sumOf(await earned(2, epoch)) > 0n).to.equal(true);
    await nextAt(net(), lapsesAt);
    await expect(rewards().connect(net().stranger).lapse(epoch))
      .to.emit(rewards(), "EpochLapsed")
      .withArgs(epoch, budget - claimed);
    expect(await rewards().promised()).to.equal(0n);
    expect((await rewards().epochOf(epoch)).lapsed).to.equal(true);
    expect(await earned(2, epoch)).to.deep.equal({ liveness: 0n, health: 0n, service: 0n });
    await expect(ownerClaims(2, [epoch])).to.be.revertedWithCustomError(rewards(), "RewardsNoEpoch");
  });

  it("an epoch can be claimed from its end on, and says when that is", async () => {
    await fund(parseEther("1000"));
    const epoch = await nextEpoch(net());
    await count([plain]);
    await ping(net(), [1]);
    const end = (epoch + 1n) * (await rewards().EPOCH());
    await moveTo(net(), end - 2n);
    expect(await rewards().currentEpoch()).to.equal(epoch);
    await nextAt(net(), end - 1n);
    await expect(ownerClaims(1, [epoch]))
      .to.be.revertedWithCustomError(rewards(), "RewardsTooEarly")
      .withArgs(end - 1n, end);
    await nextAt(net(), end);
    await expect(ownerClaims(1, [epoch])).to.emit(rewards(), "RewardClaimed");
    expect(await now(net())).to.equal(Number(end));
  });

  it("H4 only PoUW counts parts, and only governance sets parameters, each within its bound", async () => {
    const { stranger, modules, ethers } = net();
    await expect(
      rewards()
        .connect(stranger)
        .count([packPart(plain)]),
    )
      .to.be.revertedWithCustomError(rewards(), "RewardsUnauthorized")
      .withArgs(stranger.address, modules.PoUW.target);
    await expect(rewards().connect(stranger).setParameters(parameters())).to.be.revertedWithCustomError(
      rewards(),
      "AccessManagedUnauthorized",
    );
    await expect(rewards().connect(stranger).claim(1, [0], stranger.address))
      .to.be.revertedWithCustomError(rewards(), "RewardsUnauthorized")
      .withArgs(stranger.address, await modules.NodePool.ownerOf(1));
    const good = {
      ...parameters(),
      livenessBps: 10_000,
      healthBps: 0,
      serviceBps: 0,
      betaBps: 10_000,
      commitGateBps: 10_000,
      totalGateBps: 10_000,
    };
    await expect(rewards().setParameters(good)).to.emit(rewards(), "RewardParametersChanged");
    expect(((await rewards().parameters()) as unknown as Result).toObject()).to.deep.equal(asBigInts(good));
    for (const [name, value] of [
      ["healthBps", 1],
      ["serviceBps", 1],
      ["livenessBps", 10_001],
      ["betaBps", 10_001],
      ["commitGateBps", 10_001],
      ["totalGateBps", 10_001],
    ] as const)
      await expect(rewards().setParameters({ ...good, [name]: value }), name)
        .to.be.revertedWithCustomError(rewards(), "RewardsOutOfRange")
        .withArgs(10_001, 10_000);
    const factory = await ethers.getContractFactory("Rewards");
    const { AccessManager, COR, NodePool, SessionPayment, Liveness, PoUW } = modules;
    const made = (epoch: number, window: number) =>
      factory.deploy(
        AccessManager.target,
        COR.target,
        NodePool.target,
        SessionPayment.target,
        Liveness.target,
        PoUW.target,
        epoch,
        window,
        parameters(),
      );
    for (const [epoch, window, windows] of [
      [59, 60, 0],
      [97 * 60, 60, 97],
      [121, 60, 2],
    ] as const)
      await expect(made(epoch, window)).to.be.revertedWithCustomError(rewards(), "RewardsOutOfRange").withArgs(windows, 96);
    for (const [epoch, windows] of [
      [60, 1n],
      [96 * 60, 96n],
    ] as const) {
      const fresh = await made(epoch, 60);
      expect([await fresh.EPOCH(), await fresh.WINDOWS(), await fresh.POUW()]).to.deep.equal([BigInt(epoch), windows, PoUW.target]);
    }
  });
});
