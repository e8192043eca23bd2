import { expect } from "chai";
import { Phase, Stage, Status } from "../../offchain/protocol/types.ts";
import type { Task } from "./network.ts";
import { eventsIn, moveTo, nextAt, now, receiptOf, useNetwork } from "./suite.ts";
import { BAD_SEAT_1, FINE, MISMATCH_SEAT_1, validationOf, VERDICTS, WINDOW, wordOf } from "./verdicts.ts";

describe("Validation", () => {
  const net = useNetwork({ nodes: 14, leaseNodes: 3, terms: VERDICTS });
  const drive = () => validationOf(net());
  const validation = () => net().modules.Validation;
  const queue = () => net().modules.SessionQueue;
  const stage = async (task: Task) => Number(await validation().stageOf(task.id)) as Stage;
  const phase = async (task: Task) => Number(await queue().phaseOf(task.id)) as Phase;
  const pastAppeal = async () => moveTo(net(), (await now(net())) + WINDOW + 1);

  it("D2 draws validators with owners other than the miners' and the session's, after the reveals, the same for whoever asks", async () => {
    const task = await drive().asked();
    expect([await stage(task), await phase(task)]).to.deep.equal([Stage.Committing, Phase.Validating]);
    const panel = await drive().panel(task);
    expect(new Set(panel).size).to.equal(3);
    const miners = await net().seatsOf(task);
    expect(panel.filter((node) => miners.includes(node))).to.deep.equal([]);
    const first = await receiptOf(validation().connect(net().stranger).draw(task.id));
    expect(eventsIn(first, validation(), "PanelSeated")[0]!["size"]).to.equal(3n);
    expect(await drive().panel(task)).to.deep.equal(panel);
  });

  it("A5 where all find all genuine: the miners are paid as without a verdict, each validator its price, nothing stays locked", async () => {
    const { modules, session, parameters } = net();
    const before = await modules.SessionPayment.balanceOf(session);
    const task = await drive().asked();
    await drive().judge(task, 0, () => FINE);
    const panel = [...(await drivePanel(task))];
    expect([await stage(task), await phase(task)]).to.deep.equal([Stage.Appealable, Phase.Appealable]);
    await expect(queue().settle(net().handover(task))).to.be.revertedWithCustomError(queue(), "SessionQueueWrongPhase");
    await pastAppeal();
    expect([await stage(task), await phase(task)]).to.deep.equal([Stage.Final, Phase.Closed]);
    const { settled } = await drive().settle(task);
    const { validatorPrice } = parameters.session;
    expect([settled!["status"], settled!["charged"]]).to.deep.equal([BigInt(Status.Accepted), 451n * 10n ** 15n + 3n * validatorPrice]);
    for (const node of panel) expect(await modules.SessionPayment.owedToNode(node)).to.equal(validatorPrice);
    const after = await modules.SessionPayment.balanceOf(session);
    expect([before.available - after.available, after.locked]).to.deep.equal([settled!["charged"], 0n]);
    for (const node of panel) expect((await modules.NodePool.nodeOf(node)).locks, "E1").to.equal(0n);
  });

  async function drivePanel(task: Task): Promise<number[]> {
    const { members, size } = await validation().panelOf(task.id, 0);
    return Array.from({ length: Number(size) }, (_, i) => Number((members >> BigInt(24 * i)) & 0xffffffn));
  }

  it("a seat that a quorum finds not genuine is not paid, keeps its stake, and is one step nearer to a proof", async () => {
    const { modules } = net();
    const task = await drive().asked();
    const miners = await net().seatsOf(task);
    const owed = async () => Promise.all(miners.map(async (node) => await modules.SessionPayment.owedToNode(node)));
    const before = await owed();
    await drive().judge(task, 0, (seat) => (seat === 2 ? FINE : BAD_SEAT_1));
    await pastAppeal();
    const { settled, closed, jailed } = await drive().settle(task);
    expect([closed!["decided"], closed!["rejected"], closed!["overturned"]]).to.deep.equal([true, 0b010n, false]);
    expect([settled!["status"], settled!["seats"]]).to.deep.equal([BigInt(Status.Accepted), 0b111n | (0b010n << 12n)]);
    expect(jailed).to.deep.equal([]);
    const after = await owed();
    const pay = (150n * 10n ** 15n * 9n) / 10n;
    expect(after.map((amount, seat) => amount - before[seat]!)).to.deep.equal([pay, 0n, pay]);
    expect(await validation().evidenceOf(miners[1]!)).to.equal(281n);
    expect(await validation().evidenceOf(miners[0]!)).to.equal(0n);
  });

  it("E8 five findings in a row prove it, an answer in between found genuine is counted off, and one finding takes nothing", async () => {
    const { modules, parameters } = net();
    let culprit = 0;
    for (let i = 0; i < 5; i++) {
      const task = await drive().asked();
      const miners = await net().seatsOf(task);
      culprit = culprit === 0 ? miners[0]! : culprit;
      const seat = miners.indexOf(culprit);
      const bad = wordOf([0, 1, 2].map((other) => (other === seat ? { finding: 1 } : {})));
      await drive().judge(task, 0, () => bad);
      await pastAppeal();
      const { jailed, slashed } = await drive().settle(task);
      expect([jailed, slashed], `after ${i + 1}`).to.deep.equal(i === 4 ? [[culprit], [culprit]] : [[], []]);
    }
    const node = await modules.NodePool.nodeOf(culprit);
    expect(node.stake).to.equal(parameters.pool.minStake - parameters.pool.fraudPenalty);
    expect(await validation().evidenceOf(culprit)).to.equal(0n);
    const good = await drive().asked();
    await drive().judge(good, 0, () => FINE);
    await pastAppeal();
    await drive().settle(good);
    const other = (await net().seatsOf(good)).find((miner) => miner !== culprit)!;
    expect(await validation().evidenceOf(other)).to.equal(0n);
  });

  it("E7 a mismatch that a quorum finds is fraud at once: jailed and slashed to the unit; the owner may free it after its time", async () => {
    const { modules, parameters } = net();
    const { NodePool } = modules;
    const [staked, slashed] = await NodePool.totals();
    const task = await drive().asked();
    const culprit = (await net().seatsOf(task))[1]!;
    await drive().judge(task, 0, () => MISMATCH_SEAT_1);
    await pastAppeal();
    expect((await drive().settle(task)).jailed).to.deep.equal([culprit]);
    const { fraudPenalty, jail } = parameters.pool;
    expect([...(await NodePool.totals())]).to.deep.equal([staked - fraudPenalty, slashed + fraudPenalty]);
    const owner = NodePool.connect(net().operators.get(culprit));
    const { jailedUntil } = await NodePool.nodeOf(culprit);
    expect(jailedUntil).to.equal(BigInt((await now(net())) + jail));
    await nextAt(net(), Number(jailedUntil));
    await expect(owner.free(culprit)).to.be.revertedWithCustomError(NodePool, "NodePoolTooEarly");
    await nextAt(net(), Number(jailedUntil) + 1);
    await expect(owner.free(culprit)).to.emit(NodePool, "NodeFreed").withArgs(culprit);
  });

  it("median usefulness below the bar is not paid, and takes no stake", async () => {
    const task = await drive().asked();
    const dull = wordOf([{ score: 3 }, { score: 9 }, { score: 4 }]);
    await drive().judge(task, 0, (seat) => (seat === 0 ? wordOf([{ score: 10 }, { score: 9 }, { score: 4 }]) : dull));
    await pastAppeal();
    const { closed, jailed } = await drive().settle(task);
    expect([closed!["rejected"], closed!["medians"], jailed]).to.deep.equal([0b001n, 3n | (9n << 4n) | (4n << 8n), []]);
  });

  it("a validator far from its panel loses score, one that agrees gains", async () => {
    const { Reputation } = net().modules;
    const task = await drive().asked();
    const panel = await drive().panel(task);
    await drive().judge(task, 0, (seat) => (seat === 0 ? wordOf([{ score: 1 }, { finding: 1 }, { score: 1 }]) : FINE));
    await pastAppeal();
    await drive().settle(task);
    const [far, near] = [await Reputation.recordOf(panel[0]!), await Reputation.recordOf(panel[1]!)];
    expect([far.accepted, far.outliers, far.score]).to.deep.equal([0n, 3n, 875n]);
    expect([near.accepted, near.outliers, near.score]).to.deep.equal([3n, 0n, 1_562n]);
  });

  it("F5 whoever would have paid other miners than the verdict does earns nothing, whoever differs within it earns the price", async () => {
    const { modules, parameters } = net();
    const task = await drive().asked();
    const panel = await drive().panel(task);
    const everybodyTen = wordOf([{ score: 10 }, { score: 10 }, { score: 10 }]);
    const milder = wordOf([{ score: 5 }, { finding: 3 }, { score: 6 }]);
    await drive().judge(task, 0, (seat) => [everybodyTen, milder, BAD_SEAT_1][seat]!);
    await pastAppeal();
    const { settled, closed } = await drive().settle(task);
    expect(closed!["rejected"]).to.equal(0b010n);
    const price = parameters.session.validatorPrice;
    const owed = await Promise.all(panel.map(async (node) => await modules.SessionPayment.owedToNode(node)));
    expect(owed).to.deep.equal([0n, price, price]);
    expect(settled!["charged"], "two miners, the bounty, two validators").to.equal(301n * 10n ** 15n + 2n * price);
  });

  it("C1 C3 C4 only the seat's operator commits, once; a copied commitment cannot be opened; a wrong opening reverts", async () => {
    const task = await drive().asked();
    const panel = await drive().panel(task);
    const mine = drive().opening(task, 0, FINE);
    const commitment = drive().commitmentOf(task, 0, panel[0]!, mine);
    expect(commitment).to.equal(await validation().commitmentOf(task.id, 0, panel[0]!, mine.verdict, mine.evidence, mine.salt));
    const as = (node: number) => validation().connect(net().operators.get(node));
    await expect(as(panel[1]!).commit(task.id, 0, commitment)).to.be.revertedWithCustomError(validation(), "ValidationNotOperator");
    await expect(as(panel[0]!).commit(task.id, 3, commitment)).to.be.revertedWithCustomError(validation(), "ValidationNoSeat");
    await expect(as(panel[0]!).commit(task.id, 0, `0x${"00".repeat(32)}`)).to.be.revertedWithCustomError(
      validation(),
      "ValidationEmptyCommitment",
    );
    await as(panel[0]!).commit(task.id, 0, commitment);
    await expect(as(panel[0]!).commit(task.id, 0, commitment)).to.be.revertedWithCustomError(validation(), "ValidationCommitted");
    await as(panel[1]!).commit(task.id, 1, commitment);
    await expect(validation().reveal(task.id, [mine]), "C5 before all are in").to.be.revertedWithCustomError(
      validation(),
      "ValidationWrongStage",
    );
    const third = drive().opening(task, 2, FINE);
    await as(panel[2]!).commit(task.id, 2, drive().commitmentOf(task, 0, panel[2]!, third));
    await net().networkHelpers.mine(1);
    await expect(validation().reveal(task.id, [{ ...mine, seat: 1 }])).to.be.revertedWithCustomError(validation(), "ValidationMismatch");
    await expect(validation().reveal(task.id, [{ ...mine, verdict: BAD_SEAT_1 }])).to.be.revertedWithCustomError(
      validation(),
      "ValidationMismatch",
    );
    await expect(validation().reveal(task.id, [{ ...third, verdict: wordOf([{ score: 11 }]) }])).to.be.revertedWithCustomError(
      validation(),
      "ValidationMalformed",
    );
    await validation().reveal(task.id, [mine, third]);
    await validation().reveal(task.id, [mine]);
    // The copier never opens: it pays for that, and the two others are a quorum.
    await moveTo(net(), (await now(net())) + 2 * WINDOW + 2);
    const { closed, slashed } = await drive().settle(task);
    expect([closed!["decided"], slashed]).to.deep.equal([true, [panel[1]]]);
  });

  it("H5 signatures are for one task and author: replayed or for another contract they are skipped, and cost the list nothing", async () => {
    const [one, two] = [await drive().asked(), await drive().asked()];
    const panel = await drive().panel(one);
    const mine = drive().opening(one, 0, FINE);
    const signed = drive().signed(one, panel[0]!, 0, drive().commitmentOf(one, 0, panel[0]!, mine));
    const receipt = await receiptOf(
      validation().commitMany([
        { task: two.id, verdicts: [signed] },
        { task: 99n << 32n, verdicts: [signed] },
        { task: one.id, verdicts: [{ ...signed, seat: 1 }, { ...signed, r: signed.vs }, signed, signed] },
      ]),
    );
    expect(eventsIn(receipt, validation(), "VerdictCommitted").filter((args) => args["task"] === one.id)).to.have.length(1);
    expect(eventsIn(receipt, validation(), "VerdictCommitted").filter((args) => args["task"] === two.id)).to.have.length(0);
  });

  it("G1 ends with nobody's help: no validator comes, and agreement alone decides", async () => {
    const { modules } = net();
    const task = await drive().asked();
    await moveTo(net(), (await now(net())) + WINDOW + 1);
    expect(await stage(task)).to.equal(Stage.Appealable);
    await pastAppeal();
    const { settled, closed } = await drive().settle(task);
    expect([settled!["status"], settled!["charged"], closed!["decided"]]).to.deep.equal([
      BigInt(Status.Accepted),
      451n * 10n ** 15n,
      false,
    ]);
    expect(await modules.SessionPayment.bonded()).to.equal(0n);
  });

  it("G1 one of three commits: no quorum, nobody is asked to open, and who was silent is booked", async () => {
    const task = await drive().asked();
    const panel = await drive().panel(task);
    await drive().commitAll(task, 0, (seat) => (seat === 0 ? FINE : null));
    await moveTo(net(), (await now(net())) + 2 * WINDOW + 2);
    const { closed, slashed } = await drive().settle(task);
    expect([closed!["decided"], slashed]).to.deep.equal([false, []]);
    const { Reputation } = net().modules;
    expect([(await Reputation.recordOf(panel[0]!)).commits, (await Reputation.recordOf(panel[1]!)).commits]).to.deep.equal([1n, 0n]);
  });

  it("G3 the deciding hash is gone: no panel is drawn any more, and the task ends", async () => {
    const task = await drive().asked();
    await net().networkHelpers.mine(300, { interval: 1 });
    await expect(validation().draw(task.id)).to.be.revertedWithCustomError(validation(), "ValidationSeedGone");
    await moveTo(net(), (await now(net())) + 2 * WINDOW + 2);
    expect((await drive().settle(task)).settled!["status"]).to.equal(BigInt(Status.Accepted));
  });

  it("G1 where a seat never opens, anybody asks for the verdict with the openings there are; after an hour nobody does", async () => {
    const { modules } = net();
    const task = await net().submit();
    await net().commitCarried(task);
    await net().networkHelpers.mine(1);
    await queue().reveal(net().handover(task, [0, 1]));
    const { commitsCloseAt, revealWindow } = await net().factsOf(task);
    await moveTo(net(), commitsCloseAt + revealWindow + 1);
    expect(await phase(task)).to.equal(Phase.Validating);
    const snapshot = await net().networkHelpers.takeSnapshot();
    await expect(
      queue()
        .connect(net().stranger)
        .reveal(net().handover(task, [0, 1])),
    ).to.emit(validation(), "VerdictAsked");
    await expect(queue().reveal(net().handover(task, [0, 1]))).to.be.revertedWithCustomError(validation(), "ValidationOpen");
    await snapshot.restore();
    await moveTo(net(), commitsCloseAt + revealWindow + 3_601);
    expect(await phase(task)).to.equal(Phase.Closed);
    await expect(queue().settle(net().handover(task, [0, 1]))).to.emit(queue(), "TaskSettled");
    expect((await modules.SessionPayment.balanceOf(net().session)).locked).to.equal(0n);
  });
});
