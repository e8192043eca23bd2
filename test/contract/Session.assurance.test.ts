import { expect } from "chai";
import { parseEther } from "ethers";
import { packAssurance, unpackAssurance } from "../../offchain/protocol/assurance.ts";
import { eventsIn, nextAt, now, receiptOf, useNetwork } from "./suite.ts";

describe("Session: what a task may be worth, how long it may take, and leases by the task", () => {
  const net = useNetwork({ nodes: 5, leaseNodes: 4 });
  const Session = () => net().modules.Session;
  const open = (terms: object) =>
    Session()
      .connect(net().client)
      .open({ ...net().terms, ...terms });

  it("no session agrees to tasks that are worth more than half of the stake of their seats", async () => {
    const { deployer, modules, parameters, terms } = net();
    // 64 prompts of 8,192 tokens at one COR per 1,000, three times.
    const worst = (64n * 8_192n * 3n * parseEther("1")) / 1_000n;
    const enough = (worst * 2n + 2n) / 3n;
    await modules.NodePool.connect(deployer).setParameters({ ...parameters.pool, minStake: enough });
    await open({});
    await modules.NodePool.connect(deployer).setParameters({ ...parameters.pool, minStake: enough - 1n });
    await expect(open({}))
      .to.be.revertedWithCustomError(Session(), "SessionValueAboveStake")
      .withArgs(worst, ((enough - 1n) * 3n) / 2n);
    await open({ maxPrompts: Number(terms.maxPrompts) - 1 });
  });

  it("G1 all windows of a task, second attempt and appeal counted, fit into a day", async () => {
    const judged = { validators: 3, sampleBps: 1, verdictCommitWindow: 3_600, verdictRevealWindow: 3_600, appealWindow: 3_600 };
    // Once: 1,200 s of commits and reveals, an hour to ask, two panels of two hours, an hour to appeal: 22,800 s. Twice, and 600 s to assign.
    await open({ ...judged, rerun: true });
    const longer = { ...judged, rerun: true, commitWindow: 14_000, revealWindow: 10_000 };
    const once = 24_000 + 3_600 + 7_200 + 3_600 + 7_200;
    await expect(open(longer))
      .to.be.revertedWithCustomError(Session(), "SessionTooLong")
      .withArgs(2 * once + 14_000, 86_400);
    await open({ ...longer, rerun: false });
  });

  it("B6 terms of verdicts are bounded, and a task carries what its session agreed to", async () => {
    const judged = {
      validators: 2,
      sampleBps: 500,
      verdictCommitWindow: 60,
      verdictRevealWindow: 70,
      appealWindow: 80,
      bar: 5,
      rerun: true,
    };
    for (const [term, value, least, most] of [
      ["validators", 5, 0, 4],
      ["sampleBps", 10_001, 0, 10_000],
      ["bar", 11, 0, 10],
      ["level", 3, 0, 2],
      ["verdictCommitWindow", 1, 2, 25_200],
      ["verdictRevealWindow", 25_201, 2, 25_200],
    ] as const) {
      await expect(open({ ...judged, [term]: value }))
        .to.be.revertedWithCustomError(Session(), "SessionTermOutOfRange")
        .withArgs(term, value, least, most);
    }
    const receipt = await receiptOf(open(judged));
    const id = eventsIn(receipt, Session(), "SessionOpened")[0]!["session"] as bigint;
    const { assurance } = await Session().sessionOf(id);
    const { validatorPrice, leaseRate } = net().parameters.session;
    const wanted = { ...judged, validatorPrice, holdRate: leaseRate };
    expect(unpackAssurance(assurance)).to.deep.equal(wanted);
    expect(assurance).to.equal(packAssurance(wanted));
    expect((await Session().sessionOf(net().session)).assurance, "plain sessions carry nothing").to.equal(0n);
  });

  it("a lease for two tasks ends with the second: anyone ends it then, its nodes are free when the last could have ended", async () => {
    const { client, stranger, session, modules, networkHelpers } = net();
    const before = (await Session().sessionOf(session)).lease;
    await expect(Session().connect(stranger).endLease(session)).to.be.revertedWithCustomError(Session(), "SessionUnauthorized");
    await Session().connect(client).endLease(session);
    await nextAt(net(), (await now(net())) + 1_201);
    await modules.NodePool.collect(before);
    await Session().connect(client).reserve(session, 20_000, 2);
    await networkHelpers.mine(2);
    await Session().drawLease(session);
    await net().submit();
    await expect(Session().connect(stranger).endLease(session)).to.be.revertedWithCustomError(Session(), "SessionUnauthorized");
    await net().submit();
    await expect(net().submit()).to.be.revertedWithCustomError(Session(), "SessionLeaseSpent").withArgs(session);
    const { lease } = await Session().sessionOf(session);
    const second = (await now(net())) + 5;
    await nextAt(net(), second);
    await expect(Session().connect(stranger).endLease(session))
      .to.emit(Session(), "LeaseEnded")
      .withArgs(session, lease, second + 1_200);
    expect((await modules.NodePool.leaseOf(lease)).until).to.equal(BigInt(second + 1_200));
    await expect(Session().endLease(session)).to.be.revertedWithCustomError(Session(), "SessionLeaseTooShort");
    await nextAt(net(), second + 1_201);
    await modules.NodePool.connect(stranger).collect(lease);
    expect(await modules.NodePool.eligibleCount(net().terms.model)).to.equal(5n);
  });
});
