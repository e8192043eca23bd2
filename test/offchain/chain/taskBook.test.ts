import { expect } from "chai";
import { ZeroAddress, ZeroHash } from "ethers";
import { decodeLog, type DecodedLog } from "../../../offchain/chain/cursor.ts";
import { interfaces, type ModuleName } from "../../../offchain/chain/abis.ts";
import { ChainRevert, decodeRevert, mayPass, revertIn, RpcUnreachable } from "../../../offchain/chain/errors.ts";
import { subjectOf, TaskBook } from "../../../offchain/chain/taskBook.ts";
import { encodeTerms } from "../../../offchain/protocol/terms.ts";
import { Comparison, Status, type TaskTerms } from "../../../offchain/protocol/types.ts";
import { eventLog } from "./scriptedChain.ts";
import { PLAIN_TERMS } from "../../plain.ts";

const hex = (byte: string) => `0x${byte.repeat(32)}`;
const TASK = (3n << 32n) | 1n;
const TERMS: TaskTerms = {
  model: hex("aa"),
  manifest: hex("bb"),
  promptTokens: "0x00000f",
  maxTokens: 32,
  price: 10n ** 18n,
  bounty: 10n ** 15n,
  router: ZeroAddress,
  protocolFeeBps: 500,
  routerFeeBps: 0,
  redundancy: 3,
  quorum: 2,
  comparison: Comparison.Semantic,
  threshold: 73,
  commitWindow: 60,
  revealWindow: 60,
  leased: true,
  ...PLAIN_TERMS,
};

let index = 0;
function event(module: ModuleName, name: string, args: unknown[]): DecodedLog {
  const { topics, data } = eventLog(module, ZeroAddress, name, args);
  return decodeLog({ module, topics, data, blockNumber: 10, blockHash: hex("01"), logIndex: index++, transactionHash: hex("02") })!;
}
const booked = (...logs: DecodedLog[]) => {
  const book = new TaskBook();
  for (const log of logs) book.apply(log);
  return book;
};
const QUEUED = event("SessionQueue", "TaskQueued", [TASK, 3, hex("cc"), encodeTerms(TERMS), 7, 20, 1_060]);

describe("task book", () => {
  it("follows a task from birth to settlement", () => {
    const book = booked(
      QUEUED,
      event("SessionQueue", "ResultsCommitted", [TASK, 9n, [{ who: 1n | (5n << 8n), commitment: hex("d1") }]]),
      event("SessionQueue", "ResultsCommitted", [TASK, 9n, [{ who: 0n | (6n << 8n), commitment: hex("d2") }]]),
      event("SessionQueue", "ResultRevealed", [TASK, 0, 6, hex("e1"), hex("e2"), "0x1234"]),
    );
    const entry = book.tasks.get(TASK)!;
    expect(entry).to.deep.include({ session: 3, lease: 7, seedBlock: 20, deadline: 1_060, terms: TERMS });
    expect(entry.commits).to.deep.equal([
      { seat: 1, node: 5, commitment: hex("d1") },
      { seat: 0, node: 6, commitment: hex("d2") },
    ]);
    expect([...entry.openings]).to.deep.equal([[0, { salt: hex("e1"), claim: hex("e2"), answers: "0x1234" }]]);
    expect(entry.settled).to.equal(undefined);
    book.apply(event("SessionQueue", "TaskSettled", [TASK, Status.Accepted, 77n, 0b11n, "0x1003", "0x12"]));
    expect(entry.settled).to.deep.include({ status: Status.Accepted, charged: 77n, seats: 0b11, base: "0x12", blockNumber: 10 });
  });

  it("takes over lease and deadline of an assigned task", () => {
    const book = booked(
      event("SessionQueue", "TaskQueued", [TASK, 3, ZeroHash, encodeTerms({ ...TERMS, leased: false }), 0, 20, 1_060]),
      event("SessionQueue", "TaskAssigned", [TASK, 8, 5n, 1_200]),
    );
    expect(book.tasks.get(TASK)).to.include({ lease: 8, deadline: 1_200 });
  });

  it("knows who routes now, where nodes are, which draws wait and which leases run", () => {
    const [first, second] = [`0x${"11".repeat(20)}`, `0x${"22".repeat(20)}`];
    const book = booked(
      event("Session", "RouterChanged", [3, first, true, "http://a"]),
      event("Session", "RouterChanged", [3, second, true, "http://b"]),
      event("Session", "RouterChanged", [3, first, false, ""]),
      event("NodePool", "EndpointChanged", [5, "http://five"]),
      event("Session", "LeaseReserved", [3, 4, 600, 0, 30, 0n]),
      event("Session", "LeaseReserved", [4, 4, 600, 0, 31, 0n]),
      event("Session", "LeaseStarted", [3, 1, 2_000]),
      event("NodePool", "LeaseDrawn", [1, hex("aa"), hex("bb"), 5n | (6n << 24n), 2, 2_000]),
      event("NodePool", "LeaseDrawn", [2, hex("aa"), hex("bb"), 7n, 1, 2_000]),
      event("NodePool", "LeaseCollected", [2]),
    );
    expect([...book.routers.get(3)!]).to.deep.equal([[second, "http://b"]]);
    expect([...book.endpoints]).to.deep.equal([[5, "http://five"]]);
    expect([...book.reservations]).to.deep.equal([[4, 31]]);
    expect([...book.leases]).to.deep.equal([[1, { nodes: [5, 6], until: 2_000 }]]);
  });

  it("passes over events of tasks it never saw born", () => {
    expect(booked(event("SessionQueue", "TaskAssigned", [TASK, 8, 5n, 1_200])).tasks.size).to.equal(0);
  });

  it("names what events are about, so that they can be pruned together", () => {
    expect(subjectOf(QUEUED)).to.equal(`task:${TASK}`);
    expect(subjectOf(event("NodePool", "LeaseCollected", [2]))).to.equal("lease:2");
    expect(subjectOf(event("Session", "LeaseStarted", [3, 1, 2_000]))).to.equal("draw:3");
    expect(subjectOf(event("NodePool", "NodeAdmitted", [3, true]))).to.equal(undefined);
  });
});

describe("chain errors", () => {
  it("decodes custom errors of every module, with named arguments", () => {
    const data = interfaces.NodePool.encodeErrorResult("NodePoolTooFewNodes", [2, 3]);
    const error = decodeRevert(data, "assign:7");
    expect(error).to.include({ revert: "NodePoolTooFewNodes", code: "ChainRevert", retryable: false });
    expect(error.args).to.deep.equal({ found: 2n, wanted: 3n });
    expect(error.message).to.equal("the contracts refused assign:7: NodePoolTooFewNodes(found 2, wanted 3)");
  });

  it("finds revert data wherever a server put it, and never takes call data for it", () => {
    const data = interfaces.SessionQueue.encodeErrorResult("SessionQueueNothingToReveal", [7n]);
    for (const error of [{ data }, { info: { error: { data: { data, message: "m" } } } }, { error: { data } }])
      expect(revertIn(error, "x")?.revert).to.equal("SessionQueueNothingToReveal");
    expect(revertIn({ transaction: { to: "0x", data }, code: "NETWORK_ERROR" }, "x")).to.equal(undefined);
    expect(revertIn({ code: "CALL_EXCEPTION", data: "0x" }, "x")?.revert).to.equal("Unknown");
  });

  it("knows which failures may pass", () => {
    expect(mayPass(new RpcUnreachable("u", "c"))).to.equal(true);
    expect(mayPass(new ChainRevert("E", {}, "x"))).to.equal(false);
    expect(mayPass(Object.assign(new Error("x"), { code: "UNKNOWN_ERROR" }))).to.equal(true);
    expect(mayPass(new TypeError("a bug"))).to.equal(false);
    expect(mayPass(Object.assign(new Error("x"), { code: "SQLITE_FULL" }))).to.equal(false);
  });
});
