import { expect } from "chai";
import { ZeroHash } from "ethers";
import { drawLease, membersOf } from "../../offchain/protocol/draw.ts";
import { MODEL, type Network, wanted } from "./network.ts";
import { eventsIn, nextAt, now, receiptOf, useNetwork } from "./suite.ts";

const SEED = `0x${"5e".repeat(32)}`;
const OTHER_MODEL = `0x${"ef".repeat(32)}`;
const NODES = 12;

describe("NodePool: leases", () => {
  const net = useNetwork({ nodes: NODES, leased: false }, async ({ modules, networkHelpers }) => {
    for (const module of [modules.SessionQueue, modules.Session]) {
      await networkHelpers.impersonateAccount(module.target as string);
      await networkHelpers.setBalance(module.target as string, 10n ** 20n);
    }
  });
  const pool = () => net().modules.NodePool;
  const as = async (module: { target: unknown }) => pool().connect(await net().ethers.getSigner(module.target as string));
  const lease = async (size: number, until: number | bigint, seed = SEED) =>
    (await as(net().modules.SessionQueue)).lease(wanted(MODEL, size), seed, until);
  const listed = async (model = MODEL) => [...(await pool().eligible(model, 0, 100))].map(Number);
  const soon = async () => (await now(net())) + 1_000;
  const byNumber = (a: number, b: number) => a - b;
  const operator = (node: number): Network["client"] => net().operators.get(node)!;

  it("D1 D6 draws distinct eligible nodes, and takes exactly them off the dense list", async () => {
    const dense = await listed();
    const until = await soon();
    const receipt = await receiptOf(lease(10, until));
    const [drawn] = eventsIn(receipt, pool(), "LeaseDrawn");
    const { members, rest } = drawLease(dense, SEED, 10);
    expect(membersOf(BigInt(drawn!["members"]), 10)).to.deep.equal(members);
    expect([drawn!["lease"], drawn!["model"], drawn!["seed"], drawn!["size"], drawn!["until"]]).to.deep.equal([
      1n,
      MODEL,
      SEED,
      10n,
      BigInt(until),
    ]);
    expect(new Set(members).size).to.equal(10);
    expect(await listed()).to.deep.equal(rest);
    for (const node of members) expect([(await pool().nodeOf(node)).lease, await pool().isEligible(node)]).to.deep.equal([1n, false]);
    const [packed, size, end] = await pool().leaseOf(1);
    expect([membersOf(packed, 10), size, end]).to.deep.equal([members, 10n, BigInt(until)]);
  });

  it("H4 are drawn by Session and SessionQueue, and released by SessionQueue, alone", async () => {
    const { modules, deployer, client, stranger } = net();
    for (const signer of [deployer, client, stranger]) {
      await expect(pool().connect(signer).lease(wanted(MODEL, 1), SEED, 1))
        .to.be.revertedWithCustomError(pool(), "NodePoolUnauthorized")
        .withArgs(signer.address, modules.Session.target);
      await expect(pool().connect(signer).release(1))
        .to.be.revertedWithCustomError(pool(), "NodePoolUnauthorized")
        .withArgs(signer.address, modules.SessionQueue.target);
    }
    await (await as(modules.Session)).lease(wanted(MODEL, 1), SEED, await soon());
    await expect((await as(modules.Session)).release(1))
      .to.be.revertedWithCustomError(pool(), "NodePoolUnauthorized")
      .withArgs(modules.Session.target, modules.SessionQueue.target);
  });

  it("have one to ten members, and no more than there are eligible nodes", async () => {
    const until = await soon();
    for (const size of [0, 11])
      await expect(lease(size, until)).to.be.revertedWithCustomError(pool(), "NodePoolLeaseSize").withArgs(size, 10);
    await lease(10, until);
    await expect(lease(3, until)).to.be.revertedWithCustomError(pool(), "NodePoolTooFewNodes").withArgs(2, 3);
    await lease(2, until);
    await expect(lease(1, until)).to.be.revertedWithCustomError(pool(), "NodePoolTooFewNodes").withArgs(0, 1);
  });

  it("lapse: in the last second nobody collects, in the next a stranger does, once", async () => {
    const { stranger } = net();
    const until = await soon();
    await lease(5, until);
    const before = (await listed()).length;
    await nextAt(net(), until);
    await expect(pool().connect(stranger).collect(1))
      .to.be.revertedWithCustomError(pool(), "NodePoolTooEarly")
      .withArgs(until, until + 1);
    await nextAt(net(), until + 1);
    await expect(pool().connect(stranger).collect(1)).to.emit(pool(), "LeaseCollected").withArgs(1);
    expect([before, (await listed()).length]).to.deep.equal([NODES - 5, NODES]);
    await expect(pool().connect(stranger).collect(1)).to.be.revertedWithCustomError(pool(), "NodePoolNoLease").withArgs(1);
    await expect(pool().connect(stranger).collect(2)).to.be.revertedWithCustomError(pool(), "NodePoolNoLease").withArgs(2);
    await expect(pool().connect(stranger).collect(0)).to.be.revertedWithCustomError(pool(), "NodePoolNoLease").withArgs(0);
  });

  it("end once: a release after a collection does not free nodes that are in another lease", async () => {
    const until = await soon();
    await lease(NODES - 2, until);
    await nextAt(net(), until + 1);
    await pool().collect(1);
    await lease(10, until + 5_000);
    const before = await listed();
    const receipt = await receiptOf((await as(net().modules.SessionQueue)).release(1));
    expect(receipt.logs).to.have.length(0);
    expect(await listed()).to.deep.equal(before);
  });

  it("hold their members to their model, and a member that switches itself off or on stays until the end", async () => {
    const until = await soon();
    await lease(10, until);
    const [off, on] = membersOf((await pool().leaseOf(1))[0], 10);
    for (const available of [false, true]) {
      await expect(pool().connect(operator(off!)).serve(off!, OTHER_MODEL, available))
        .to.be.revertedWithCustomError(pool(), "NodePoolLeased")
        .withArgs(off, 1);
    }
    const before = await listed();
    for (const node of [off!, on!]) await pool().connect(operator(node)).serve(node, MODEL, false);
    await pool().connect(operator(on!)).serve(on!, MODEL, true);
    expect([await listed(), (await pool().nodeOf(off!)).lease, (await pool().nodeOf(on!)).lease]).to.deep.equal([before, 1n, 1n]);
    await nextAt(net(), until + 1);
    await pool().collect(1);
    expect([(await listed()).includes(off!), (await listed()).includes(on!)]).to.deep.equal([false, true]);
  });

  it("E4 E6 a member may ask to exit: its stake thaws from the lease's end, is slashable until it leaves, and it is drawn no more", async () => {
    const { parameters, stranger, modules } = net();
    const until = await soon();
    await lease(10, until);
    const node = membersOf((await pool().leaseOf(1))[0], 10)[0]!;
    const owner = pool().connect(operator(node));
    const exitAt = until + parameters.pool.thaw;
    await expect(owner.requestExit(node)).to.emit(pool(), "ExitRequested").withArgs(node, exitAt);
    expect((await pool().nodeOf(node)).lease).to.equal(1n);
    await nextAt(net(), exitAt);
    const { assignmentLock, minStake } = parameters.pool;
    await expect(owner.withdrawStake(node, operator(node).address), "before the lease is collected, all but what it locks")
      .to.emit(pool(), "StakeWithdrawn")
      .withArgs(node, operator(node).address, minStake - assignmentLock);
    await pool().connect(stranger).collect(1);
    expect((await listed()).includes(node)).to.equal(false);
    await (await as(modules.SessionQueue)).slashUnopened(node, 0, 600);
    await expect(owner.withdrawStake(node, operator(node).address))
      .to.emit(pool(), "StakeWithdrawn")
      .withArgs(node, operator(node).address, assignmentLock - parameters.pool.unopenedPenalty);
  });

  it("E6 a member of a lease that has lapsed and was not collected thaws from now", async () => {
    const { parameters } = net();
    const until = await soon();
    await lease(10, until);
    const node = membersOf((await pool().leaseOf(1))[0], 10)[0]!;
    await nextAt(net(), until + 500);
    await expect(pool().connect(operator(node)).requestExit(node))
      .to.emit(pool(), "ExitRequested")
      .withArgs(node, until + 500 + parameters.pool.thaw);
  });

  it("a member that governance dismisses stays in its lease and out of the list afterwards", async () => {
    const { deployer } = net();
    const until = await soon();
    await lease(10, until);
    const node = membersOf((await pool().leaseOf(1))[0], 10)[0]!;
    await pool().connect(deployer).admit(node, false);
    expect(membersOf((await pool().leaseOf(1))[0], 10)).to.include(node);
    expect((await pool().nodeOf(node)).lease).to.equal(1n);
    await nextAt(net(), until + 1);
    await pool().collect(1);
    expect((await listed()).sort(byNumber)).to.deep.equal([...net().operators.keys()].filter((other) => other !== node));
  });

  it("D6 a node moves between the lists of models, and off them when it is switched off", async () => {
    const { modules, deployer, stranger } = net();
    const [model] = net().parameters.models;
    await modules.ModelRegistry.connect(deployer).register(OTHER_MODEL, { ...model!, registeredAt: 0, deprecatedAt: 0 });
    const all = await listed();
    await expect(pool().connect(operator(3)).serve(3, OTHER_MODEL, true))
      .to.emit(pool(), "NodeServiceChanged")
      .withArgs(3, OTHER_MODEL, true);
    expect([await listed(), await listed(OTHER_MODEL)]).to.deep.equal([all.map((node) => (node === 3 ? NODES : node)).slice(0, -1), [3]]);
    await pool().connect(operator(3)).serve(3, OTHER_MODEL, false);
    expect(await listed(OTHER_MODEL)).to.deep.equal([]);
    await pool().connect(operator(3)).serve(3, MODEL, true);
    expect(await pool().eligibleCount(MODEL)).to.equal(BigInt(NODES));
    await modules.ModelRegistry.connect(deployer).deprecate(OTHER_MODEL);
    await expect(pool().connect(operator(3)).serve(3, OTHER_MODEL, true))
      .to.be.revertedWithCustomError(pool(), "NodePoolModelUnavailable")
      .withArgs(OTHER_MODEL);
    await pool().connect(operator(3)).serve(3, OTHER_MODEL, false);
    await expect(pool().connect(stranger).serve(3, MODEL, true))
      .to.be.revertedWithCustomError(pool(), "NodePoolUnauthorized")
      .withArgs(stranger.address, operator(3).address);
  });

  it("D6 I1 the dense lists hold exactly the eligible nodes after any sequence of changes, and pages of them add up", async () => {
    const { deployer } = net();
    const moves: (() => Promise<unknown>)[] = [];
    let end = 0n;
    const collectAll = async () => {
      await nextAt(net(), BigInt(await now(net())) + 2_000n);
      for (let id = 1n; id <= end; id++)
        await pool()
          .collect(id)
          .catch(() => undefined);
    };
    for (let round = 0; round < 60; round++) {
      const node = 1 + ((round * 7) % NODES);
      const kind = (round * 5) % 8;
      moves.push(async () => {
        if (kind === 0) await lease(1 + (round % 4), await soon(), `0x${(round + 1).toString(16).padStart(64, "0")}`).then(() => end++);
        else if (kind === 1) await collectAll();
        else if (kind < 5)
          await pool()
            .connect(operator(node))
            .serve(node, MODEL, kind === 3);
        else
          await pool()
            .connect(deployer)
            .admit(node, kind !== 5);
      });
    }
    for (const move of moves) {
      await move().catch(() => undefined);
      const eligible = [];
      for (const node of net().operators.keys()) if (await pool().isEligible(node)) eligible.push(node);
      const list = await listed();
      expect([...list].sort(byNumber)).to.deep.equal(eligible);
      for (const [place, node] of list.entries()) expect((await pool().nodeOf(node)).listedAt).to.equal(BigInt(place + 1));
    }
    expect(end).to.be.greaterThan(2n);
    const list = await listed();
    const pages = [await pool().eligible(MODEL, 0, 2), await pool().eligible(MODEL, 2, 3), await pool().eligible(MODEL, 5, 100)];
    expect(pages.flatMap((page) => [...page]).map(Number)).to.deep.equal(list);
    expect([...(await pool().eligible(MODEL, 100, 5)), ...(await pool().eligible(ZeroHash, 0, 5))]).to.deep.equal([]);
  });

  it("a committee wants no more seats than the lease has members", async () => {
    await lease(3, await soon());
    await expect(pool().committee(1, 5, 4))
      .to.be.revertedWithCustomError(pool(), "NodePoolNoLease")
      .withArgs(1);
    await expect(pool().seatOf(1, 5, 4, 0))
      .to.be.revertedWithCustomError(pool(), "NodePoolNoLease")
      .withArgs(1);
    const seats = await pool().committee(1, 5, 3);
    for (let seat = 0; seat < 3; seat++) expect(await pool().seatOf(1, 5, 3, seat)).to.equal(seats[seat]);
  });
});
