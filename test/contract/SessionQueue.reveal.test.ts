import { expect } from "chai";
import { concat, keccak256, toBeHex } from "ethers";
import { encodeAnswers } from "../../offchain/protocol/answers.ts";
import { transcriptOf } from "../../offchain/protocol/commitment.ts";
import { resultRevealed } from "../../offchain/protocol/events.ts";
import type { EncodedHandover } from "../../offchain/protocol/handover.ts";
import { encodeTerms } from "../../offchain/protocol/terms.ts";
import { Phase, Status } from "../../offchain/protocol/types.ts";
import { agreeing, differing, type Network, type Task, WINDOWS } from "./network.ts";
import { eventsIn, moveTo, nextAt, receiptOf, useNetwork } from "./suite.ts";

const OPENED = 1n << 32n;

describe("SessionQueue: openings", () => {
  const net = useNetwork();
  const queue = () => net().modules.SessionQueue;
  const reveal = (handover: EncodedHandover, signer: Network["client"] = net().stranger) => queue().connect(signer).reveal(handover);
  /** A task on whose two prompts all seats have committed, in the first second of its reveal phase. */
  async function committed(answersOf = (_seat: number) => agreeing(2)): Promise<Task> {
    const task = await net().submit(2);
    await net().commitCarried(task, answersOf);
    await moveTo(net(), (await net().factsOf(task)).commitsCloseAt + 1);
    return task;
  }
  const wrongPhase = (sent: Promise<unknown>, task: Task, found: Phase) =>
    expect(sent).to.be.revertedWithCustomError(queue(), "SessionQueueWrongPhase").withArgs(task.id, found, Phase.Revealing);

  it("C5 are refused while seats may commit and in the last second of that, and accepted in the next", async () => {
    const task = await net().submit(2);
    await net().commitCarried(task, (seat) => (seat === 2 ? null : agreeing(2)));
    await wrongPhase(reveal(net().handover(task)), task, Phase.Committing);
    const { commitsCloseAt } = await net().factsOf(task);
    await nextAt(net(), commitsCloseAt);
    await wrongPhase(reveal(net().handover(task)), task, Phase.Committing);
    await nextAt(net(), commitsCloseAt + 1);
    await reveal(net().handover(task));
    expect((await net().factsOf(task)).status).to.equal(Status.Accepted);
  });

  it("C5 are refused in the second in which the last seat committed, even in the same block", async () => {
    const { ethers, networkHelpers } = net();
    const task = await net().submit(2);
    await ethers.provider.send("evm_setAutomine", [false]);
    const [sent, raced] = await (async () => {
      const commits = await net().commitCarried(task);
      // Without an estimate: by the state before the commitments it would be refused at once.
      const opening = await queue().connect(net().stranger).reveal(net().handover(task), { gasLimit: 5_000_000 });
      await networkHelpers.mine(1);
      return [commits, opening] as const;
    })().finally(() => ethers.provider.send("evm_setAutomine", [true]));
    const receipts = await Promise.all([sent, raced].map(({ hash }) => ethers.provider.getTransactionReceipt(hash)));
    expect(receipts.map((receipt) => receipt!.status)).to.deep.equal([1, 0]);
    expect(receipts[0]!.blockNumber).to.equal(receipts[1]!.blockNumber);
  });

  it("are accepted in the last second of the window and refused in the next", async () => {
    const [last, late] = [await net().submit(2), await net().submit(2)];
    await net().commitCarried(last);
    await net().commitCarried(late);
    const end = async (task: Task) => (await net().factsOf(task)).commitsCloseAt + WINDOWS.revealWindow;
    await nextAt(net(), await end(last));
    await reveal(net().handover(last));
    await nextAt(net(), (await end(late)) + 1);
    await expect(reveal(net().handover(late)))
      .to.be.revertedWithCustomError(queue(), "SessionQueueOpeningsMissing")
      .withArgs(late.id, 7, 0);
  });

  it("are not asked for where too few committed for a quorum", async () => {
    const task = await net().submit(2);
    await net().commitCarried(task, (seat) => (seat === 1 ? agreeing(2) : null));
    await moveTo(net(), (await net().factsOf(task)).commitsCloseAt + 1);
    await expect(reveal(net().handover(task)))
      .to.be.revertedWithCustomError(queue(), "SessionQueueOpeningsMissing")
      .withArgs(task.id, 2, 0);
    await reveal(net().handover(task, []));
    expect((await net().factsOf(task)).status).to.equal(Status.Failed);
  });

  it("come one by one: each is emitted with everything a settlement needs, and the last one settles", async () => {
    const task = await committed((seat) => (seat === 1 ? differing(2, 1, 10) : agreeing(2)));
    let known: number[] = [];
    for (const seat of [1, 0]) {
      const receipt = await receiptOf(reveal(net().handover(task, [seat])));
      const events = eventsIn(receipt, queue(), "ResultRevealed").map((args) => resultRevealed(args as never));
      const { node } = task.commits[seat]!;
      expect(events).to.deep.equal([{ task: task.id, seat, node, ...task.secrets.get(seat)! }]);
      known = [...known, seat];
      expect((await net().factsOf(task)).revealed).to.equal(known.reduce((map, one) => map | (1 << one), 0));
    }
    const receipt = await receiptOf(reveal(net().handover(task)));
    expect(eventsIn(receipt, queue(), "ResultRevealed")).to.have.length(0);
    expect(eventsIn(receipt, queue(), "TaskSettled")).to.have.length(1);
    expect(eventsIn(receipt, queue(), "AnswersDiffer").map((args) => Number(args["seat"]))).to.deep.equal([1]);
  });

  it("may leave the settlement to another: after the last single opening anyone settles, by settle or by reveal", async () => {
    for (const method of ["settle", "reveal"] as const) {
      const task = await committed();
      for (const seat of [0, 1, 2]) await reveal(net().handover(task, [seat]), net().keeper);
      expect(Number(await queue().phaseOf(task.id))).to.equal(Phase.Closed);
      const before = await net().modules.SessionPayment.owedTo(net().stranger.address);
      // Behind the part of the window in which the router alone earns the bounty.
      await net().networkHelpers.time.increase(200);
      await queue().connect(net().stranger)[method](net().handover(task));
      expect((await net().factsOf(task)).status).to.equal(Status.Accepted);
      expect((await net().modules.SessionPayment.owedTo(net().stranger.address)) - before, "the settler has the bounty").to.equal(
        task.terms.bounty,
      );
      await wrongPhase(reveal(net().handover(task)), task, Phase.Settled);
    }
  });

  it("C4 happen once for each seat: what is known is not emitted again, and alone it is refused", async () => {
    const task = await committed();
    await reveal(net().handover(task, [0]));
    await expect(reveal(net().handover(task, [0])))
      .to.be.revertedWithCustomError(queue(), "SessionQueueNothingToReveal")
      .withArgs(task.id);
    await expect(reveal(net().handover(task, [])))
      .to.be.revertedWithCustomError(queue(), "SessionQueueNothingToReveal")
      .withArgs(task.id);
    const receipt = await receiptOf(reveal(net().handover(task, [0, 2])));
    expect(eventsIn(receipt, queue(), "ResultRevealed").map((args) => Number(args["seat"]))).to.deep.equal([2]);
  });

  it("C2 must match the commitment: any other salt, claim, answer, node, seat, term, order or count is refused", async () => {
    const task = await committed((seat) => (seat === 1 ? differing(2, 1, 10) : agreeing(2)));
    const good = net().handover(task);
    const wanted = transcriptOf(task.id, task.terms, task.commits);
    const other = `0x${"5a".repeat(32)}`;
    const opening = (change: Partial<EncodedHandover["openings"][0]>) => ({
      ...good,
      openings: [{ ...good.openings[0]!, ...change }, ...good.openings.slice(1)],
    });
    const terms = (change: Partial<Task["terms"]>) => ({ ...good, terms: encodeTerms({ ...task.terms, ...change }) });
    const who = good.openings[0]!.who;
    const flipped = (bytes: string, offset: number) => {
      const digit = 2 + 2 * offset;
      return bytes.slice(0, digit) + (bytes[digit] === "0" ? "1" : "0") + bytes.slice(digit + 1);
    };
    const forged: Record<string, EncodedHandover> = {
      salt: opening({ secret: other }),
      claim: opening({ claim: other }),
      node: opening({ who: who + (1n << 8n) }),
      seat: opening({ who: who + 1n }),
      digest: { ...good, base: flipped(good.base, 0) },
      sketch: { ...good, base: flipped(good.base, 40) },
      tokens: { ...good, base: flipped(good.base, 66) },
      "finish reason": { ...good, base: flipped(good.base, 67) },
      "second prompt": { ...good, base: flipped(good.base, 68) },
      "changed answer": { ...good, changes: good.changes.map((list) => (list === "0x" ? list : flipped(list, 20))) },
      "no changes": { ...good, changes: [] },
      "order of openings": {
        ...good,
        openings: [good.openings[1]!, good.openings[0]!, good.openings[2]!],
        changes: [good.changes[1]!, good.changes[0]!, good.changes[2]!],
      },
      "missing opening": { ...good, openings: good.openings.slice(0, 2), changes: good.changes.slice(0, 2) },
      "opening twice": { ...good, openings: [...good.openings, good.openings[2]!], changes: [...good.changes, good.changes[2]!] },
      model: terms({ model: other }),
      manifest: terms({ manifest: other }),
      price: terms({ price: task.terms.price * 2n }),
      bounty: terms({ bounty: task.terms.bounty + 10n ** 12n }),
      "output limit": terms({ maxTokens: task.terms.maxTokens + 1 }),
      threshold: terms({ threshold: 256 }),
      quorum: terms({ quorum: 1 }),
      router: terms({ router: net().stranger.address }),
      "prompt tokens": terms({ promptTokens: flipped(task.terms.promptTokens, 2) }),
    };
    for (const [field, handover] of Object.entries(forged)) {
      await expect(reveal(handover), field).to.be.revertedWithCustomError(queue(), "SessionQueueTranscriptMismatch");
    }
    await expect(reveal(opening({ secret: other })), "with the record")
      .to.be.revertedWithCustomError(queue(), "SessionQueueTranscriptMismatch")
      .withArgs(task.id, (found: string) => found !== wanted && found.length === 66, wanted);
    await reveal(good);
  });

  it("C3 a copied commitment cannot be opened by the copier, who is slashed, while the author is paid", async () => {
    const { modules, operators, parameters } = net();
    const task = await net().submit(2);
    const nodes = await net().seatsOf(task);
    const author = net().prepare(task, 0, nodes[0]!, agreeing(2));
    const honest = net().prepare(task, 2, nodes[2]!, agreeing(2));
    const copy = { ...author, seat: 1, node: nodes[1]! };
    for (const { seat, node, commitment } of [author, copy, honest]) {
      await queue().connect(operators.get(node)).commit(task.id, seat, commitment);
    }
    task.commits.push(author, copy, honest);
    await net().networkHelpers.mine(1);
    // First the author opens, so that salt and answers are public; then the copier tries them on its own seat.
    await reveal(net().handover(task, [0]));
    task.secrets.set(1, task.secrets.get(0)!);
    for (const seats of [[1], [0, 1], [0, 1, 2]]) {
      await expect(reveal(net().handover(task, seats))).to.be.revertedWithCustomError(queue(), "SessionQueueTranscriptMismatch");
    }
    task.secrets.delete(1);
    await reveal(net().handover(task, [0, 2]));
    await moveTo(net(), (await net().factsOf(task)).commitsCloseAt + WINDOWS.revealWindow + 1);
    const before = await Promise.all(nodes.map((node) => modules.SessionPayment.owedToNode(node)));
    await expect(queue().settle(net().handover(task)))
      .to.emit(modules.NodePool, "NodeSlashed")
      .withArgs(copy.node, parameters.pool.unopenedPenalty, parameters.pool.minStake - parameters.pool.unopenedPenalty);
    const earned = await Promise.all(nodes.map(async (node, i) => (await modules.SessionPayment.owedToNode(node)) - before[i]!));
    expect(earned).to.deep.equal([27n * 10n ** 16n, 0n, 27n * 10n ** 16n]);
  });

  it("C3 a commitment copied from another task cannot be opened", async () => {
    const { operators } = net();
    const [original, task] = [await net().submit(2), await net().submit(2)];
    await net().commitCarried(original);
    const nodes = await net().seatsOf(task);
    for (const [seat, node] of nodes.entries()) {
      const copied = original.commits.find((commit) => commit.node === node) ?? original.commits[0]!;
      await queue().connect(operators.get(node)).commit(task.id, seat, copied.commitment);
      task.commits.push({ seat, node, commitment: copied.commitment });
      task.secrets.set(seat, original.secrets.get(copied.seat)!);
    }
    await net().networkHelpers.mine(1);
    await expect(reveal(net().handover(task))).to.be.revertedWithCustomError(queue(), "SessionQueueTranscriptMismatch");
  });

  it("refuses answers and changes of the wrong shape", async () => {
    const task = await committed();
    const good = net().handover(task);
    const empty = good.openings.map(() => "0x");
    for (const base of ["0x", good.base.slice(0, -2), `${good.base}00`]) {
      await expect(reveal({ ...good, base }))
        .to.be.revertedWithCustomError(queue(), "SessionQueueAnswersLength")
        .withArgs(task.id, (base.length - 2) / 2, 136);
    }
    for (const count of [1, 2, 4]) {
      await expect(reveal({ ...good, changes: Array.from({ length: count }, () => "0x") }))
        .to.be.revertedWithCustomError(queue(), "SessionQueueChangesCount")
        .withArgs(task.id, count, 3);
    }
    const change = (prompt: number) => concat([toBeHex(prompt, 2), encodeAnswers(agreeing(1, "other"))]);
    const malformed: [string, number][] = [
      ["0x00", 0],
      [change(0).slice(0, -2), 0],
      [`${change(0)}00`, 70],
      [concat([change(0), change(0)]), 70],
      [concat([change(1), change(0)]), 70],
      [change(2), 0],
      [change(65_535), 0],
      [concat([change(0), change(1), change(2)]), 140],
    ];
    for (const [list, offset] of malformed) {
      await expect(reveal({ ...good, changes: ["0x", list, "0x"] }), list.slice(0, 20))
        .to.be.revertedWithCustomError(queue(), "SessionQueueChangesMalformed")
        .withArgs(task.id, 1, offset);
    }
    await reveal({ ...good, changes: empty });
  });

  it("C2 an opening counts as opened by one mark only; any other high bits leave it a bare commitment", async () => {
    const task = await committed();
    const good = net().handover(task, [0, 1]);
    const bare = good.openings[2]!;
    const marked = (mark: bigint) => ({ ...good, openings: [...good.openings.slice(0, 2), { ...bare, who: bare.who | mark }] });
    await expect(reveal(marked(OPENED))).to.be.revertedWithCustomError(queue(), "SessionQueueTranscriptMismatch");
    for (const mark of [2n << 32n, 3n << 32n, 1n << 255n, (1n << 255n) | OPENED]) {
      await queue().connect(net().stranger).reveal.staticCall(marked(mark));
    }
    await reveal(marked((1n << 255n) | OPENED));
    expect((await net().factsOf(task)).revealed).to.equal(3);
  });

  it("in a list, what cannot be revealed is skipped with its reason, and the caller earns the bounties of the rest", async () => {
    const { modules, keeper } = net();
    const first = await committed();
    const running = await net().submit(2);
    const second = await committed();
    await net().networkHelpers.time.increase(WINDOWS.revealWindow * 0.3 + 1);
    const broken = { ...net().handover(second), base: "0x" };
    const receipt = await receiptOf(
      queue()
        .connect(keeper)
        .revealMany([net().handover(first), net().handover(running), broken, net().handover(first), net().handover(second)]),
    );
    const skipped = eventsIn(receipt, queue(), "EntrySkipped");
    expect(skipped.map(([id, seat, reason]) => [id, Number(seat), queue().interface.parseError(reason as string)!.name])).to.deep.equal([
      [running.id, 255, "SessionQueueWrongPhase"],
      [second.id, 255, "SessionQueueAnswersLength"],
      [first.id, 255, "SessionQueueWrongPhase"],
    ]);
    expect(eventsIn(receipt, queue(), "TaskSettled").map(([id]) => id as bigint)).to.deep.equal([first.id, second.id]);
    expect(await modules.SessionPayment.owedTo(keeper.address)).to.equal(2n * first.terms.bounty);
    expect((await modules.SessionPayment.accountOf(keeper.address)).fees).to.be.greaterThan(0n);
  });

  it("H4 nobody reveals in another keeper's name", async () => {
    const task = await committed();
    const { stranger, keeper } = net();
    await expect(queue().connect(stranger).revealFor(net().handover(task), keeper.address))
      .to.be.revertedWithCustomError(queue(), "SessionQueueUnauthorized")
      .withArgs(stranger.address, queue().target);
  });

  it("C7 before an opening, neither records nor events hold an answer", async () => {
    const task = await net().submit(2);
    const receipt = await receiptOf(net().commitCarried(task));
    const { salt, claim, answers } = task.secrets.get(0)!;
    const said = JSON.stringify(receipt.logs.map(({ data, topics }) => [data, topics]));
    for (const secret of [salt, claim, answers.slice(0, 66), keccak256(answers)]) expect(said).not.to.contain(secret.slice(2));
  });
});
