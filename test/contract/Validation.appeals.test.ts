import { expect } from "chai";
import { parseEther } from "ethers";
import { Phase, Stage, Status } from "../../offchain/protocol/types.ts";
import type { Task } from "./network.ts";
import { moveTo, now, useNetwork } from "./suite.ts";
import { BAD_SEAT_1, FINE, MISMATCH_SEAT_1, validationOf, VERDICTS, WINDOW } from "./verdicts.ts";

describe("Validation: appeals", () => {
  const net = useNetwork({ nodes: 14, leaseNodes: 3, terms: VERDICTS });
  const drive = () => validationOf(net());
  const validation = () => net().modules.Validation;
  const stage = async (task: Task) => Number(await validation().stageOf(task.id)) as Stage;

  /** The stranger has a bond's worth in the ledger. */
  async function bonded() {
    const { modules, deployer, stranger, parameters } = net();
    const bond = 7n * parameters.session.validatorPrice;
    await modules.COR.connect(deployer).approve(modules.SessionPayment.target, parseEther("1000"));
    await modules.SessionPayment.connect(deployer).depositFor(stranger.address, bond);
    return bond;
  }

  it("J10 a bond draws seven others, whose verdict stands; overturned: the bond comes back, the lock pays, the wrong are not paid", async () => {
    const { modules, stranger, parameters, session } = net();
    const { SessionPayment } = modules;
    const bond = await bonded();
    const before = await SessionPayment.balanceOf(session);
    const task = await drive().asked();
    const miners = await net().seatsOf(task);
    const first = await drive().panel(task);
    await drive().judge(task, 0, (seat) => (seat === 2 ? FINE : BAD_SEAT_1));
    await expect(validation().connect(stranger).appeal(task.id)).to.emit(validation(), "Appealed");
    expect([await SessionPayment.owedTo(stranger.address), await SessionPayment.bonded()]).to.deep.equal([0n, bond]);
    await expect(validation().connect(stranger).appeal(task.id)).to.be.revertedWithCustomError(validation(), "ValidationWrongStage");
    await net().networkHelpers.mine(3);
    const second = await drive().panel(task);
    expect(second).to.have.length(7);
    expect(
      second.filter((node) => miners.includes(node) || first.includes(node)),
      "D2",
    ).to.deep.equal([]);
    await drive().judge(task, 1, () => FINE);
    expect(await stage(task), "once").to.equal(Stage.Final);
    const { settled, closed } = await drive().settle(task);
    expect([closed!["rejected"], closed!["overturned"]]).to.deep.equal([0n, true]);
    const price = parameters.session.validatorPrice;
    const owed = async (nodes: number[]) => Promise.all(nodes.map(async (node) => await SessionPayment.owedToNode(node)));
    expect(await owed(first)).to.deep.equal([0n, 0n, price]);
    expect(await owed(second)).to.deep.equal(second.map(() => price));
    expect(await SessionPayment.owedTo(stranger.address)).to.equal(bond);
    expect(settled!["charged"]).to.equal(451n * 10n ** 15n + 8n * price);
    const after = await SessionPayment.balanceOf(session);
    expect([before.available - after.available, after.locked, await SessionPayment.bonded()]).to.deep.equal([settled!["charged"], 0n, 0n]);
    expect(await validation().evidenceOf(miners[1]!), "only the last verdict is evidence").to.equal(0n);
  });

  it("upheld: the bond pays the larger panel, the lock the first", async () => {
    const { modules, stranger, parameters } = net();
    const { SessionPayment } = modules;
    await bonded();
    const task = await drive().asked();
    await drive().judge(task, 0, () => FINE);
    await validation().connect(stranger).appeal(task.id);
    await net().networkHelpers.mine(3);
    await drive().judge(task, 1, () => FINE);
    const { settled, closed } = await drive().settle(task);
    const price = parameters.session.validatorPrice;
    expect([closed!["overturned"], settled!["charged"]]).to.deep.equal([false, 451n * 10n ** 15n + 3n * price]);
    expect([await SessionPayment.owedTo(stranger.address), await SessionPayment.bonded()]).to.deep.equal([0n, 0n]);
  });

  it("E7 a fraud found on appeal pays the appellant its share of what it cost, by pull, once", async () => {
    const { modules, stranger, parameters } = net();
    const { NodePool, COR } = modules;
    await bonded();
    const task = await drive().asked();
    await drive().judge(task, 0, () => FINE);
    await validation().connect(stranger).appeal(task.id);
    await net().networkHelpers.mine(3);
    await drive().judge(task, 1, () => MISMATCH_SEAT_1);
    await drive().settle(task);
    const share = (parameters.pool.fraudPenalty * BigInt(parameters.pool.bountyBps)) / 10_000n;
    expect(await NodePool.bountyOf(stranger.address)).to.equal(share);
    await NodePool.connect(stranger).withdrawBounty(stranger.address);
    expect(await COR.balanceOf(stranger.address)).to.equal(share);
    await expect(NodePool.connect(stranger).withdrawBounty(stranger.address)).to.be.revertedWithCustomError(
      NodePool,
      "NodePoolNothingOwed",
    );
    const [, slashed] = await NodePool.totals();
    expect(slashed, "the rest is for the treasury").to.equal(parameters.pool.fraudPenalty - share);
  });

  it("G1 nobody comes: the bond goes back, the first verdict stands", async () => {
    const { modules, stranger } = net();
    const bond = await bonded();
    const task = await drive().asked();
    await drive().judge(task, 0, () => BAD_SEAT_1);
    await validation().connect(stranger).appeal(task.id);
    await moveTo(net(), (await now(net())) + WINDOW + 1);
    const { closed } = await drive().settle(task);
    expect([closed!["rejected"], await modules.SessionPayment.owedTo(stranger.address)]).to.deep.equal([0b010n, bond]);
  });

  it("without the bond in the ledger nobody appeals", async () => {
    const { modules, stranger, parameters } = net();
    const task = await drive().asked();
    await drive().judge(task, 0, () => FINE);
    await expect(validation().connect(stranger).appeal(task.id))
      .to.be.revertedWithCustomError(modules.SessionPayment, "SessionPaymentBondTooLow")
      .withArgs(stranger.address, 0, 7n * parameters.session.validatorPrice);
  });
});

describe("Validation: sampling and challenges", () => {
  const sampled = useNetwork({ nodes: 8, leaseNodes: 3, terms: { ...VERDICTS, sampleBps: 2_500, appealWindow: 0 } });
  const challenged = useNetwork({ nodes: 8, leaseNodes: 3, terms: { ...VERDICTS, validators: 0, sampleBps: 0 } });

  it("J7 about a quarter of the tasks is sampled, by a seed nobody knew when answering; the others settle at once", async () => {
    const drive = validationOf(sampled());
    let picked = 0;
    for (let i = 0; i < 40; i++) {
      const task = await drive.asked();
      const stage = Number(await sampled().modules.Validation.stageOf(task.id));
      if (stage === Stage.Committing) {
        picked++;
        await drive.judge(task, 0, () => FINE);
      } else expect(stage).to.equal(Stage.Final);
      const { closed } = await drive.settle(task);
      expect(closed!["decided"]).to.equal(stage === Stage.Committing);
    }
    // 10 expected; further than four standard deviations (2.7) from that is one in ten thousand.
    expect(picked).to.be.within(1, 21);
  });

  it("without validators, a challenge window lets a bond draw the first three", async () => {
    const { modules, deployer, client, parameters } = challenged();
    const drive = validationOf(challenged());
    const task = await drive.asked();
    expect(Number(await modules.SessionQueue.phaseOf(task.id))).to.equal(Phase.Appealable);
    await modules.COR.connect(deployer).approve(modules.SessionPayment.target, parseEther("1000"));
    await modules.SessionPayment.connect(deployer).depositFor(client.address, 3n * parameters.session.validatorPrice);
    await modules.Validation.connect(client).appeal(task.id);
    await challenged().networkHelpers.mine(3);
    expect(await drive.panel(task)).to.have.length(3);
    await drive.judge(task, 1, () => BAD_SEAT_1);
    const { closed, settled } = await drive.settle(task);
    expect([closed!["rejected"], closed!["overturned"], settled!["status"]]).to.deep.equal([0b010n, true, BigInt(Status.Accepted)]);
    expect(await modules.SessionPayment.owedTo(client.address)).to.equal(3n * parameters.session.validatorPrice);
  });

  it("unchallenged, it settles when the window is over", async () => {
    const drive = validationOf(challenged());
    const task = await drive.asked();
    await moveTo(challenged(), (await now(challenged())) + WINDOW + 1);
    expect((await drive.settle(task)).settled!["status"]).to.equal(BigInt(Status.Accepted));
  });
});
