import { expect } from "chai";
import { drawLease, membersOf } from "../../offchain/protocol/draw.ts";
import { keccak256, toUtf8Bytes } from "ethers";
import { MODEL, wanted } from "./network.ts";
import { entryOf, eventsIn, nextAt, now, receiptOf, useNetwork, write } from "./suite.ts";

const NODES = 12;
const FAR = 2 ** 32 - 1;
const seedOf = (i: number) => keccak256(toUtf8Bytes(`seed ${i}`));

describe("NodePool: who is drawn", () => {
  const net = useNetwork({ nodes: NODES, leased: false }, async ({ modules, networkHelpers }) => {
    for (const module of [modules.SessionQueue, modules.Session, modules.Validation]) {
      await networkHelpers.impersonateAccount(module.target as string);
      await networkHelpers.setBalance(module.target as string, 10n ** 20n);
    }
  });
  const pool = () => net().modules.NodePool;
  const as = async (module: "SessionQueue" | "Session" | "Validation") =>
    pool().connect(await net().ethers.getSigner(net().modules[module].target as string));
  const own = (node: number) => pool().connect(net().operators.get(node));
  const row = async () => [...(await pool().eligible(MODEL, 0, 99))].map(Number);

  async function draw(want: ReturnType<typeof wanted>, seed: string): Promise<number[]> {
    const receipt = await receiptOf((await as("SessionQueue")).lease(want, seed, FAR));
    const [drawn] = eventsIn(receipt, pool(), "LeaseDrawn");
    return membersOf(drawn!["members"] as bigint, Number(drawn!["size"]));
  }
  const undo = async () => {
    const snapshot = await net().networkHelpers.takeSnapshot();
    return async () => await snapshot.restore();
  };

  it("D2 never the requester's own nodes, nor those of a lease that is to be avoided", async () => {
    const requester = net().operators.get(3)!.address;
    const first = await draw(wanted(MODEL, 4), seedOf(0));
    const lease = (await pool().nodeOf(first[0]!)).lease;
    await (await as("SessionQueue")).release(lease);
    for (let i = 1; i < 12; i++) {
      const restore = await undo();
      const list = await row();
      const members = await draw({ ...wanted(MODEL, 5), requester, avoid: Number(lease) }, seedOf(i));
      expect(members).to.deep.equal(drawLease(list, seedOf(i), 5, { shunned: [3, ...first] }).members);
      expect(members.some((node) => node === 3 || first.includes(node))).to.equal(false);
      await restore();
    }
  });

  it("D1 two nodes of one owner never sit together, and a draw that lacks owners says how many there are", async () => {
    const { COR, NodePool } = net().modules;
    const { client, keeper, stranger, parameters, ethers } = net();
    const signers = (await ethers.getSigners()).slice(10, 13);
    await COR.transfer(client.address, 10n * parameters.pool.minStake);
    await COR.connect(client).approve(NodePool.target, 10n * parameters.pool.minStake);
    for (const operator of [keeper, stranger, ...signers]) {
      await NodePool.connect(client).register(operator.address, MODEL, parameters.pool.minStake, "");
      await NodePool.connect(operator).acceptOperator(await NodePool.nodeCount());
    }
    for (let i = 0; i < 10; i++) {
      const restore = await undo();
      const members = await draw(wanted(MODEL, 10), seedOf(i));
      expect(members.filter((node) => node > NODES).length).to.be.at.most(1);
      await restore();
    }
    await draw(wanted(MODEL, 8), seedOf(20));
    await expect((await as("SessionQueue")).lease(wanted(MODEL, 7), seedOf(21), FAR))
      .to.be.revertedWithCustomError(pool(), "NodePoolTooFewNodes")
      .withArgs((found: bigint) => found === 5n || found === 6n, 7);
  });

  it("D4 frequencies follow the scores: chi-square over 200 single draws on chain and 10,000 by the twin", async () => {
    const { SessionPayment } = net().modules;
    const scores = new Map(Array.from({ length: NODES }, (_, i) => [i + 1, i < 4 ? 0 : i < 8 ? 5_000 : 10_000] as const));
    const time = BigInt(await now(net()));
    for (const [node, score] of scores) {
      // As NodeLedger packs an account: updatedAt at bit 96, score at 128.
      await write(
        net(),
        SessionPayment,
        entryOf("service/SessionPayment", "_nodes", BigInt(node)),
        (time << 96n) | (BigInt(score) << 128n),
      );
    }
    const list = await row();
    const scoreOf = (node: number) => scores.get(node)!;
    const weight = (node: number) => 10_000 + scoreOf(node);
    const total = list.reduce((sum, node) => sum + weight(node), 0);
    const chiSquare = (counts: Map<number, number>, runs: number) =>
      list.reduce((sum, node) => {
        const expected = (runs * weight(node)) / total;
        return sum + ((counts.get(node) ?? 0) - expected) ** 2 / expected;
      }, 0);
    const onChain = new Map<number, number>();
    const contract = await as("SessionQueue");
    for (let i = 0; i < 200; i++) {
      const id = await contract.lease.staticCall(wanted(MODEL, 1), seedOf(i), FAR);
      expect(id).to.be.greaterThan(0n);
      const restore = await undo();
      const [member] = await draw(wanted(MODEL, 1), seedOf(i));
      expect(member).to.equal(drawLease(list, seedOf(i), 1, { scoreOf }).members[0]);
      onChain.set(member!, (onChain.get(member!) ?? 0) + 1);
      await restore();
    }
    const twin = new Map<number, number>();
    for (let i = 0; i < 10_000; i++) {
      const [member] = drawLease(list, seedOf(i), 1, { scoreOf }).members;
      twin.set(member!, (twin.get(member!) ?? 0) + 1);
    }
    // 11 degrees of freedom: beyond 31.3 in one of a thousand.
    expect(chiSquare(twin, 10_000)).to.be.lessThan(31.3);
    expect(chiSquare(onChain, 200)).to.be.lessThan(31.3);
  }).timeout(120_000);

  it("N8 a class is drawn from its own and higher levels, and from lower ones only where that was asked for", async () => {
    const { deployer } = net();
    const levels = [0, 3, 4, 7, 8, 10];
    for (const [i, level] of levels.entries()) {
      await expect(
        pool()
          .connect(deployer)
          .setLevel(i + 1, level),
      ).to.emit(pool(), "LevelChanged");
    }
    await expect(pool().connect(deployer).setLevel(1, 11)).to.be.revertedWithCustomError(pool(), "NodePoolOutOfRange").withArgs(11, 10);
    const restore = await undo();
    expect((await draw({ ...wanted(MODEL, 2), level: 2 }, seedOf(0))).sort()).to.deep.equal([5, 6]);
    await restore();
    const again = await undo();
    expect((await draw({ ...wanted(MODEL, 4), level: 1 }, seedOf(0))).sort()).to.deep.equal([3, 4, 5, 6]);
    await again();
    await expect((await as("SessionQueue")).lease({ ...wanted(MODEL, 3), level: 2 }, seedOf(0), FAR))
      .to.be.revertedWithCustomError(pool(), "NodePoolTooFewNodes")
      .withArgs(2, 3);
    const members = await draw({ ...wanted(MODEL, 4), level: 2, widen: true }, seedOf(0));
    expect(members.slice(0, 2).sort(), "its own first").to.deep.equal([5, 6]);
    expect(new Set(members).size).to.equal(4);
  });

  it("N4 dedicated nodes are in no common draw, serve the session that took them, and both sides may end it", async () => {
    const { Session } = net().modules;
    const { client, stranger, session } = net();
    for (const node of [2, 5]) await own(node).dedicate(node, session);
    expect((await row()).filter((node) => node === 2 || node === 5)).to.deep.equal([]);
    await expect(Session.connect(stranger).acceptDedicated(session, [2], true)).to.be.revertedWithCustomError(
      Session,
      "SessionUnauthorized",
    );
    await expect(Session.connect(client).acceptDedicated(session, [2, 7], true))
      .to.be.revertedWithCustomError(pool(), "NodePoolNotDedicated")
      .withArgs(7, 0, session);
    await Session.connect(client).acceptDedicated(session, [2, 5], true);
    expect([...(await pool().dedicatedTo(session))]).to.deep.equal([2n, 5n]);
    const restore = await undo();
    expect(await draw({ ...wanted(MODEL, 2), source: 2, session: Number(session) }, seedOf(0))).to.deep.equal([2, 5]);
    await expect(own(2).dedicate(2, 0), "while leased").to.be.revertedWithCustomError(pool(), "NodePoolLeased");
    await expect((await as("Session")).lease({ ...wanted(MODEL, 2), source: 2, session: Number(session) }, seedOf(0), FAR))
      .to.be.revertedWithCustomError(pool(), "NodePoolTooFewNodes")
      .withArgs(0, 2);
    await restore();
    const mixed = await draw({ ...wanted(MODEL, 4), source: 1, session: Number(session) }, seedOf(0));
    expect(mixed.slice(0, 2)).to.deep.equal([2, 5]);
    expect(mixed.slice(2).some((node) => node === 2 || node === 5)).to.equal(false);
    await (await as("SessionQueue")).release((await pool().nodeOf(2)).lease);
    await own(2).dedicate(2, 0);
    await Session.connect(client).acceptDedicated(session, [5], false);
    expect([...(await pool().dedicatedTo(session))]).to.deep.equal([]);
    expect(await row())
      .to.include(2)
      .and.not.include(5);
  });

  it("D5 from the deciding block on the lists stand still: switches are refused, joins wait, leaving for good is not held up", async () => {
    const { networkHelpers, deployer, client, parameters } = net();
    const session = await as("Session");
    const seedBlock = (await networkHelpers.time.latestBlock()) + 4;
    await session.announceDraw(MODEL, seedBlock);
    await own(1).serve(1, MODEL, false);
    await own(1).serve(1, MODEL, true);
    await networkHelpers.mineUpTo(seedBlock);
    const before = await row();
    await expect(own(1).serve(1, MODEL, false))
      .to.be.revertedWithCustomError(pool(), "NodePoolDrawPending")
      .withArgs(MODEL, BigInt(seedBlock) + 64n);
    await expect(own(1).setRoles(1, 2)).to.be.revertedWithCustomError(pool(), "NodePoolDrawPending");
    await expect(own(1).dedicate(1, 1)).to.be.revertedWithCustomError(pool(), "NodePoolDrawPending");
    await expect(pool().connect(deployer).setLevel(1, 9)).to.be.revertedWithCustomError(pool(), "NodePoolDrawPending");
    await net().modules.COR.transfer(client.address, parameters.pool.minStake);
    await net().modules.COR.connect(client).approve(pool().target, parameters.pool.minStake);
    await pool().connect(client).register(client.address, MODEL, parameters.pool.minStake, "");
    expect(await row(), "a new node waits").to.deep.equal(before);
    expect(await pool().isEligible(NODES + 1)).to.equal(true);
    await pool().enlist(NODES + 1);
    expect(await row()).to.deep.equal(before);
    const members = await draw(wanted(MODEL, 3), seedOf(1));
    expect(members).to.deep.equal(drawLease(before, seedOf(1), 3).members);
    await session.retireDraw(MODEL);
    expect(await row(), "listed when the draw is made").to.include(NODES + 1);

    await session.announceDraw(MODEL, (await networkHelpers.time.latestBlock()) + 1);
    await networkHelpers.mine(2);
    await own(4).requestExit(4);
    expect(await row()).not.to.include(4);
    await networkHelpers.mine(64);
    await own(1).setRoles(1, 2);
    expect(await pool().drawPending(MODEL), "lapses").to.equal(false);
  });

  it("E1 E2 a panel's seat locks stake, for as long as it is open; a jailed node is in no list until its owner frees it", async () => {
    const { parameters } = net();
    const validation = await as("Validation");
    const { assignmentLock, minStake, jail } = parameters.pool;
    const [members, size] = await validation.drawPanel.staticCall(MODEL, 3, seedOf(0), 0, 0, 0, net().client.address);
    await validation.drawPanel(MODEL, 3, seedOf(0), 0, 0, 0, net().client.address);
    const panel = membersOf(members, Number(size));
    for (const node of panel)
      expect([(await pool().nodeOf(node)).locks, await pool().withdrawable(node)]).to.deep.equal([1n, minStake - assignmentLock]);
    await validation.releasePanel(members, size);
    for (const node of panel) expect(await pool().withdrawable(node)).to.equal(minStake);

    const culprit = panel[0]!;
    await validation.slashFraud(culprit, net().stranger.address);
    expect([await pool().isEligible(culprit), await pool().validatorCount(MODEL)]).to.deep.equal([false, BigInt(NODES - 1)]);
    const { jailedUntil } = await pool().nodeOf(culprit);
    await expect(own(culprit).free(culprit)).to.be.revertedWithCustomError(pool(), "NodePoolTooEarly");
    await nextAt(net(), Number(jailedUntil) + 1);
    await own(culprit).free(culprit);
    expect(await pool().isEligible(culprit), "its stake is below the minimum now").to.equal(false);
    const { COR } = net().modules;
    const owner = net().operators.get(culprit)!;
    await COR.transfer(owner.address, parameters.pool.fraudPenalty);
    await COR.connect(owner).approve(pool().target, parameters.pool.fraudPenalty);
    await own(culprit).addStake(culprit, parameters.pool.fraudPenalty);
    expect(await pool().isEligible(culprit)).to.equal(true);
    expect(jail).to.be.greaterThan(0);
  });

  it("E3 E7 H6 fraud takes what the day's cap leaves, nothing while it is switched off, and what was in force at registration", async () => {
    const { parameters, deployer, stranger } = net();
    const validation = await as("Validation");
    const { fraudPenalty } = parameters.pool;
    await pool()
      .connect(deployer)
      .setParameters({ ...parameters.pool, fraudPenalty: 1n, dailyCap: fraudPenalty + 5n });
    expect(await validation.slashFraud.staticCall(1, stranger.address)).to.equal(fraudPenalty);
    await validation.slashFraud(1, stranger.address);
    expect(await validation.slashFraud.staticCall(2, stranger.address)).to.equal(5n);
    await validation.slashFraud(2, stranger.address);
    expect(await validation.slashFraud.staticCall(3, stranger.address)).to.equal(0n);
    const share = (fraudPenalty * 3_000n) / 10_000n + (5n * 3_000n) / 10_000n;
    expect(await pool().bountyOf(stranger.address)).to.equal(share);
    expect((await pool().totals())[1], "bounties and the treasury's part").to.equal(fraudPenalty + 5n);
    await pool().connect(deployer).sweepSlashed(deployer.address);
    expect((await pool().totals())[1]).to.equal(share);
    await nextAt(net(), (await now(net())) + 86_400);
    await pool()
      .connect(deployer)
      .setParameters({ ...parameters.pool, slashing: false });
    expect(await validation.slashFraud.staticCall(3, stranger.address)).to.equal(0n);
    await expect(validation.slashFraud(3, stranger.address)).to.emit(pool(), "NodeJailed");
  });
});
