import { expect } from "chai";
import { termsHash } from "../../offchain/protocol/commitment.ts";
import { encodeTerms } from "../../offchain/protocol/terms.ts";
import { Phase, Status } from "../../offchain/protocol/types.ts";
import type { Network, Task } from "./network.ts";
import { useNetwork } from "./suite.ts";

const DELAY = 3;

/** Mines until the next transaction lies in this block. */
async function nextIn(net: Network, block: number): Promise<void> {
  await net.networkHelpers.mine(block - 1 - (await net.networkHelpers.time.latestBlock()));
}

describe("SessionQueue: a task is taken back", () => {
  const net = useNetwork({ parameters: { seedDelay: DELAY } });
  const submit = () => net().submit(2, { mine: false });
  const cancel = (signer: Network["client"], task: Task, terms = task.terms) =>
    net().modules.Session.connect(signer).cancel(task.id, encodeTerms(terms));

  it("B7 gives everything back and ends the task as Cancelled", async () => {
    const { modules, client, session } = net();
    const before = await modules.SessionPayment.balanceOf(session);
    const liabilities = await modules.SessionPayment.liabilities();
    const task = await submit();
    expect((await modules.SessionPayment.balanceOf(session)).locked).to.be.greaterThan(0n);
    await expect(cancel(client, task)).to.emit(modules.SessionQueue, "TaskSettled").withArgs(task.id, Status.Cancelled, 0, 0, "0x", "0x");
    expect([...(await modules.SessionPayment.balanceOf(session))]).to.deep.equal([...before]);
    expect(await modules.SessionPayment.liabilities()).to.equal(liabilities);
    expect((await net().factsOf(task)).status).to.equal(Status.Cancelled);
    expect(Number(await modules.SessionQueue.phaseOf(task.id))).to.equal(Phase.Settled);
    expect((await modules.SessionQueue.recordOf(task.id)).slice(0, 4)).to.equal("0x05");
  });

  it("B7 works in the seed block itself and no later", async () => {
    const { modules, router } = net();
    const [early, late] = [await submit(), await submit()];
    await nextIn(net(), early.seedBlock);
    await cancel(router, early);
    await nextIn(net(), late.seedBlock + 1);
    await expect(cancel(router, late))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueWrongPhase")
      .withArgs(late.id, Phase.Committing, Phase.Queued);
  });

  it("B7 of a task that waits for nodes is over with its seed block, though it is still queued", async () => {
    const { modules, client } = net();
    await modules.Session.connect(client).update(net().session, { ...net().terms, mode: 1 });
    const task = await submit();
    await nextIn(net(), task.seedBlock + 1);
    await expect(cancel(client, task))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueTooLateToCancel")
      .withArgs(task.seedBlock + 1, task.seedBlock);
    expect(Number(await modules.SessionQueue.phaseOf(task.id))).to.equal(Phase.Queued);
    const other = await submit();
    await nextIn(net(), other.seedBlock);
    await cancel(client, other);
  });

  it("is for the owner and its routers, also where the session is closed", async () => {
    const { modules, client, router, stranger, session } = net();
    const [first, second] = [await submit(), await submit()];
    await expect(cancel(stranger, first))
      .to.be.revertedWithCustomError(modules.Session, "SessionUnauthorized")
      .withArgs(session, stranger.address);
    await modules.Session.connect(client).close(session);
    await cancel(router, first);
    await nextIn(net(), second.seedBlock);
    await cancel(client, second);
  });

  it("cannot be done by the owner of another session", async () => {
    const { modules, stranger, session } = net();
    await modules.Session.connect(stranger).open(net().terms);
    const task = await submit();
    await expect(cancel(stranger, task))
      .to.be.revertedWithCustomError(modules.Session, "SessionUnauthorized")
      .withArgs(session, stranger.address);
    await expect(modules.Session.connect(stranger).cancel((7n << 32n) | 1n, encodeTerms(task.terms)))
      .to.be.revertedWithCustomError(modules.Session, "SessionUnknown")
      .withArgs(7n);
    await expect(modules.Session.connect(stranger).cancel((2n << 32n) | 1n, encodeTerms(task.terms)))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueWrongPhase")
      .withArgs((2n << 32n) | 1n, Phase.None, Phase.Queued);
  });

  it("B4 happens once", async () => {
    const { modules, client } = net();
    const task = await submit();
    await cancel(client, task);
    await expect(cancel(client, task))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueWrongPhase")
      .withArgs(task.id, Phase.Settled, Phase.Queued);
  });

  it("A4 wants the terms that were recorded, so that no other amount is released", async () => {
    const { modules, client } = net();
    const task = await submit();
    const dearer = { ...task.terms, price: task.terms.price + 1n };
    await expect(cancel(client, task, dearer))
      .to.be.revertedWithCustomError(modules.SessionQueue, "SessionQueueTranscriptMismatch")
      .withArgs(task.id, termsHash(task.id, dearer), termsHash(task.id, task.terms));
  });

  it("makes room in the ring", async () => {
    const { modules, client, router, session } = net();
    const task = await submit();
    await cancel(client, task);
    const requests = Array.from({ length: 64 }, () => net().request(1));
    await modules.Session.connect(router).submitMany(session, requests);
    expect((await modules.Session.sessionOf(session)).tasks).to.equal(65n);
  });
});
