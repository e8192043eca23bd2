import { expect } from "chai";
import { AbiCoder, keccak256 } from "ethers";
import { drawLease, membersOf, seedOf } from "../../offchain/protocol/draw.ts";
import { MODEL, type Network, WINDOWS } from "./network.ts";
import { eventsIn, nextAt, now, receiptOf, useNetwork } from "./suite.ts";

const DAY = 86_400;
const LEAST = WINDOWS.commitWindow + WINDOWS.revealWindow + 1;
const RESERVE_WINDOW = 600;

describe("Session: a lease is reserved and drawn", () => {
  const net = useNetwork(
    { nodes: 6, redundancy: 3, leaseNodes: 4, leased: false, parameters: { seedDelay: 2 } },
    async ({ modules, client, session, terms }) => {
      await modules.Session.connect(client).update(session, { ...terms, mode: 0 });
    },
  );
  const Session = () => net().modules.Session;
  const reserve = (duration = 3_000, signer: Network["client"] = net().client) =>
    Session().connect(signer).reserve(net().session, duration, 0);
  const rate = () => net().parameters.session.leaseRate;

  it("locks nodes times seconds times rate, and names the block that will decide", async () => {
    const { modules, session, router } = net();
    const before = await modules.SessionPayment.balanceOf(session);
    const second = (await now(net())) + 5;
    await nextAt(net(), second);
    const receipt = await receiptOf(reserve(3_000, router));
    const price = rate() * 4n * 3_000n;
    expect(eventsIn(receipt, Session(), "LeaseReserved").map((args) => [...args])).to.deep.equal([
      [session, 4n, 3_000n, 0n, BigInt(receipt.blockNumber + 2), price],
    ]);
    const after = await modules.SessionPayment.balanceOf(session);
    expect([before.available - after.available, after.locked - before.locked]).to.deep.equal([price, price]);
    const record = await Session().sessionOf(session);
    expect([record.seedBlock, record.reservedSeconds, record.reserveBy, record.reservedLock]).to.deep.equal([
      BigInt(receipt.blockNumber + 2),
      3_000n,
      BigInt(second + RESERVE_WINDOW),
      price,
    ]);
  });

  it("is for the owner and its routers, long enough for one task and no longer than a day, one at a time", async () => {
    const { stranger, client, session } = net();
    await expect(reserve(3_000, stranger))
      .to.be.revertedWithCustomError(Session(), "SessionUnauthorized")
      .withArgs(session, stranger.address);
    for (const duration of [0, LEAST - 1, DAY + 1]) {
      await expect(reserve(duration))
        .to.be.revertedWithCustomError(Session(), "SessionTermOutOfRange")
        .withArgs("duration", duration, LEAST, DAY);
    }
    await reserve(LEAST);
    const { seedBlock } = await Session().sessionOf(session);
    for (const send of [() => reserve(DAY), () => Session().connect(client).update(session, net().terms)]) {
      await expect(send()).to.be.revertedWithCustomError(Session(), "SessionReservation").withArgs(session, seedBlock);
    }
  });

  it("is refused where the session draws per task, and while it is pending the session cannot be closed", async () => {
    const { client, session, terms } = net();
    await Session()
      .connect(client)
      .open({ ...terms, mode: 1 });
    await expect(Session().connect(client).reserve(2, 3_000, 0))
      .to.be.revertedWithCustomError(Session(), "SessionNotLeased")
      .withArgs(2);
    await reserve();
    const { seedBlock } = await Session().sessionOf(session);
    await expect(Session().connect(client).close(session))
      .to.be.revertedWithCustomError(Session(), "SessionReservation")
      .withArgs(session, seedBlock);
    await net().networkHelpers.mine(3);
    await Session().drawLease(session);
    await Session().connect(client).close(session);
  });

  it("is refused where the money for it is missing", async () => {
    const { modules, client, session } = net();
    const price = rate() * 4n * BigInt(DAY);
    const { available } = await modules.SessionPayment.balanceOf(session);
    await Session()
      .connect(client)
      .refund(session, client.address, available - price + 1n);
    await expect(reserve(DAY))
      .to.be.revertedWithCustomError(modules.SessionPayment, "SessionPaymentInsufficient")
      .withArgs(session, price - 1n, price);
    await reserve(DAY - 1);
  });

  it("D3 D5 is drawn by anyone in the block after the seed block, as anybody can recompute, and starts and is owed then", async () => {
    const { modules, stranger, session, ethers, networkHelpers } = net();
    await expect(Session().connect(stranger).drawLease(session))
      .to.be.revertedWithCustomError(Session(), "SessionReservation")
      .withArgs(session, 0);
    await reserve();
    const seedBlock = Number((await Session().sessionOf(session)).seedBlock);
    await networkHelpers.mineUpTo(seedBlock - 1);
    await expect(Session().connect(stranger).drawLease(session))
      .to.be.revertedWithCustomError(Session(), "SessionSeedNotMined")
      .withArgs(seedBlock, seedBlock);
    await networkHelpers.mine(1);
    const dense = [...(await modules.NodePool.eligible(MODEL, 0, 100))].map(Number);
    const owed = () => Promise.all([...net().operators.keys()].map((node) => modules.SessionPayment.owedToNode(node)));
    const [before, liabilities] = [await modules.SessionPayment.balanceOf(session), await modules.SessionPayment.liabilities()];
    const second = (await now(net())) + 50;
    await nextAt(net(), second);
    const receipt = await receiptOf(Session().connect(stranger).drawLease(session));
    const salt = keccak256(AbiCoder.defaultAbiCoder().encode(["uint32", "uint40"], [session, seedBlock]));
    const { members } = drawLease(dense, seedOf((await ethers.provider.getBlock(seedBlock))!.hash!, salt), 4);
    const [drawn] = eventsIn(receipt, modules.NodePool, "LeaseDrawn");
    expect(membersOf(BigInt(drawn!["members"]), 4)).to.deep.equal(members);
    expect(eventsIn(receipt, Session(), "LeaseStarted").map((args) => [...args])).to.deep.equal([[session, 1n, BigInt(second + 3_000)]]);
    const each = rate() * 3_000n;
    expect(await owed()).to.deep.equal([...net().operators.keys()].map((node) => (members.includes(node) ? each : 0n)));
    const after = await modules.SessionPayment.balanceOf(session);
    expect([after.locked, before.locked - after.locked, after.available]).to.deep.equal([0n, 4n * each, before.available]);
    expect(await modules.SessionPayment.liabilities()).to.equal(liabilities);
    const record = await Session().sessionOf(session);
    expect([record.lease, record.leaseUntil, record.seedBlock, record.reservedLock]).to.deep.equal([1n, BigInt(second + 3_000), 0n, 0n]);
    await expect(Session().connect(stranger).drawLease(session), "once")
      .to.be.revertedWithCustomError(Session(), "SessionReservation")
      .withArgs(session, 0);
    await expect(Session().drawLease(77n)).to.be.revertedWithCustomError(Session(), "SessionUnknown").withArgs(77);
  });

  it("G1 that finds no free nodes waits, and after its window anyone gives the lock back to the last unit", async () => {
    const { modules, stranger, session, networkHelpers, operators } = net();
    const before = await modules.SessionPayment.balanceOf(session);
    for (const node of [1, 2, 3]) await modules.NodePool.connect(operators.get(node)).serve(node, MODEL, false);
    await expect(Session().cancelReservation(session)).to.be.revertedWithCustomError(Session(), "SessionReservation").withArgs(session, 0);
    await reserve();
    await networkHelpers.mine(3);
    await expect(Session().drawLease(session)).to.be.revertedWithCustomError(modules.NodePool, "NodePoolTooFewNodes").withArgs(3, 4);
    const { reserveBy, reservedLock } = await Session().sessionOf(session);
    await nextAt(net(), reserveBy);
    await expect(Session().connect(stranger).cancelReservation(session))
      .to.be.revertedWithCustomError(Session(), "SessionTooEarly")
      .withArgs(reserveBy, reserveBy + 1n);
    await nextAt(net(), reserveBy + 1n);
    await expect(Session().connect(stranger).cancelReservation(session))
      .to.emit(Session(), "ReservationCancelled")
      .withArgs(session, reservedLock);
    expect([...(await modules.SessionPayment.balanceOf(session))]).to.deep.equal([...before]);
    await expect(Session().cancelReservation(session)).to.be.revertedWithCustomError(Session(), "SessionReservation").withArgs(session, 0);
    await reserve();
  });

  it("that nobody drew in its window can still be drawn, until somebody cancels it", async () => {
    const { session, networkHelpers } = net();
    await reserve();
    await networkHelpers.mine(300);
    await nextAt(net(), (await Session().sessionOf(session)).reserveBy + 500n);
    await Session().drawLease(session);
    expect((await Session().sessionOf(session)).lease).to.equal(1n);
  });

  it("D5 the seed of a lease that nobody draws in 256 blocks is that of a block 256 later", async () => {
    const { modules, session, networkHelpers, ethers } = net();
    await reserve();
    const seedBlock = Number((await Session().sessionOf(session)).seedBlock);
    await networkHelpers.mineUpTo(seedBlock + 299);
    const receipt = await receiptOf(Session().drawLease(session));
    const [drawn] = eventsIn(receipt, modules.NodePool, "LeaseDrawn");
    const salt = keccak256(AbiCoder.defaultAbiCoder().encode(["uint32", "uint40"], [session, seedBlock]));
    expect(drawn!["seed"]).to.equal(seedOf((await ethers.provider.getBlock(seedBlock + 256))!.hash!, salt));
  });

  it("A5 at the lowest rate every node is owed a unit a second, and nothing stays locked", async () => {
    const { modules, session, networkHelpers, deployer } = net();
    await Session()
      .connect(deployer)
      .setParameters({ ...net().parameters.session, leaseRate: 1 });
    const before = await modules.SessionPayment.balanceOf(session);
    await reserve(LEAST);
    await networkHelpers.mine(3);
    await Session().drawLease(session);
    const after = await modules.SessionPayment.balanceOf(session);
    expect([before.available - after.available, after.locked]).to.deep.equal([4n * BigInt(LEAST), 0n]);
  });

  it("costs nothing where the rate is zero", async () => {
    const { modules, session, networkHelpers, deployer } = net();
    await Session()
      .connect(deployer)
      .setParameters({ ...net().parameters.session, leaseRate: 0 });
    const before = await modules.SessionPayment.balanceOf(session);
    await reserve();
    await networkHelpers.mine(3);
    await Session().drawLease(session);
    expect([...(await modules.SessionPayment.balanceOf(session))]).to.deep.equal([...before]);
    expect((await Session().sessionOf(session)).lease).to.equal(1n);
  });

  it("follows another, and tasks of the former end with the nodes that they began with", async () => {
    const { modules, session, networkHelpers } = net();
    const next = async () => {
      await reserve();
      await networkHelpers.mine(3);
      await Session().drawLease(session);
    };
    await next();
    const former = await net().submit();
    const seats = await net().seatsOf(former);
    for (let i = 0; i < 2; i++) await net().addNode();
    await next();
    const task = await net().submit();
    expect([(await net().factsOf(former)).lease, (await net().factsOf(task)).lease]).to.deep.equal([1, 2]);
    expect(await net().seatsOf(former)).to.deep.equal(seats);
    expect(
      (await net().seatsOf(task)).filter((node) => seats.includes(node)),
      "D1",
    ).to.deep.equal([]);
    await net().commitCarried(former);
    await networkHelpers.mine(1);
    await modules.SessionQueue.reveal(net().handover(former));
    for (const node of seats) expect((await modules.Reputation.recordOf(node)).accepted).to.equal(1n);
  });
});
