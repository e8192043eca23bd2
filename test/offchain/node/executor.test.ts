import { expect } from "chai";
import { setTimeout as delay } from "node:timers/promises";
import type { Head } from "../../../offchain/chain/cursor.ts";
import type { Action } from "../../../offchain/node/decide.ts";
import { Executor } from "../../../offchain/node/execute.ts";
import { JournalConflict } from "../../../offchain/node/journal.ts";
import { createLog } from "../../../offchain/runtime/log.ts";
import { eventually } from "../chain/hardhatNode.ts";

const HEAD = { number: 1, hash: "0x", parentHash: "0x", timestamp: 1 } satisfies Head;
const log = createLog({ name: "test", level: "silent" });
const action = (kind: "infer" | "commit" | "wait", task = 1n): Action => ({ kind, task, seat: 0, reason: "test" });

describe("executor", () => {
  let begun: { action: Action; signal: AbortSignal; end: PromiseWithResolvers<void> }[];
  let fatal: Error[];
  let executor: Executor;

  beforeEach(() => {
    begun = [];
    fatal = [];
    const act = async (wanted: Action, _head: Head, signal: AbortSignal) => {
      const end = Promise.withResolvers<void>();
      signal.addEventListener("abort", () => end.reject(signal.reason as Error));
      begun.push({ action: wanted, signal, end });
      await end.promise;
    };
    executor = new Executor({ act, log, onFatal: (error) => fatal.push(error) });
  });

  it("runs each act once at a time, and never a wait", async () => {
    executor.run([action("commit"), action("wait")], HEAD);
    executor.run([action("commit"), action("commit", 2n)], HEAD);
    expect(begun.map(({ action: { kind } }) => kind)).to.deep.equal(["commit", "commit"]);
    begun[0]!.end.resolve();
    await eventually(() => executor.running.length === 1, "the end of one");
    executor.run([action("commit")], HEAD);
    expect(begun.length).to.equal(3);
    expect(executor.counters["commit"]).to.deep.equal({ done: 1, failed: 0 });
  });

  it("ends inference that is no longer wanted, and nothing else", () => {
    executor.run([action("infer"), action("infer", 2n), action("commit", 3n)], HEAD);
    executor.run([action("infer")], HEAD);
    expect(begun.map(({ signal }) => signal.aborted)).to.deep.equal([false, true, false]);
  });

  it("infers a few tasks at once and keeps the others for later", () => {
    executor.run(
      Array.from({ length: 10 }, (_, i) => action("infer", BigInt(i))),
      HEAD,
    );
    expect(begun.length).to.equal(4);
  });

  it("pauses longer after each failure, and starts anew once an act was not wanted for a while", async () => {
    for (let attempt = 1; attempt <= 2; attempt++) {
      await eventually(() => {
        executor.run([action("commit")], HEAD);
        return begun.length === attempt;
      }, "an attempt");
      begun.at(-1)!.end.reject(new Error("no luck"));
      await eventually(() => executor.running.length === 0, "the end");
    }
    await delay(300);
    executor.run([action("commit")], HEAD);
    expect(begun.length, "the second pause is longer than 300 ms").to.equal(2);
    executor.run([], HEAD);
    executor.run([action("commit")], HEAD);
    expect(begun.length).to.equal(3);
    expect(executor.counters["commit"]?.failed).to.equal(2);
  });

  it("reports what must not be acted past: a second commitment, or a journal that cannot be written", async () => {
    executor.run([action("commit", 1n), action("commit", 2n), action("commit", 3n)], HEAD);
    begun[0]!.end.reject(new JournalConflict({ task: 1n, seat: 0, commitment: "0xb" }, "0xa"));
    begun[1]!.end.reject(Object.assign(new Error("disk full"), { code: "SQLITE_FULL" }));
    begun[2]!.end.reject(new Error("some other"));
    await eventually(() => executor.running.length === 0, "the end");
    expect(fatal.map((error) => (error as { code?: string }).code)).to.deep.equal(["JournalConflict", "SQLITE_FULL"]);
  });

  it("stops everything that can be stopped", async () => {
    executor.run([action("commit"), action("infer")], HEAD);
    await executor.stop();
    expect(begun.every(({ signal }) => signal.aborted)).to.equal(true);
    expect(executor.running).to.deep.equal([]);
  });
});
