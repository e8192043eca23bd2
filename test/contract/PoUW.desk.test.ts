import { expect } from "chai";
import type { Result, TransactionReceipt } from "ethers";
import { partOf } from "../../offchain/protocol/parts.ts";
import { MODEL } from "./network.ts";
import { answer, Awaits, Ending, Kind, numberNext, Phase, RING, RoundDriver, verdict } from "./rounds.ts";
import { argsIn, asBigInts, entryOf, eventsIn, nextAt, now, plain, receiptOf, useNetwork, write } from "./suite.ts";

const POUW = "assurance/PoUW";

/** Opening, advancing and ending: bounds, bounties, draws that are decided late. */
describe("PoUW desk, to the value", () => {
  const net = useNetwork({ nodes: 9, leased: false });
  const pouw = () => net().modules.PoUW;
  const network = () => net().parameters.network;
  const told = (receipt: TransactionReceipt, name: string) => argsIn(receipt, pouw(), name);
  const block = async () => await net().ethers.provider.getBlockNumber();

  it("rounds of high numbers use their places, and a place that is taken is passed over", async () => {
    const first = await RoundDriver.open(net(), Kind.Liveness);
    await numberNext(net(), first.id + RING);
    const next = await RoundDriver.open(net(), Kind.Liveness);
    expect(next.id, "the place of a running round").to.equal(first.id + RING + 1n);
    expect(await pouw().roundCount()).to.deep.equal([next.id, 2n]);
    await numberNext(net(), 1_000n);
    const far = await RoundDriver.open(net(), Kind.Capability);
    expect(far.id).to.equal(1_000n);
    for (const id of [999n, 1_000n - RING, 1_000n + RING, 0n]) expect(await pouw().phaseOf(id)).to.equal(BigInt(Phase.None));
    await far.run();
    expect(await far.phase()).to.equal(Phase.Ended);
    expect([await first.phase(), await next.phase()]).to.deep.equal([Phase.Request, Phase.Request]);
    for (const id of [999n, 1_001n, 1_000n - 64n, 1_000n + 64n]) expect(await pouw().phaseOf(id), String(id)).to.equal(BigInt(Phase.None));
    expect((await pouw().roundOf(1_000n)).ending).to.equal(BigInt(Ending.Judged));
  });

  it("H4 a round opens only of a kind, a tier and a model that there are, in its time", async () => {
    const { ModelRegistry } = net().modules;
    const open = (model: string, kind: number, tier: number) => pouw().connect(net().keeper).open(model, kind, tier);
    await net().networkHelpers.time.increase(network().rounds.interval);
    await expect(open(MODEL, 0, 0))
      .to.be.revertedWithCustomError(pouw(), "PoUWNoKind")
      .withArgs(0);
    await expect(open(MODEL, Kind.Liveness, 1))
      .to.be.revertedWithCustomError(pouw(), "PoUWOutOfRange")
      .withArgs(0, 1, 0);
    await expect(open(MODEL, Kind.Capability, 3))
      .to.be.revertedWithCustomError(pouw(), "PoUWOutOfRange")
      .withArgs(0, 3, 2);
    await expect(open(`0x${"77".repeat(32)}`, Kind.Liveness, 0))
      .to.be.revertedWithCustomError(pouw(), "PoUWModelUnavailable")
      .withArgs(`0x${"77".repeat(32)}`);
    await open(MODEL, Kind.Capability, 2);
    const due = BigInt((await now(net())) + network().rounds.interval);
    expect(await pouw().nextOpenAt()).to.equal(due);
    await nextAt(net(), due - 1n);
    await expect(open(MODEL, Kind.Liveness, 0))
      .to.be.revertedWithCustomError(pouw(), "PoUWTooEarly")
      .withArgs(due - 1n, due);
    await nextAt(net(), due);
    await open(MODEL, Kind.Liveness, 0);
    await pouw().setParameters({ interval: 0, most: 2, bounty: 0 });
    await expect(open(MODEL, Kind.Liveness, 0))
      .to.be.revertedWithCustomError(pouw(), "PoUWTooManyRounds")
      .withArgs(2, 2);
    await pouw().setParameters({ interval: 0, most: 3, bounty: 0 });
    await ModelRegistry.deprecate(MODEL);
    await expect(open(MODEL, Kind.Liveness, 0))
      .to.be.revertedWithCustomError(pouw(), "PoUWModelUnavailable")
      .withArgs(MODEL);
  });

  it("H4 rules and parameters keep to their bounds, and the error names the field, what was found and what may be", async () => {
    const { stranger } = net();
    const { rules, template } = network().liveness;
    const set = (changed: object) => pouw().setRules(Kind.Liveness, { ...rules, ...changed }, template);
    await expect(pouw().connect(stranger).setRules(Kind.Liveness, rules, template)).to.be.revertedWithCustomError(
      pouw(),
      "AccessManagedUnauthorized",
    );
    await expect(pouw().connect(stranger).setParameters({ interval: 1, most: 1, bounty: 0 })).to.be.revertedWithCustomError(
      pouw(),
      "AccessManagedUnauthorized",
    );
    await expect(pouw().setRules(0, rules, template))
      .to.be.revertedWithCustomError(pouw(), "PoUWNoKind")
      .withArgs(0);
    const bounds: [object, number, number, number][] = [
      [{ answerers: 1 }, 0, 1, 7],
      [{ answerers: 8 }, 0, 8, 7],
      [{ quorum: 1 }, 1, 1, rules.answerers],
      [{ quorum: rules.answerers + 1 }, 1, rules.answerers + 1, rules.answerers],
      [{ validators: 5 }, 2, 5, 4],
      [{ bar: 11 }, 3, 11, 10],
      [{ passesUp: 0 }, 4, 0, 255],
      [{ missesDown: 0 }, 5, 0, 255],
    ];
    for (const [changed, field, found, most] of bounds)
      await expect(set(changed), JSON.stringify(changed))
        .to.be.revertedWithCustomError(pouw(), "PoUWOutOfRange")
        .withArgs(field, found, most);
    // Every wait four times: 4 draws, claim, create, prepare, commit, reveal, twice the scores, within a day.
    const none = { drawWindow: 0, claimWindow: 0, createWindow: 0, prepareWindow: 0, commitWindow: 0, revealWindow: 0, scoreWindow: 0 };
    for (const [name, times] of [
      ["drawWindow", 4],
      ["claimWindow", 1],
      ["createWindow", 1],
      ["prepareWindow", 1],
      ["commitWindow", 1],
      ["revealWindow", 1],
      ["scoreWindow", 2],
    ] as const) {
      const longest = 86_400 / (4 * times);
      await set({ ...none, [name]: longest });
      await expect(set({ ...none, [name]: longest + 1 }), name)
        .to.be.revertedWithCustomError(pouw(), "PoUWOutOfRange")
        .withArgs(6, 86_400 + 4 * times, 86_400);
    }
    const edge = { ...rules, answerers: 7, quorum: 7, validators: 4, bar: 10, passesUp: 255, missesDown: 255 };
    const changed = await receiptOf(pouw().setRules(Kind.Liveness, edge, `0x${"09".repeat(32)}`));
    expect(told(changed, "RulesChanged").map(([kind, , of]) => [kind, of])).to.deep.equal([
      [BigInt(Kind.Liveness), `0x${"09".repeat(32)}`],
    ]);
    const [kept, of] = await pouw().rulesOf(Kind.Liveness);
    expect([(kept as unknown as Result).toObject(), of]).to.deep.equal([asBigInts(edge), `0x${"09".repeat(32)}`]);
    await set({ answerers: 2, quorum: 2, validators: 0, bar: 0 });
    for (const most of [0, 17])
      await expect(pouw().setParameters({ interval: 1, most, bounty: 0 }))
        .to.be.revertedWithCustomError(pouw(), "PoUWOutOfRange")
        .withArgs(1, most, 16);
    const given = { interval: 7, most: 16, bounty: 5 };
    await expect(pouw().setParameters(given)).to.emit(pouw(), "RoundParametersChanged");
    expect(((await pouw().parameters()) as unknown as Result).toObject()).to.deep.equal(asBigInts(given));
  });

  it("A2 a bounty is earned where the contract holds it beyond what it owes, and is paid once, to whom its owner says", async () => {
    const { COR } = net().modules;
    const { keeper, stranger } = net();
    const bounty = 1_000n;
    await pouw().setParameters({ interval: network().rounds.interval, most: 16, bounty });
    await COR.transfer(pouw().target, 2n * bounty - 1n);
    const round = await RoundDriver.open(net(), Kind.Liveness);
    expect(await pouw().bountyOf(keeper.address)).to.equal(bounty);
    expect(told(await round.draw(), "BountyEarned"), "a unit short").to.deep.equal([]);
    await COR.transfer(pouw().target, 1n);
    await round.expire();
    const replaced = await round.advance();
    expect(told(replaced, "BountyEarned")).to.deep.equal([[keeper.address, bounty]]);
    expect(await pouw().bountyOf(keeper.address)).to.equal(2n * bounty);
    const paid = await receiptOf(pouw().connect(keeper).withdrawBounty(stranger.address));
    expect(told(paid, "BountyPaid")).to.deep.equal([[keeper.address, stranger.address, 2n * bounty]]);
    expect(await COR.balanceOf(pouw().target)).to.equal(0n);
    expect(await pouw().bountyOf(keeper.address)).to.equal(0n);
    await COR.transfer(pouw().target, bounty);
    expect(told(await round.draw(), "BountyEarned"), "what was paid is no longer owed").to.deep.equal([[keeper.address, bounty]]);
    await pouw().setParameters({ interval: 1, most: 16, bounty: 0 });
    await round.expire();
    expect(told(await round.advance(), "BountyEarned")).to.deep.equal([]);
  });

  it("B5 advancing is refused until it is due, with what is awaited and until when", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const notDue = async (awaits: number) => {
      const { deadline } = await round.view();
      await expect(pouw().advance(round.id)).to.be.revertedWithCustomError(pouw(), "PoUWNotDue").withArgs(round.id, awaits, deadline);
    };
    await notDue(Awaits.Seed);
    await round.draw();
    await notDue(Awaits.Claim);
    await pouw()
      .connect(round.operator(await round.creator()))
      .claim(round.id);
    await notDue(Awaits.Topics);
    const { deadline } = await round.view();
    await nextAt(net(), deadline);
    await expect(pouw().advance(round.id), "its last second").to.be.revertedWithCustomError(pouw(), "PoUWNotDue");
    const late = await round.creator();
    await nextAt(net(), deadline + 1n);
    const replaced = await receiptOf(pouw().advance(round.id));
    expect(told(replaced, "MembersReplaced")).to.deep.equal([[round.id, 0n, BigInt(late)]]);
    const after = await round.view();
    expect([after.createdBy, after.replaced, after.phase, after.awaits]).to.deep.equal([
      0n,
      1n,
      BigInt(Phase.Request),
      BigInt(Awaits.Seed),
    ]);
    await round.draw();
    expect(await round.creator()).to.not.equal(late);
    // The claim of the one before is not the next one's.
    expect(await round.awaits()).to.equal(Awaits.Claim);
    await expect(pouw().advance(999)).to.be.revertedWithCustomError(pouw(), "PoUWWrongPhase").withArgs(999, Phase.None, Phase.Request);
  });

  it("E7 a draw whose deciding block is forgotten waits for another one, three times at most, and then the round ends", async () => {
    const { BlockRandomness } = net().modules;
    const kept = Number(await BlockRandomness.WINDOW());
    await net().networkHelpers.mine(kept + 100);
    const round = await RoundDriver.open(net(), Kind.Liveness);
    /** As if its block had come so many blocks before the next one. */
    const decidedBefore = async (blocks: number) => {
      const slot = entryOf(POUW, "_rounds", round.id % RING);
      const word = BigInt(await net().ethers.provider.getStorage(pouw().target, slot));
      const at = BigInt((await block()) + 1 - blocks);
      await write(net(), pouw(), slot, (word & ~(0xff_ffff_ffffn << 176n)) | (at << 176n));
    };
    for (let again = 1n; again <= 3n; again++) {
      await decidedBefore(kept + 1);
      const receipt = await round.advance();
      const seedBlock = BigInt(receipt.blockNumber + net().parameters.seedDelay);
      const drawBy = BigInt((await now(net())) + network().liveness.rules.drawWindow);
      expect(told(receipt, "DrawAwaited")).to.deep.equal([[round.id, 0n, seedBlock, drawBy]]);
      expect((await round.view()).replaced).to.equal(again);
    }
    const fresh = await net().networkHelpers.takeSnapshot();
    await decidedBefore(kept);
    expect(told(await round.advance(), "RoleDrawn").length, "the last block that it is remembered").to.equal(1);
    await fresh.restore();
    await decidedBefore(kept + 1);
    const ended = await round.advance();
    expect(eventsIn(ended, pouw(), "RoundClosed").map((args) => [args["ending"], args["canonical"], plain(args["parts"])])).to.deep.equal([
      [BigInt(Ending.NoNodes), 255n, []],
    ]);
    expect(await round.phase()).to.equal(Phase.Aborted);
  });

  it("B5 a draw that nobody takes in its window ends the round, as many nodes as there may be", async () => {
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const { deadline } = await round.view();
    await net().networkHelpers.mine(net().parameters.seedDelay + 1);
    const fresh = await net().networkHelpers.takeSnapshot();
    await nextAt(net(), deadline);
    expect(told(await receiptOf(pouw().advance(round.id)), "RoleDrawn").length, "its last second").to.equal(1);
    await fresh.restore();
    await nextAt(net(), deadline + 1n);
    const ended = await receiptOf(pouw().advance(round.id));
    expect(eventsIn(ended, pouw(), "RoundClosed").map((args) => args["ending"])).to.deep.equal([BigInt(Ending.NoNodes)]);
    expect((await pouw().roundCount())[1]).to.equal(0n);
  });

  it("N13 a draw is the leader's alone from its begin until the grace is over, whatever else is due from its last second on", async () => {
    const { OracleCommittee } = net().modules;
    const { client, router, stranger } = net();
    const grace = Number(await OracleCommittee.GRACE());
    // All within one slot, so that the leader stays the same.
    const slot = await OracleCommittee.SLOT();
    await net().networkHelpers.time.increaseTo(((await OracleCommittee.currentSlot()) + 1n) * slot);
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const begun = await now(net());
    await OracleCommittee.setOracles([client.address, router.address]);
    await net().networkHelpers.mine(net().parameters.seedDelay + 1, { interval: 1 });
    const leader = async () => await OracleCommittee.leader();
    const refused = async () =>
      await expect(pouw().connect(stranger).advance(round.id)).to.be.revertedWithCustomError(pouw(), "PoUWLeaderFirst");
    await nextAt(net(), begun + grace);
    await refused();
    const fresh = await net().networkHelpers.takeSnapshot();
    const drawn = async (by: typeof stranger) => told(await receiptOf(pouw().connect(by).advance(round.id)), "RoleDrawn").length;
    expect(await drawn((await leader()) === client.address ? client : router), "the leader").to.equal(1);
    await fresh.restore();
    await nextAt(net(), begun + grace + 1);
    expect(await drawn(stranger), "anybody").to.equal(1);
    const { deadline } = await round.view();
    await nextAt(net(), Number(deadline) + grace);
    await refused();
    await nextAt(net(), Number(deadline) + grace + 1);
    expect(told(await receiptOf(pouw().connect(stranger).advance(round.id)), "MembersReplaced").length).to.equal(1);
  });

  it("M4 every part names the level that its node had, and a round's end moves levels as reputation says", async () => {
    const { NodePool } = net().modules;
    const { rules, template } = network().capability;
    await pouw().setRules(Kind.Capability, { ...rules, passesUp: 1, missesDown: 1, speed: 0 }, template);
    for (const node of net().operators.keys()) await NodePool.setLevel(node, node);
    const round = await RoundDriver.open(net(), Kind.Capability);
    const receipt = await round.run(
      [answer(0), answer(1), answer(2)],
      [0, 1].map(() => verdict([8, 8, 1])),
    );
    const parts = [...(eventsIn(receipt, pouw(), "RoundClosed")[0]!["parts"] as bigint[])].map((word) => partOf(word));
    expect(parts.map(({ role }) => role)).to.deep.equal(["creator", "preparer", ...Array(3).fill("answerer"), "validator", "validator"]);
    for (const { node, level } of parts) expect(level, `level of ${node}`).to.equal(node);
    const levels = await Promise.all(parts.map(async ({ node }) => Number((await NodePool.nodeOf(node)).level)));
    const moved = [0, 0, 1, 1, -1, 0, 0];
    expect(levels).to.deep.equal(parts.map(({ node }, i) => node + moved[i]!));
    for (const { node } of parts) expect((await NodePool.nodeOf(node)).lease).to.equal(0n);
  });
});
