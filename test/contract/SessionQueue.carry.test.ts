import { expect } from "chai";
import { SigningKey, Wallet, ZeroAddress, ZeroHash } from "ethers";
import { transcriptOf, whoOf } from "../../offchain/protocol/commitment.ts";
import { type CommittedSeat, Phase } from "../../offchain/protocol/types.ts";
import { agreeing, type Task } from "./network.ts";
import { errorBytes, eventsIn, moveTo, nextAt, receiptOf, useNetwork } from "./suite.ts";

const EVERY_SEAT = 255;

describe("SessionQueue: anyone carries signed commitments", () => {
  const net = useNetwork();
  const queue = () => net().modules.SessionQueue;
  type Entry = ReturnType<ReturnType<typeof net>["sign"]>;
  const carry = (task: Pick<Task, "id">, entries: Entry[]) =>
    receiptOf(
      queue()
        .connect(net().stranger)
        .commitMany([{ task: task.id, commitments: entries }]),
    );
  const prepared = async (task: Task): Promise<CommittedSeat[]> =>
    (await net().seatsOf(task)).map((node, seat) => net().prepare(task, seat, node, agreeing(1)));

  it("a stranger carries a whole committee, and the order of the list is the order of the transcript", async () => {
    const task = await net().submit();
    const commits = await prepared(task);
    const order = [commits[2]!, commits[0]!, commits[1]!];
    const receipt = await carry(
      task,
      order.map((one) => net().sign(one)),
    );
    const [event] = eventsIn(receipt, queue(), "ResultsCommitted");
    expect(event!["commitments"].map((entry: Iterable<unknown>) => [...entry])).to.deep.equal(
      order.map(({ seat, node, commitment }) => [whoOf(seat, node), commitment]),
    );
    expect(await queue().recordOf(task.id)).to.equal(transcriptOf(task.id, task.terms, order));
    expect((await net().factsOf(task)).committed).to.equal(7);
  });

  it("carried one by one and all at once leave the same record", async () => {
    const task = await net().submit();
    const commits = await prepared(task);
    for (const one of commits) await carry(task, [net().sign(one)]);
    expect(await queue().recordOf(task.id)).to.equal(transcriptOf(task.id, task.terms, commits));
  });

  it("C1 skips every entry that cannot be recorded, says why, and records the rest", async () => {
    const task = await net().submit();
    const commits = await prepared(task);
    const [first, second, third] = commits.map((one) => net().sign(one)) as [Entry, Entry, Entry];
    const outsider = new SigningKey(`0x${"07".repeat(32)}`);
    const operator = (seat: number) => net().operators.get(commits[seat]!.node)!.address;
    const swapped = net().sign(commits[1]!, net().operators.get(commits[2]!.node)!.signingKey);
    const bad: [Entry, string, unknown[]][] = [
      [{ ...first, seat: 3 }, "SessionQueueNoSeat", [task.id, 3, 3]],
      [{ ...first, seat: 255 }, "SessionQueueNoSeat", [task.id, 255, 3]],
      [{ ...first, commitment: ZeroHash }, "SessionQueueEmptyCommitment", [task.id, 0]],
      [net().sign(commits[0]!, outsider), "SessionQueueNotOperator", [task.id, 0, new Wallet(outsider).address, operator(0)]],
      [swapped, "SessionQueueNotOperator", [task.id, 1, operator(2), operator(1)]],
      [{ ...first, r: ZeroHash, vs: ZeroHash }, "SessionQueueNotOperator", [task.id, 0, ZeroAddress, operator(0)]],
    ];
    const receipt = await carry(task, [...bad.map(([entry]) => entry), second, second, third, { ...third, commitment: first.commitment }]);
    const skipped = eventsIn(receipt, queue(), "EntrySkipped").map((args) => [...args]);
    expect(skipped).to.deep.equal([
      ...bad.map(([entry, name, args]) => [task.id, BigInt(entry.seat), errorBytes(queue(), name, args)]),
      [task.id, 1n, errorBytes(queue(), "SessionQueueAlreadyCommitted", [task.id, 1])],
      [task.id, 2n, errorBytes(queue(), "SessionQueueAlreadyCommitted", [task.id, 2])],
    ]);
    expect((await net().factsOf(task)).committed).to.equal(6);
    expect(await queue().recordOf(task.id)).to.equal(transcriptOf(task.id, task.terms, [commits[1]!, commits[2]!]));
  });

  it("C1 a signature counts for its own commitment and seat only", async () => {
    const task = await net().submit();
    const commits = await prepared(task);
    const [first, second] = commits.map((one) => net().sign(one)) as [Entry, Entry];
    const receipt = await carry(task, [
      { ...first, commitment: second.commitment },
      { ...first, seat: 1 },
      { ...second, seat: 2 },
    ]);
    expect(eventsIn(receipt, queue(), "EntrySkipped")).to.have.length(3);
    expect(eventsIn(receipt, queue(), "ResultsCommitted")).to.have.length(0);
    expect((await net().factsOf(task)).committed).to.equal(0);
  });

  it("H5 a signature's mirror image (high s) is refused", async () => {
    const task = await net().submit();
    const [one] = await prepared(task);
    const entry = net().sign(one!);
    const order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;
    const vs = BigInt(entry.vs);
    const [s, parity] = [vs & (2n ** 255n - 1n), vs >> 255n];
    // A compact signature has no room for the mirrored s (above 2^255), so what is left of it is another signature.
    const mirrored = (order - s) | ((parity ^ 1n) << 255n);
    const receipt = await carry(task, [{ ...entry, vs: `0x${(mirrored & (2n ** 256n - 1n)).toString(16).padStart(64, "0")}` }]);
    expect(eventsIn(receipt, queue(), "EntrySkipped")).to.have.length(1);
    expect((await net().factsOf(task)).committed).to.equal(0);
  });

  it("C4 what its operator committed by own transaction is not overwritten by a carrier", async () => {
    const task = await net().submit();
    const [one] = await prepared(task);
    await queue().connect(net().operators.get(one!.node)).commit(task.id, 0, one!.commitment);
    const receipt = await carry(task, [net().sign(one!), net().sign({ ...one!, commitment: `0x${"33".repeat(32)}` })]);
    const reason = errorBytes(queue(), "SessionQueueAlreadyCommitted", [task.id, 0]);
    expect(eventsIn(receipt, queue(), "EntrySkipped").map((args) => args["reason"])).to.deep.equal([reason, reason]);
    expect(await queue().recordOf(task.id)).to.equal(transcriptOf(task.id, task.terms, [one!]));
  });

  it("C1 accepts in the last second of the window, and skips the whole task in the next", async () => {
    const task = await net().submit();
    const [first, second] = await prepared(task);
    const { commitsCloseAt } = await net().factsOf(task);
    await nextAt(net(), commitsCloseAt);
    await carry(task, [net().sign(first!)]);
    await nextAt(net(), commitsCloseAt + 1);
    const receipt = await carry(task, [net().sign(second!)]);
    expect(eventsIn(receipt, queue(), "EntrySkipped").map((args) => [...args])).to.deep.equal([
      [task.id, BigInt(EVERY_SEAT), errorBytes(queue(), "SessionQueueWrongPhase", [task.id, Phase.Closed, Phase.Committing])],
    ]);
    expect((await net().factsOf(task)).committed).to.equal(1);
  });

  it("skips a task in another phase and carries the others", async () => {
    const ended = await net().submit();
    await moveTo(net(), (await net().factsOf(ended)).commitsCloseAt + 1);
    await queue().settle(net().handover(ended));
    const task = await net().submit();
    const fresh = await net().submit(1, { mine: false });
    const commits = await prepared(task);
    const bundles = [
      { task: ended.id, commitments: [net().sign(commits[0]!)] },
      { task: task.id, commitments: [net().sign(commits[0]!)] },
      { task: fresh.id, commitments: [net().sign(commits[0]!)] },
      { task: 12345n, commitments: [] },
      { task: task.id, commitments: commits.map((one) => net().sign(one)) },
      { task: task.id, commitments: [] },
    ];
    const receipt = await receiptOf(queue().connect(net().stranger).commitMany(bundles));
    const wrong = (id: bigint, found: Phase) => errorBytes(queue(), "SessionQueueWrongPhase", [id, found, Phase.Committing]);
    expect(eventsIn(receipt, queue(), "EntrySkipped").map(([id, seat, reason]) => [id, Number(seat), reason])).to.deep.equal([
      [ended.id, EVERY_SEAT, wrong(ended.id, Phase.Settled)],
      [fresh.id, EVERY_SEAT, wrong(fresh.id, Phase.Queued)],
      [12345n, EVERY_SEAT, wrong(12345n, Phase.None)],
      [task.id, 0, errorBytes(queue(), "SessionQueueAlreadyCommitted", [task.id, 0])],
    ]);
    expect((await net().factsOf(task)).committed).to.equal(7);
    expect(await queue().recordOf(task.id)).to.equal(transcriptOf(task.id, task.terms, commits));
  });

  it("an empty list does nothing", async () => {
    const receipt = await receiptOf(queue().connect(net().stranger).commitMany([]));
    expect(receipt.logs).to.have.length(0);
  });
});
