import { expect } from "chai";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Wallet } from "ethers";
import type { Batch, EventCursor } from "../../../offchain/chain/cursor.ts";
import { decodeLog } from "../../../offchain/chain/cursor.ts";
import { Journal, JournalConflict, type Work } from "../../../offchain/node/journal.ts";
import { saltOf } from "../../../offchain/node/salt.ts";
import { eventLog } from "../chain/scriptedChain.ts";

const QUEUE = `0x${"ee".repeat(20)}`;
const hex = (byte: string) => `0x${byte.repeat(32)}`;
const WORK: Work = {
  task: (1n << 32n) | 1n,
  seat: 2,
  attempt: 0,
  node: 3,
  answers: "0x1234",
  claim: hex("aa"),
  salt: hex("bb"),
  commitment: hex("cc"),
  r: hex("01"),
  vs: hex("02"),
  contents: [hex("aa")],
};

describe("journal", () => {
  let folder: string;
  let file: string;
  let journal: Journal;

  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), "journal-"));
    file = path.join(folder, "journal.db");
    journal = new Journal(file, 31337n, QUEUE);
  });
  afterEach(() => {
    journal.close();
    rmSync(folder, { recursive: true });
  });

  const reopened = () => {
    journal.close();
    journal = new Journal(file, 31337n, QUEUE);
    return journal;
  };

  it("gives a seat's work back after a restart", () => {
    journal.saveWork(WORK);
    expect(reopened().work(WORK.task, 2)).to.deep.equal(WORK);
    expect(journal.work(WORK.task, 1)).to.equal(undefined);
  });

  it("K1: takes the same commitment again, and refuses another one for the seat", () => {
    journal.saveWork(WORK);
    journal.saveWork(WORK);
    const other = { ...WORK, commitment: hex("dd") };
    expect(() => journal.saveWork(other))
      .to.throw(JournalConflict, hex("dd"))
      .with.property("code", "JournalConflict");
    expect(() => reopened().saveWork(other)).to.throw(JournalConflict);
    expect(journal.work(WORK.task, 2)?.commitment).to.equal(WORK.commitment);
    journal.saveWork({ ...other, seat: 1 });
    journal.saveWork({ ...other, attempt: 1 });
  });

  it("refuses to open the journal of another chain or deployment", () => {
    journal.close();
    expect(() => new Journal(file, 1n, QUEUE))
      .to.throw("found data of chain 31337")
      .with.property("code", "StoreOfOtherChain");
    journal = new Journal(file, 31337n, QUEUE);
  });

  it("4b corrupt journal: refuses a damaged file instead of guessing", () => {
    journal.saveWork(WORK);
    journal.close();
    rmSync(`${file}-wal`, { force: true });
    writeFileSync(file, Buffer.alloc(8_192, 7));
    expect(() => new Journal(file, 31337n, QUEUE))
      .to.throw("wanted a sound SQLite file")
      .with.property("code", "StoreCorrupt");
    truncateSync(file, 0);
    journal = new Journal(file, 31337n, QUEUE);
  });

  const log = (blockNumber: number, node: number) => {
    const raw = eventLog("NodePool", QUEUE, "EndpointChanged", [node, `http://node-${node}-${blockNumber}`]);
    const place = { blockNumber, blockHash: hex("0f"), logIndex: 0, transactionHash: hex("0e") };
    return decodeLog({ module: "NodePool", ...place, topics: raw.topics, data: raw.data })!;
  };
  const absorb = (batch: Partial<Batch>, confirm = () => {}) =>
    journal.absorb({ added: [], ...batch } as unknown as Batch, { confirm } as unknown as EventCursor);
  const endpoints = () => journal.logs().map(({ args }) => String(args.getValue("endpoint")));

  it("keeps events in chain order, over a restart, and drops those that a reorganisation took back", () => {
    absorb({ added: [log(12, 2), log(10, 1)] });
    absorb({ added: [log(11, 3)], removedFrom: 12 });
    reopened();
    expect(endpoints()).to.deep.equal(["http://node-1-10", "http://node-3-11"]);
  });

  it("writes events and the cursor's place together or not at all", () => {
    expect(() =>
      absorb({ added: [log(10, 1)] }, () => {
        throw new Error("disk full");
      }),
    ).to.throw("disk full");
    expect(endpoints()).to.deep.equal([]);
  });

  it("prunes what has ended, and what only the last event of its kind says", () => {
    absorb({ added: [log(10, 1), log(11, 2), log(20, 1), log(90, 1)] });
    journal.saveWork(WORK);
    journal.prune(["endpoint:2", "task:5"], 50);
    expect(journal.work(WORK.task, WORK.seat)).to.deep.equal(WORK);
    journal.prune([`task:${WORK.task}`], 50);
    expect(journal.work(WORK.task, WORK.seat)).to.equal(undefined);
    expect(endpoints()).to.deep.equal(["http://node-1-20", "http://node-1-90"]);
  });
});

describe("salt", () => {
  const key = new Wallet(hex("17")).privateKey;
  const purpose = { chainId: 31337n, queue: QUEUE, task: 5n, seat: 1, attempt: 0 };

  it("follows from key and purpose alone, so that it survives the loss of the journal", () => {
    expect(saltOf(key, purpose))
      .to.equal(saltOf(key, { ...purpose }))
      .and.match(/^0x[0-9a-f]{64}$/);
    expect(saltOf(key, purpose)).to.equal("0x000000000000000000000000000000005a6b40e218f045f4a68eb7ea7b6fa15f");
  });

  it("differs for every key and every part of the purpose", () => {
    const salts = [
      saltOf(key, purpose),
      saltOf(hex("18"), purpose),
      saltOf(key, { ...purpose, chainId: 1n }),
      saltOf(key, { ...purpose, queue: `0x${"dd".repeat(20)}` }),
      saltOf(key, { ...purpose, task: 6n }),
      saltOf(key, { ...purpose, seat: 2 }),
      saltOf(key, { ...purpose, attempt: 1 }),
    ];
    expect(new Set(salts).size).to.equal(salts.length);
  });
});
