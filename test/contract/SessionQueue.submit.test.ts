import { expect } from "chai";
import { ZeroAddress } from "ethers";
import { encodePromptTokens } from "../../offchain/protocol/answers.ts";
import { termsHash } from "../../offchain/protocol/commitment.ts";
import { lockOf } from "../../offchain/protocol/judging.ts";
import { encodeTerms, unpackRules } from "../../offchain/protocol/terms.ts";
import { type TaskTerms, Phase, Status } from "../../offchain/protocol/types.ts";
import { MODEL, type Network, WINDOWS } from "./network.ts";
import { eventsIn, moveTo, nextAt, now, receiptOf, useNetwork } from "./suite.ts";

const RING = 64;
const FIRST = (1n << 32n) | 1n;

describe("SessionQueue: a task is submitted", () => {
  const net = useNetwork();
  const submit = (signer: Network["client"], request = net().request(1), session = net().session) =>
    net().modules.Session.connect(signer).submit(session, request);

  it("emits the terms of the session with the request's limits, the seed block and the deadline, and starts the transcript", async () => {
    const { modules, router, session, terms, parameters, networkHelpers } = net();
    const request = { ...net().request(3, 100, 150), promptTokens: encodePromptTokens([7, 4096, 1]) };
    const record = await modules.Session.sessionOf(session);
    const second = (await now(net())) + 10;
    await nextAt(net(), second);
    const receipt = await receiptOf(submit(router, request));
    const expected: TaskTerms = {
      model: MODEL,
      manifest: request.manifest,
      promptTokens: request.promptTokens,
      router: router.address,
      assurance: 0n,
      ...unpackRules(record.rules),
      maxTokens: 150,
    };
    expect(expected).to.include({ redundancy: 3, quorum: 2, routerFeeBps: 500, protocolFeeBps: 500, leased: true, threshold: 45 });
    expect(expected).to.include({ commitWindow: WINDOWS.commitWindow, revealWindow: WINDOWS.revealWindow, price: terms.priceCeiling });
    const [queued] = eventsIn(receipt, modules.SessionQueue, "TaskQueued");
    const encoded = encodeTerms(expected);
    expect(queued!.toArray().map((value: unknown) => (value instanceof Array ? [...value] : value))).to.deep.equal([
      FIRST,
      session,
      request.clientReference,
      [encoded.model, encoded.manifest, encoded.rules, encoded.assurance, encoded.router, encoded.promptTokens],
      record.lease,
      BigInt(receipt.blockNumber + parameters.seedDelay),
      BigInt(second + WINDOWS.commitWindow),
    ]);
    expect(await modules.SessionQueue.recordOf(FIRST)).to.equal(termsHash(FIRST, expected));
    const [facts, status] = await modules.SessionQueue.factsOf(FIRST);
    expect([facts.seed, facts.lease, facts.commitsCloseAt]).to.deep.equal([
      BigInt(receipt.blockNumber + parameters.seedDelay),
      record.lease,
      BigInt(second + WINDOWS.commitWindow),
    ]);
    expect([facts.committed, facts.revealed, facts.redundancy, facts.quorum, status].map(Number)).to.deep.equal([0, 0, 3, 2, Status.Open]);
    expect(Number(await modules.SessionQueue.phaseOf(FIRST))).to.equal(Phase.Queued);
    await networkHelpers.mine(1);
    expect(Number(await modules.SessionQueue.phaseOf(FIRST)), "in the seed block").to.equal(Phase.Queued);
    await networkHelpers.mine(1);
    expect(Number(await modules.SessionQueue.phaseOf(FIRST)), "in the block after it").to.equal(Phase.Committing);
  });

  it("A4 locks exactly the worst case, and refuses where one unit is missing", async () => {
    const { modules, client, router, session } = net();
    const task = await net().submit(5, { promptTokens: 17, maxTokens: 33, mine: false });
    const lock = lockOf(task.terms);
    expect(lock).to.equal(5n * 50n * 3n * 10n ** 15n + task.terms.bounty);
    const [available, locked] = await modules.SessionPayment.balanceOf(session);
    expect(locked).to.equal(lock);
    await modules.Session.connect(client).refund(session, client.address, available - lock + 1n);
    await expect(submit(router, net().request(5, 17, 33)))
      .to.be.revertedWithCustomError(modules.SessionPayment, "SessionPaymentInsufficient")
      .withArgs(session, lock - 1n, lock);
    await submit(router, net().request(5, 17, 32));
    const [left] = await modules.SessionPayment.balanceOf(session);
    expect(left).to.equal(lock - 1n - (lock - 5n * 3n * 10n ** 15n));
  });

  it("an owner's task names no router and pays no router fee", async () => {
    const { modules, client } = net();
    const [queued] = eventsIn(await receiptOf(submit(client)), modules.SessionQueue, "TaskQueued");
    expect(queued!["terms"].router).to.equal(ZeroAddress);
    expect(unpackRules(queued!["terms"].rules).routerFeeBps).to.equal(0);
  });

  it("only the owner and the session's routers submit", async () => {
    const { modules, client, router, keeper, stranger, session } = net();
    await expect(submit(stranger))
      .to.be.revertedWithCustomError(modules.Session, "SessionUnauthorized")
      .withArgs(session, stranger.address);
    await modules.Session.connect(client).setRouter(session, keeper.address, true, "");
    await submit(keeper);
    await submit(router);
    await modules.Session.connect(client).setRouter(session, router.address, false, "");
    await expect(submit(router)).to.be.revertedWithCustomError(modules.Session, "SessionUnauthorized").withArgs(session, router.address);
    await modules.Session.connect(client).setRouter(session, keeper.address, false, "");
    await expect(submit(keeper)).to.be.revertedWithCustomError(modules.Session, "SessionUnauthorized").withArgs(session, keeper.address);
    await expect(submit(client, net().request(1), 9n))
      .to.be.revertedWithCustomError(modules.Session, "SessionUnknown")
      .withArgs(9n);
  });

  it("H4 nobody but Session enqueues and cancels in the queue", async () => {
    const { modules, deployer, client, router } = net();
    const { SessionQueue: queue } = modules;
    const task = await net().submit(1, { mine: false });
    const terms = encodeTerms(task.terms);
    for (const signer of [deployer, client, router]) {
      await expect(queue.connect(signer).enqueue(task.id + 1n, terms, terms.manifest, 1, 1, 1))
        .to.be.revertedWithCustomError(queue, "SessionQueueUnauthorized")
        .withArgs(signer.address, modules.Session.target);
      await expect(queue.connect(signer).cancel(task.id, terms))
        .to.be.revertedWithCustomError(queue, "SessionQueueUnauthorized")
        .withArgs(signer.address, modules.Session.target);
    }
  });

  it("a closed session takes no tasks, and what runs ends as it began", async () => {
    const { modules, client, router, session } = net();
    const task = await net().submit();
    await modules.Session.connect(client).close(session);
    for (const signer of [client, router]) {
      await expect(submit(signer)).to.be.revertedWithCustomError(modules.Session, "SessionIsClosed").withArgs(session);
    }
    await net().commitCarried(task);
    await net().networkHelpers.mine(1);
    await modules.SessionQueue.reveal(net().handover(task));
    expect((await net().factsOf(task)).status).to.equal(Status.Accepted);
  });

  it("refuses prompts outside the session's limits at both ends", async () => {
    const { modules, router } = net();
    const { Session } = modules;
    const withTokens = (promptTokens: string) => submit(router, { ...net().request(1), promptTokens });
    const count = (promptTokens: string) => expect(withTokens(promptTokens)).to.be.revertedWithCustomError(Session, "SessionPromptCount");
    await count("0x").withArgs(0, 64);
    await count("0x0001").withArgs(0, 64);
    await count("0x00000100").withArgs(1, 64);
    await count(encodePromptTokens(Array.from({ length: 65 }, () => 1))).withArgs(65, 64);
    await withTokens(encodePromptTokens(Array.from({ length: 64 }, () => 1)));
    const tooLong = (tokens: number[]) =>
      expect(withTokens(encodePromptTokens(tokens))).to.be.revertedWithCustomError(Session, "SessionPromptTooLong");
    await tooLong([1, 0]).withArgs(1, 0, 4096);
    await tooLong([4097]).withArgs(0, 4097, 4096);
    await withTokens(encodePromptTokens([1, 4096]));
    for (const most of [0, 4097]) {
      await expect(submit(router, net().request(1, 100, most)))
        .to.be.revertedWithCustomError(Session, "SessionMaxTokens")
        .withArgs(most, 4096);
    }
    await submit(router, net().request(1, 100, 1));
    await submit(router, net().request(1, 100, 4096));
  });

  it("refuses a task whose last second is the lease's last, and takes one a second shorter", async () => {
    const { modules, router, session } = net();
    const { leaseUntil } = await modules.Session.sessionOf(session);
    const lastStart = Number(leaseUntil) - WINDOWS.commitWindow - WINDOWS.revealWindow;
    await nextAt(net(), lastStart - 1);
    await submit(router);
    await nextAt(net(), lastStart);
    await expect(submit(router)).to.be.revertedWithCustomError(modules.Session, "SessionLeaseTooShort").withArgs(leaseUntil, leaseUntil);
  });

  it("refuses a leased session's task where no lease was drawn", async () => {
    const { modules, client } = net();
    await modules.Session.connect(client).open(net().terms);
    const end = BigInt((await now(net())) + 1 + WINDOWS.commitWindow + WINDOWS.revealWindow);
    await expect(submit(client, net().request(1), 2n))
      .to.be.revertedWithCustomError(modules.Session, "SessionLeaseTooShort")
      .withArgs(0n, end);
  });

  it("B8 numbers tasks in order, session by session, and a list is submitted whole or not at all", async () => {
    const { modules, client, router, session } = net();
    const requests = [net().request(1), net().request(2), net().request(1)];
    const receipt = await receiptOf(modules.Session.connect(router).submitMany(session, requests));
    expect(eventsIn(receipt, modules.SessionQueue, "TaskQueued").map((args) => args["task"])).to.deep.equal([
      FIRST,
      FIRST + 1n,
      FIRST + 2n,
    ]);
    expect(eventsIn(receipt, modules.SessionQueue, "TaskQueued").map((args) => args["terms"].promptTokens.length)).to.deep.equal([
      8, 14, 8,
    ]);
    await expect(modules.Session.connect(router).submitMany(session, [net().request(1), net().request(1, 100, 0)]))
      .to.be.revertedWithCustomError(modules.Session, "SessionMaxTokens")
      .withArgs(0, 4096);
    await modules.Session.connect(router).submitMany(session, []);
    expect((await net().submit()).id).to.equal(FIRST + 3n);
    await modules.Session.connect(client).open({ ...net().terms, mode: 1 });
    await modules.SessionPayment.connect(client).deposit(2n, 10n ** 20n);
    const [other] = eventsIn(await receiptOf(submit(client, net().request(1), 2n)), modules.SessionQueue, "TaskQueued");
    expect(other!["task"]).to.equal((2n << 32n) | 1n);
    expect((await modules.Session.sessionOf(session)).tasks).to.equal(4n);
  });

  it("B6 H6 an update of the session, a new price and new fees do not reach a task that exists", async () => {
    const { modules, client, session, deployer } = net();
    const task = await net().submit();
    await modules.Session.connect(deployer).setParameters({
      protocolFeeBps: 0,
      routerFeeBps: 0,
      bounty: 9_999,
      leaseRate: 1,
      validatorPrice: 0,
    });
    await modules.ModelRegistry.connect(deployer).reprice(MODEL, 1);
    await modules.Session.connect(client).update(session, { ...net().terms, redundancy: 1, quorum: 1, commitWindow: 5, revealWindow: 5 });
    await net().commitCarried(task);
    await net().networkHelpers.mine(1);
    const receipt = await receiptOf(modules.SessionQueue.reveal(net().handover(task)));
    const gross = 150n * 10n ** 15n;
    expect(eventsIn(receipt, modules.SessionQueue, "TaskSettled")[0]!["charged"]).to.equal(3n * gross + 10n ** 15n);
    expect(await modules.SessionPayment.owedToNode(task.commits[0]!.node)).to.be.greaterThan((gross * 9n) / 10n - 1n);
  });

  it("I1 refuses the 65th open task, and takes it once the first has ended", async () => {
    const { modules, router, session, stranger } = net();
    const { SessionQueue: queue, Session } = modules;
    const first = await net().submit(1, { mine: false });
    await Session.connect(router).submitMany(
      session,
      Array.from({ length: RING - 1 }, () => net().request(1)),
    );
    await expect(submit(router))
      .to.be.revertedWithCustomError(queue, "SessionQueueRingFull")
      .withArgs(FIRST + 64n, FIRST);
    // The session is refused only by its oldest task: the number was not used up.
    expect((await Session.sessionOf(session)).tasks).to.equal(64n);
    await moveTo(net(), Number((await queue.factsOf(first.id))[0].commitsCloseAt) + 1);
    await queue.connect(stranger).settle(net().handover(first));
    const record = await queue.recordOf(first.id);
    const next = await net().submit();
    expect(next.id).to.equal(FIRST + 64n);
    const [facts, status] = await queue.factsOf(first.id);
    expect([facts.redundancy, facts.state, Number(status)]).to.deep.equal([0n, 0n, Status.Failed]);
    expect(await queue.recordOf(first.id), "B2").to.equal(record);
    expect(Number(await queue.phaseOf(first.id))).to.equal(Phase.Settled);
    await expect(submit(router))
      .to.be.revertedWithCustomError(queue, "SessionQueueRingFull")
      .withArgs(FIRST + 65n, FIRST + 1n);
    expect((await net().factsOf(next)).generation).to.equal(1);
  });
});
