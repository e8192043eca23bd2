import { expect } from "chai";
import { LEASE_SECONDS, MODEL } from "./network.ts";
import { ping } from "./pings.ts";
import { answer, Kind, RoundDriver } from "./rounds.ts";
import { useNetwork } from "./suite.ts";

const UNPROVEN = 3;

describe("NodePool with proof", () => {
  const net = useNetwork(
    { nodes: 8, leased: false, parameters: { pool: { proving: true }, network: { livenessWindow: 600, epoch: 6_000 } } },
    (fresh) => ping(fresh),
  );
  const pool = () => net().modules.NodePool;
  const listed = async () => [...(await pool().eligible(MODEL, 0, 99))].map(Number);
  const unproven = async () => Number(await pool().drawable(MODEL, UNPROVEN));
  /** Liveness rounds until every node has passed. */
  const proveAll = async () => {
    while ((await listed()).length < 8) {
      await ping(net());
      await (await RoundDriver.open(net(), Kind.Liveness)).run();
    }
    await ping(net());
  };
  /** A lease of all its terms ask for; drawn where there are nodes. */
  const reserve = async () => {
    const { modules, client, session, networkHelpers, parameters } = net();
    await modules.Session.connect(client).update(session, { ...net().terms, mode: 0, leaseNodes: 3 });
    await modules.Session.connect(client).reserve(session, LEASE_SECONDS, 0);
    await networkHelpers.mine(parameters.seedDelay + 1);
    return modules.Session.drawLease(session);
  };
  const leased = async () => {
    const nodes: number[] = [];
    for (const node of net().operators.keys()) if ((await pool().nodeOf(node)).lease !== 0n) nodes.push(node);
    return nodes;
  };

  it("N3 N6 a new node is in no session's draw until it has passed in a round, and is then", async () => {
    expect(await listed()).to.deep.equal([]);
    expect(await unproven()).to.equal(8);
    await expect(reserve()).to.be.revertedWithCustomError(pool(), "NodePoolTooFewNodes");
    // While a draw is decided and not made, no list changes: anybody cancels the reservation once its time is over.
    await net().networkHelpers.time.increase(3_600);
    await net().networkHelpers.mine(300);
    await net().modules.Session.cancelReservation(net().session);
    await ping(net());
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const openings = [answer(0), answer(1), answer(2, 90)];
    await round.run(openings);
    const members = await round.answerers();
    expect((await listed()).sort()).to.deep.equal(members.slice(0, 2).sort());
    expect(await pool().isEligible(members[0]!)).to.equal(true);
    expect(await pool().isEligible(members[2]!)).to.equal(false);
    expect(await unproven()).to.equal(6);
  });

  it("N6 a node that is silent or senseless in a round leaves the pool; a good one enters it again", async () => {
    await proveAll();
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const members = await round.start();
    await round.commit([answer(0), answer(1)]);
    await round.expire();
    await round.reveal([answer(0), answer(1)]);
    expect(await pool().isEligible(members[2]!)).to.equal(false);
    expect((await pool().nodeOf(members[2]!)).passedAt).to.equal(0n);
    expect((await listed()).length).to.equal(7);
    await proveAll();
    expect(await pool().isEligible(members[2]!)).to.equal(true);
  });

  it("N3 after a lease that gave it work a node needs a fresh pass, after one that gave none it does not", async () => {
    await proveAll();
    await reserve();
    const members = await leased();
    expect(members.length).to.equal(3);
    await net().networkHelpers.time.increase(LEASE_SECONDS + 1);
    await pool().collect((await pool().nodeOf(members[0]!)).lease);
    await ping(net());
    for (const node of members) {
      await pool().enlist(node);
      expect(await pool().isEligible(node), `node ${node} without work`).to.equal(true);
    }
    for (const node of net().operators.keys()) await pool().enlist(node);
    await reserve();
    const workers = await leased();
    const task = await net().submit();
    await net().commitCarried(task);
    await net().networkHelpers.mine(1);
    await net().modules.SessionQueue.reveal(net().handover(task));
    await net().networkHelpers.time.increase(LEASE_SECONDS + 1);
    await pool().collect((await pool().nodeOf(workers[0]!)).lease);
    await ping(net());
    for (const node of workers) {
      expect(await pool().isEligible(node), `node ${node} with work`).to.equal(false);
      expect((await pool().nodeOf(node)).listedIn).to.equal(3n);
    }
  });

  it("N3 who falls silent is passed over by every draw, and unlisted by anybody", async () => {
    await proveAll();
    const length = await net().modules.Liveness.WINDOW();
    await net().networkHelpers.time.increase(2n * length);
    await ping(net(), [1, 2, 3, 4]);
    expect((await listed()).length).to.equal(8);
    for (let i = 0; i < 2; i++) {
      await reserve();
      for (const node of await leased()) expect(node).to.be.lessThan(5);
      await net().modules.Session.connect(net().client).endLease(net().session);
      await pool()
        .collect((await pool().nodeOf((await leased())[0]!)).lease)
        .catch(() => undefined);
      break;
    }
    await pool().enlist(7);
    expect(await listed()).to.not.include(7);
  });

  it("N3 a leased node is never drawn for a round, nor a round's node for a session", async () => {
    await proveAll();
    await reserve();
    const inSession = await leased();
    const round = await RoundDriver.open(net(), Kind.Liveness);
    const members = await round.start();
    const inRound = [await round.creator(), await round.preparer(), ...members];
    expect(inRound.filter((node) => inSession.includes(node))).to.deep.equal([]);
    expect((await leased()).sort()).to.deep.equal([...inSession, ...inRound].sort());
    // Nobody is left: a second session gets nobody who is in the round.
    const { Session } = net().modules;
    const { client, terms, networkHelpers, parameters } = net();
    await Session.connect(client).open({ ...terms, mode: 0, leaseNodes: 3 });
    await net()
      .modules.SessionPayment.connect(client)
      .deposit(2, 10n ** 21n);
    await Session.connect(client).reserve(2, LEASE_SECONDS, 0);
    await networkHelpers.mine(parameters.seedDelay + 1);
    await expect(Session.drawLease(2)).to.be.revertedWithCustomError(pool(), "NodePoolTooFewNodes");
  });

  it("N7 levels rise after capable passes in a row and fall after misses, one at a time", async () => {
    const { PoUW, Reputation } = net().modules;
    const rules = net().parameters.network.capability.rules;
    await PoUW.setRules(Kind.Capability, { ...rules, passesUp: 1, missesDown: 1, speed: 0 }, `0x${"77".repeat(32)}`);
    await proveAll();
    const round = await RoundDriver.open(net(), Kind.Capability);
    await round.run();
    const members = await round.answerers();
    for (const node of members) expect(await pool().levelOf(node)).to.equal(1n);
    await net().networkHelpers.time.increase(30);
    await ping(net());
    const bad = await RoundDriver.open(net(), Kind.Capability);
    const before = new Map<number, bigint>();
    for (const node of net().operators.keys()) before.set(node, await pool().levelOf(node));
    await bad.run(
      undefined,
      [0, 1].map(() => 0n),
    );
    for (const node of await bad.answerers()) {
      expect(await pool().levelOf(node)).to.equal(before.get(node)! === 0n ? 0n : before.get(node)! - 1n);
      expect((await Reputation.standingOf(node)).misses).to.equal(0n);
      expect(await pool().isEligible(node)).to.equal(false);
    }
  });

  it("N7 a useful answer that is too slow for its node's level keeps the pass and is still a miss", async () => {
    const { PoUW, NodePool, Reputation } = net().modules;
    const rules = net().parameters.network.capability.rules;
    await PoUW.setRules(Kind.Capability, { ...rules, speed: 65_000 }, `0x${"77".repeat(32)}`);
    await proveAll();
    for (const node of net().operators.keys()) await NodePool.setLevel(node, 5);
    const round = await RoundDriver.open(net(), Kind.Capability);
    const members = await round.start();
    await net().networkHelpers.time.increase(5);
    const openings = members.map((_, seat) => answer(seat));
    await round.commit(openings);
    await net().networkHelpers.time.increase(1);
    await round.reveal(openings);
    await round.draw();
    const { scoring, verdict } = await import("./rounds.ts");
    const scores = (await round.validators()).map((_, seat) => scoring(seat, verdict([8, 8, 8])));
    await round.commitScores(scores);
    await net().networkHelpers.time.increase(1);
    await round.revealScores(scores);
    await ping(net());
    for (const node of members) {
      const standing = await Reputation.standingOf(node);
      expect([standing.streak, standing.misses]).to.deep.equal([0n, 1n]);
      expect(await pool().isEligible(node)).to.equal(true);
    }
  });
});
