import { expect } from "chai";
import { parseEther, toBeHex, ZeroAddress } from "ethers";
import { unpackRules } from "../../offchain/protocol/terms.ts";
import { Comparison } from "../../offchain/protocol/types.ts";
import { MODEL, type Network } from "./network.ts";
import { entryOf, eventsIn, receiptOf, useNetwork } from "./suite.ts";
import { PLAIN_RULES } from "../plain.ts";

const HOURS_7 = 7 * 3_600;
const MAX_TASKS = 64n * 65_535n;

describe("Session: terms", () => {
  const net = useNetwork();
  const Session = () => net().modules.Session;
  type Terms = Network["terms"];
  const open = (change: Partial<Terms> = {}, signer = net().stranger) =>
    Session()
      .connect(signer)
      .open({ ...net().terms, ...change });
  const outOfRange = async (change: Partial<Terms>, term: string, found: number, least: number, most: number) =>
    expect(open(change), `${term} ${found}`)
      .to.be.revertedWithCustomError(Session(), "SessionTermOutOfRange")
      .withArgs(term, found, least, most);

  it("anyone opens a session: rules are the terms, the model's price and distance, and the parameters of that moment", async () => {
    const { stranger, parameters } = net();
    const receipt = await receiptOf(
      open({ redundancy: 5, quorum: 4, leaseNodes: 7, comparison: Comparison.Exact, maxTokens: 99, commitWindow: 2, revealWindow: 3 }),
    );
    const [opened] = eventsIn(receipt, Session(), "SessionOpened");
    expect([opened!["session"], opened!["owner"], opened!["terms"].redundancy, opened!["terms"].leaseNodes]).to.deep.equal([
      2n,
      stranger.address,
      5n,
      7n,
    ]);
    expect(unpackRules(opened!["rules"])).to.deep.equal({
      price: parseEther("1"),
      maxTokens: 99,
      commitWindow: 2,
      revealWindow: 3,
      protocolFeeBps: parameters.session.protocolFeeBps,
      routerFeeBps: parameters.session.routerFeeBps,
      threshold: 45,
      redundancy: 5,
      quorum: 4,
      comparison: Comparison.Exact,
      leased: true,
      ...PLAIN_RULES,
      standby: true,
      bounty: BigInt(parameters.session.bounty) * 10n ** 12n,
    });
    const record = await Session().sessionOf(2);
    expect([record.owner, record.tasks, record.lease, record.closed, record.router, record.leaseUntil]).to.deep.equal([
      stranger.address,
      0n,
      0n,
      false,
      ZeroAddress,
      0n,
    ]);
    expect([record.rules, record.model, record.leaseNodes, record.maxPrompts, record.maxPromptTokens, record.queueWindow]).to.deep.equal([
      opened!["rules"],
      MODEL,
      7n,
      64n,
      4_096n,
      600n,
    ]);
    expect([await Session().sessionCount(), record.seedBlock]).to.deep.equal([2n, 0n]);
    await expect(Session().sessionOf(3)).to.be.revertedWithCustomError(Session(), "SessionUnknown").withArgs(3);
    await expect(Session().sessionOf(0)).to.be.revertedWithCustomError(Session(), "SessionUnknown").withArgs(0);
  });

  it("B6 every term is held within its bounds, and both ends of each are allowed", async () => {
    await outOfRange({ redundancy: 0, quorum: 0 }, "redundancy", 0, 1, 9);
    await outOfRange({ redundancy: 10 }, "redundancy", 10, 1, 9);
    await outOfRange({ redundancy: 3, quorum: 1 }, "quorum", 1, 2, 3);
    await outOfRange({ redundancy: 3, quorum: 4 }, "quorum", 4, 2, 3);
    await outOfRange({ redundancy: 4, quorum: 2 }, "quorum", 2, 3, 4);
    await outOfRange({ commitWindow: 1 }, "commitWindow", 1, 2, HOURS_7);
    await outOfRange({ commitWindow: HOURS_7 + 1 }, "commitWindow", HOURS_7 + 1, 2, HOURS_7);
    await outOfRange({ revealWindow: 1 }, "revealWindow", 1, 2, HOURS_7);
    await outOfRange({ revealWindow: HOURS_7 + 1 }, "revealWindow", HOURS_7 + 1, 2, HOURS_7);
    await outOfRange({ mode: 1, queueWindow: 1 }, "queueWindow", 1, 2, HOURS_7);
    await outOfRange({ mode: 1, queueWindow: HOURS_7 + 1 }, "queueWindow", HOURS_7 + 1, 2, HOURS_7);
    await outOfRange({ leaseNodes: 2 }, "leaseNodes", 2, 3, 10);
    await outOfRange({ leaseNodes: 11 }, "leaseNodes", 11, 3, 10);
    await outOfRange({ maxPrompts: 0 }, "maxPrompts", 0, 1, 341);
    await outOfRange({ maxPrompts: 342 }, "maxPrompts", 342, 1, 341);
    await outOfRange({ maxTokens: 0 }, "maxTokens", 0, 1, 4_096);
    await outOfRange({ maxTokens: 4_097 }, "maxTokens", 4_097, 1, 4_096);
    await outOfRange({ maxPromptTokens: 0 }, "maxPromptTokens", 0, 1, 4_096);
    await outOfRange({ maxPromptTokens: 4_097 }, "maxPromptTokens", 4_097, 1, 4_096);
    await open({
      redundancy: 1,
      quorum: 1,
      leaseNodes: 1,
      maxPrompts: 1_024,
      commitWindow: 2,
      revealWindow: 2,
      maxTokens: 1,
      maxPromptTokens: 1,
    });
    await open({ redundancy: 9, quorum: 9, leaseNodes: 10, maxPrompts: 113, commitWindow: HOURS_7, revealWindow: HOURS_7 });
    await open({ redundancy: 9, quorum: 5, leaseNodes: 9, maxPrompts: 1 });
    await open({ mode: 1, queueWindow: 2, leaseNodes: 0 });
    await open({ mode: 1, queueWindow: HOURS_7 });
  });

  it("wants a current model at no more than the ceiling", async () => {
    const { modules, deployer } = net();
    const unknown = `0x${"99".repeat(32)}`;
    await expect(open({ model: unknown }))
      .to.be.revertedWithCustomError(Session(), "SessionModelUnavailable")
      .withArgs(unknown);
    const price = parseEther("1");
    await expect(open({ priceCeiling: price - 1n }))
      .to.be.revertedWithCustomError(Session(), "SessionPriceAboveCeiling")
      .withArgs(price, price - 1n);
    await open({ priceCeiling: price });
    await modules.ModelRegistry.connect(deployer).deprecate(MODEL);
    await expect(open()).to.be.revertedWithCustomError(Session(), "SessionModelUnavailable").withArgs(MODEL);
    const [queued] = eventsIn(
      await receiptOf(Session().connect(net().router).submit(net().session, net().request(1))),
      modules.SessionQueue,
      "TaskQueued",
    );
    expect(queued!["task"], "what runs goes on").to.equal((1n << 32n) | 1n);
  });

  it("B6 are changed by the owner for tasks to come, which start without lease", async () => {
    const { client, router, stranger, session, modules, deployer } = net();
    for (const signer of [router, stranger, deployer]) {
      await expect(Session().connect(signer).update(session, net().terms))
        .to.be.revertedWithCustomError(Session(), "SessionUnauthorized")
        .withArgs(session, signer.address);
    }
    await expect(
      Session()
        .connect(client)
        .update(session, { ...net().terms, redundancy: 0 }),
    ).to.be.revertedWithCustomError(Session(), "SessionTermOutOfRange");
    await modules.Session.connect(deployer).setParameters({
      protocolFeeBps: 1,
      routerFeeBps: 2,
      bounty: 3,
      leaseRate: 4,
      validatorPrice: 0,
    });
    const receipt = await receiptOf(
      Session()
        .connect(client)
        .update(session, { ...net().terms, redundancy: 1, quorum: 1 }),
    );
    const [updated] = eventsIn(receipt, Session(), "SessionUpdated");
    expect(unpackRules(updated!["rules"])).to.include({
      redundancy: 1,
      quorum: 1,
      protocolFeeBps: 1,
      routerFeeBps: 2,
      bounty: 3n * 10n ** 12n,
    });
    const record = await Session().sessionOf(session);
    expect([record.lease, record.rules]).to.deep.equal([0n, updated!["rules"]]);
    await expect(Session().connect(router).submit(session, net().request(1))).to.be.revertedWithCustomError(
      Session(),
      "SessionLeaseTooShort",
    );
  });

  it("pass to a new owner with everything, and the old one has no more say", async () => {
    const { client, stranger, router, session } = net();
    await expect(Session().connect(router).transfer(session, router.address)).to.be.revertedWithCustomError(
      Session(),
      "SessionUnauthorized",
    );
    await expect(Session().connect(client).transfer(session, ZeroAddress)).to.be.revertedWithCustomError(Session(), "SessionZeroAddress");
    await expect(Session().connect(client).transfer(session, stranger.address))
      .to.emit(Session(), "SessionTransferred")
      .withArgs(session, client.address, stranger.address);
    const as = Session().connect(client);
    for (const send of [
      () => as.update(session, net().terms),
      () => as.close(session),
      () => as.transfer(session, client.address),
      () => as.submit(session, net().request(1)),
      () => as.setRouter(session, client.address, true, ""),
      () => as.reserve(session, 5_000, 0),
    ]) {
      await expect(send()).to.be.revertedWithCustomError(Session(), "SessionUnauthorized").withArgs(session, client.address);
    }
    await Session().connect(stranger).submit(session, net().request(1));
  });

  it("pass to a new owner without the former owner's routers, which the new owner may name again", async () => {
    const { client, stranger, router, keeper, session } = net();
    await Session().connect(client).setRouter(session, keeper.address, true, "");
    await Session().connect(client).transfer(session, stranger.address);
    expect((await Session().sessionOf(session)).router).to.equal(ZeroAddress);
    for (const former of [router, keeper]) {
      expect(await Session().isRouter(session, former.address)).to.equal(false);
      await expect(Session().connect(former).submit(session, net().request(1)))
        .to.be.revertedWithCustomError(Session(), "SessionUnauthorized")
        .withArgs(session, former.address);
    }
    await Session().connect(stranger).setRouter(session, router.address, true, "");
    await Session().connect(router).submit(session, net().request(1));
  });

  it("come back to a former owner without the routers that it had named", async () => {
    const { client, stranger, router, keeper, session } = net();
    await Session().connect(client).setRouter(session, keeper.address, true, "");
    await Session().connect(client).transfer(session, stranger.address);
    await Session().connect(stranger).transfer(session, client.address);
    for (const former of [router, keeper]) {
      expect(await Session().isRouter(session, former.address)).to.equal(false);
      await expect(Session().connect(former).submit(session, net().request(1)))
        .to.be.revertedWithCustomError(Session(), "SessionUnauthorized")
        .withArgs(session, former.address);
    }
    await Session().connect(client).setRouter(session, router.address, true, "");
    expect(await Session().isRouter(session, router.address)).to.equal(true);
    await Session().connect(router).submit(session, net().request(1));
  });

  it("are closed by the owner, once", async () => {
    const { client, router, session } = net();
    await expect(Session().connect(router).close(session))
      .to.be.revertedWithCustomError(Session(), "SessionUnauthorized")
      .withArgs(session, router.address);
    await expect(Session().connect(client).close(session)).to.emit(Session(), "SessionClosed").withArgs(session);
    await expect(Session().connect(client).close(session)).to.be.revertedWithCustomError(Session(), "SessionIsClosed").withArgs(session);
    await expect(Session().connect(client).reserve(session, 5_000, 0))
      .to.be.revertedWithCustomError(Session(), "SessionIsClosed")
      .withArgs(session);
    await expect(Session().connect(client).submitMany(session, []))
      .to.be.revertedWithCustomError(Session(), "SessionIsClosed")
      .withArgs(session);
  });

  it("routers are named and stopped by the owner; the endpoint is bounded", async () => {
    const { client, router, keeper, stranger, session } = net();
    const set = (signer: Network["client"], who: string, allowed: boolean, endpoint = "") =>
      Session().connect(signer).setRouter(session, who, allowed, endpoint);
    for (const signer of [router, stranger]) {
      await expect(set(signer, signer.address, true))
        .to.be.revertedWithCustomError(Session(), "SessionUnauthorized")
        .withArgs(session, signer.address);
    }
    await expect(set(client, ZeroAddress, true)).to.be.revertedWithCustomError(Session(), "SessionZeroAddress");
    await expect(set(client, keeper.address, true, "x".repeat(257)))
      .to.be.revertedWithCustomError(Session(), "SessionEndpointTooLong")
      .withArgs(257, 256);
    await expect(set(client, keeper.address, true, "x".repeat(256)))
      .to.emit(Session(), "RouterChanged")
      .withArgs(session, keeper.address, true, "x".repeat(256));
    expect([await Session().isRouter(session, router.address), await Session().isRouter(session, keeper.address)]).to.deep.equal([
      true,
      true,
    ]);
    expect((await Session().sessionOf(session)).router).to.equal(keeper.address);
    await set(client, router.address, false);
    expect((await Session().sessionOf(session)).router, "only the named one is cleared").to.equal(keeper.address);
    await set(client, keeper.address, false);
    expect([await Session().isRouter(session, keeper.address), (await Session().sessionOf(session)).router]).to.deep.equal([
      false,
      ZeroAddress,
    ]);
  });

  it("A6 H6 fees are bounded, and parameters are governance's", async () => {
    const { deployer, stranger } = net();
    const next = { protocolFeeBps: 1_000, routerFeeBps: 2_000, bounty: 7, leaseRate: 8, validatorPrice: 0 };
    await expect(Session().connect(stranger).setParameters(next))
      .to.be.revertedWithCustomError(Session(), "AccessManagedUnauthorized")
      .withArgs(stranger.address);
    await expect(
      Session()
        .connect(deployer)
        .setParameters({ ...next, protocolFeeBps: 1_001 }),
    )
      .to.be.revertedWithCustomError(Session(), "SessionTermOutOfRange")
      .withArgs("fees", 3_001, 0, 3_000);
    await expect(
      Session()
        .connect(deployer)
        .setParameters({ ...next, protocolFeeBps: 65_535, routerFeeBps: 65_535 }),
    )
      .to.be.revertedWithCustomError(Session(), "SessionTermOutOfRange")
      .withArgs("fees", 131_070, 0, 3_000);
    await expect(Session().connect(deployer).setParameters(next)).to.emit(Session(), "ParametersChanged");
    expect([...(await Session().parameters())]).to.deep.equal([1_000n, 2_000n, 7n, 8n, 0n]);
  });

  it("refuses to be deployed with a seed delay, a shortest window or fees out of range", async () => {
    const { ethers, parameters, record } = net();
    const factory = await ethers.getContractFactory("Session");
    const { AccessManager, SessionQueue, SessionPayment, NodePool, ModelRegistry, BlockRandomness } = record.addresses;
    const deploy = (delay: number, session = parameters.session, minWindow = parameters.minWindow) =>
      factory.deploy(AccessManager, SessionQueue, SessionPayment, NodePool, ModelRegistry, BlockRandomness, delay, minWindow, session);
    for (const delay of [0, 65]) {
      await expect(deploy(delay)).to.be.revertedWithCustomError(Session(), "SessionTermOutOfRange").withArgs("seedDelay", delay, 1, 64);
    }
    await expect(deploy(1, { ...parameters.session, routerFeeBps: 3_000 })).to.be.revertedWithCustomError(
      Session(),
      "SessionTermOutOfRange",
    );
    for (const window of [0, HOURS_7 + 1]) {
      await expect(deploy(1, parameters.session, window))
        .to.be.revertedWithCustomError(Session(), "SessionTermOutOfRange")
        .withArgs("minWindow", window, 1, HOURS_7);
    }
    await deploy(64, parameters.session, HOURS_7);
  });

  it("B8 the last task number of a session is taken, and the next is refused", async () => {
    const { networkHelpers, router, session } = net();
    const slot = entryOf("service/Session", "_sessions", session);
    const address = Session().target as string;
    const word = BigInt(await networkHelpers.getStorageAt(address, slot));
    const tasks = 0xffffffffn << 160n;
    await networkHelpers.setStorageAt(address, slot, toBeHex((word & ~tasks) | ((MAX_TASKS - 1n) << 160n), 32));
    const task = await net().submit();
    expect(task.id & 0xffffffffn).to.equal(MAX_TASKS);
    expect((await net().factsOf(task)).generation).to.equal(65_535);
    await expect(Session().connect(router).submit(session, net().request(1)))
      .to.be.revertedWithCustomError(Session(), "SessionExhausted")
      .withArgs(session, MAX_TASKS);
    await net().commitCarried(task);
    await networkHelpers.mine(1);
    await net().modules.SessionQueue.reveal(net().handover(task));
  });
});
