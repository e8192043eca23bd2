import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { TaskBook } from "../../../offchain/chain/taskBook.ts";
import { ChainError } from "../../../offchain/chain/errors.ts";
import { Status } from "../../../offchain/protocol/types.ts";
import { Accounts, type Wanted, type Work } from "../../../offchain/router/accounts.ts";
import { ApiError } from "../../../offchain/router/apiError.ts";
import { Arrivals, DeadlinePassed, type EndedTask } from "../../../offchain/router/arrivals.ts";
import { RequestStore } from "../../../offchain/router/requestStore.ts";
import { createLog } from "../../../offchain/runtime/log.ts";
import { ENTRY, TASK, TERMS } from "./routerWorld.ts";

const never = new AbortController().signal;
const CALLER = { id: "k", name: "k", scopes: [] };
const wanted = (idempotency?: string): Wanted => ({ caller: CALLER, endpoint: "/x", body: {}, idempotency, unkept: false, gone: never });
/** A task of one prompt that was accepted and cost seven. */
const BASE = `0x${"ab".repeat(32)}${"00".repeat(32)}00000300`;
const ENDED = {
  ...ENTRY,
  settled: { status: Status.Accepted, charged: 7n, base: BASE, outcomes: "0x1003", transactionHash: "0x", blockNumber: 12 },
} as EndedTask;
const late = () => new ApiError(504, "not settled in time", { code: "deadline_passed" });

/** Accounts over a chain of which the given says how rejoining and the end go, one call after the other. */
function setting({ rejoins = [], ends }: { rejoins?: (Error | undefined)[]; ends: (Error | EndedTask | Promise<EndedTask>)[] }) {
  const store = new RequestStore(":memory:");
  const stopping = new AbortController();
  const asked = { rejoined: 0, ended: 0 };
  const submission = {
    rejoin: async () => {
      const error = rejoins[asked.rejoined++];
      if (error !== undefined) throw error;
      return await Promise.resolve({ task: TASK, terms: TERMS });
    },
  };
  const batcher = {
    endedAtLast: async () => {
      const end = ends[asked.ended++];
      if (end instanceof Error) throw end;
      return await end;
    },
  };
  const log = createLog({ name: "test", level: "silent" });
  const accounts = new Accounts({ store, submission, batcher, stopping: stopping.signal, log } as never);
  /** A request whose task is on chain and was not settled in time. */
  const work: Work = async ({ admit, journal }) => {
    admit(100n);
    journal.named(0, "name", 0);
    journal.placed(0, TASK);
    throw await Promise.resolve(late());
  };
  return { accounts, store, work, asked, stopping };
}

const until = async (check: () => boolean) => {
  for (let i = 0; i < 400 && !check(); i++) await delay(10);
  expect(check()).to.equal(true);
};

describe("the accounts of a router", function () {
  this.timeout(15_000);

  it("follow a task that was not settled in time until it is, charge it and let go of what was held, without a restart", async () => {
    const settled = Promise.withResolvers<EndedTask>();
    const { accounts, work, asked } = setting({ ends: [settled.promise] });
    const error = await accounts.answer(wanted(), work).catch((found: unknown) => found);
    expect(error).to.include({ status: 504 });
    await until(() => asked.ended === 1);
    expect(accounts.usage("k")).to.include({ held: 100n, charged: 0n });
    settled.resolve(ENDED);
    await until(() => accounts.usage("k").held === 0n);
    expect(accounts.usage("k")).to.include({ charged: 7n, requests: 1 });
  });

  it("ask again where the chain or the end cannot be read at first", async () => {
    const unreachable = new ChainError("RpcUnreachable", "no answer", true);
    const { accounts, work, asked } = setting({ rejoins: [unreachable], ends: [late(), ENDED] });
    await accounts.answer(wanted("name"), work).catch(() => undefined);
    await until(() => accounts.usage("k").held === 0n);
    expect(asked).to.deep.equal({ rejoined: 3, ended: 2 });
    expect(accounts.usage("k").charged).to.equal(7n);
  });

  it("end no request while the router ends: the next one takes it up", async () => {
    const { accounts, store, work, asked, stopping } = setting({ ends: [new Promise<never>(() => undefined)] });
    await accounts.answer(wanted(), work).catch(() => undefined);
    await until(() => asked.ended === 1);
    stopping.abort(new Error("ending"));
    await delay(20);
    expect(store.opened()).to.have.length(1);
    expect(accounts.usage("k")).to.include({ held: 100n, charged: 0n });
  });

  it("tell the same error to whoever comes again under its name, and charge it no second time", async () => {
    const { accounts, work } = setting({ ends: [ENDED, ENDED] });
    for (let i = 0; i < 2; i++) {
      const error = await accounts.answer(wanted("name"), work).catch((found: unknown) => found);
      expect(error).to.include({ status: 504, code: "deadline_passed" });
      await until(() => accounts.usage("k").held === 0n);
    }
    expect(accounts.usage("k")).to.include({ charged: 7n, requests: 1 });
  });
});

describe("waiting for the end of a task", () => {
  const HEAD = { number: 20, hash: "0x", parentHash: "0x" };

  it("ends when its windows have gone by, but for those who wait however long it takes", async () => {
    const arrivals = new Arrivals();
    const book = new TaskBook();
    book.tasks.set(TASK, { ...ENTRY });
    const impatient = arrivals.ended(TASK, never).catch((error: unknown) => error);
    const patient = arrivals.ended(TASK, never, { patient: true });
    arrivals.tell({ ...HEAD, timestamp: ENTRY.deadline + TERMS.revealWindow + 31 }, book);
    expect(await impatient).to.be.instanceOf(DeadlinePassed);
    expect(arrivals.awaits(TASK)).to.equal(true);
    book.tasks.set(TASK, ENDED);
    arrivals.tellEnds(book);
    expect(await patient).to.equal(ENDED);
    expect(arrivals.awaits(TASK)).to.equal(false);
  });
});
