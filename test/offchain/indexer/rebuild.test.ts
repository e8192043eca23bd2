import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { SyntheticChain, type SyntheticSettings } from "../../../bench/syntheticChain.ts";
import { EventCursor, KEPT_BLOCKS } from "../../../offchain/chain/cursor.ts";
import { follow } from "../../../offchain/indexer/follow.ts";
import { IndexQueries } from "../../../offchain/indexer/queries.ts";
import { IndexStore } from "../../../offchain/indexer/indexStore.ts";

const SMALL: SyntheticSettings = { nodes: 12, sessions: 3, tasksPerBlock: 3 };

const open = (chain: SyntheticChain, file = ":memory:") =>
  new IndexStore(file, chain.deployment.chainId, chain.deployment.addresses.SessionQueue);

const catchUp = async (chain: SyntheticChain, store: IndexStore, maxRange = 2_000) =>
  await follow({ endpoint: chain.endpoint, deployment: chain.deployment, store, pollMs: 0, maxRange });

const fromGenesis = async (chain: SyntheticChain, maxRange?: number): Promise<string> => {
  const store = open(chain);
  await catchUp(chain, store, maxRange);
  const dump = [...store.dump()].join("");
  store.close();
  return dump;
};

describe("The index is a function of the chain", () => {
  it("two builds give the same bytes, whatever ranges the blocks were read in", async () => {
    const chain = new SyntheticChain(SMALL);
    chain.addTasks(90);
    const dump = await fromGenesis(chain);
    expect(dump.split("\n").length).to.be.greaterThan(500);
    for (const range of [1, 7, 64]) expect(await fromGenesis(chain, range), `ranges of ${range}`).to.equal(dump);
  });

  it("an index that grew with the chain is the one that is built from genesis", async () => {
    const chain = new SyntheticChain(SMALL);
    const store = open(chain);
    for (let i = 0; i < 8; i++) {
      chain.addTasks(4);
      await catchUp(chain, store);
    }
    expect([...store.dump()].join("")).to.equal(await fromGenesis(chain));
  });

  it("after reorganisations of many depths it is the one that is built from genesis", async () => {
    const chain = new SyntheticChain(SMALL);
    const store = open(chain);
    chain.addTasks(KEPT_BLOCKS);
    await catchUp(chain, store);
    for (const depth of [1, 4, KEPT_BLOCKS - 1]) {
      chain.reorganise(depth);
      chain.addTasks(depth + 6);
      await catchUp(chain, store, depth % 2 === 0 ? 5 : 2_000);
      expect([...store.dump()].join(""), `after ${depth} blocks`).to.equal(await fromGenesis(chain));
    }
  });

  it("a reorganisation deeper than what can be taken back is refused, and changes nothing", async () => {
    const chain = new SyntheticChain(SMALL);
    const store = open(chain);
    chain.addTasks(KEPT_BLOCKS);
    await catchUp(chain, store);
    const before = store.digest();
    chain.reorganise(KEPT_BLOCKS + 1);
    chain.addTasks(KEPT_BLOCKS + 9);
    const error = await catchUp(chain, store).then(
      () => undefined,
      (thrown: Error & { code?: string }) => thrown,
    );
    expect(error?.code).to.equal("ReorgTooDeep");
    expect(store.digest()).to.equal(before);
  });

  it("a batch that fails half-way leaves nothing behind", async () => {
    const chain = new SyntheticChain(SMALL);
    const store = open(chain);
    chain.addTasks(60);
    await catchUp(chain, store);
    const before = store.digest();
    chain.addTasks(9);
    const cursor = { confirm: () => expect.fail("the cursor moved") };
    const { SessionQueue } = chain.deployment.addresses;
    const reader = new EventCursor({ endpoint: chain.endpoint, addresses: { SessionQueue }, store: store.chain, fromBlock: 0 });
    const found = await reader.poll();
    // Only the first block's time is known: the fold has to stop at the second.
    const times = new Map([[found.added[0]!.blockNumber, 1]]);
    expect(() => store.absorb(found, times, cursor)).to.throw(/found no time of block/);
    expect(store.digest()).to.equal(before);
    await catchUp(chain, store);
    expect([...store.dump()].join("")).to.equal(await fromGenesis(chain));
  });

  it("a file of another version or of another chain is refused with what to do", () => {
    const chain = new SyntheticChain(SMALL);
    const folder = mkdtempSync(path.join(tmpdir(), "index-"));
    const file = path.join(folder, "index.db");
    open(chain, file).close();
    expect(() => new IndexStore(file, 1n, chain.deployment.addresses.SessionQueue)).to.throw(/chain 31337/);
    const old = open(chain, file);
    old.database.pragma("user_version = 99");
    old.close();
    expect(() => open(chain, file)).to.throw(/version 99.*--rebuild/);
    rmSync(folder, { recursive: true });
  });

  it("goes on after an endpoint that is not UTF-8, which any node may announce", async () => {
    const chain = new SyntheticChain({ ...SMALL, words: { endpoint: "abcd" } });
    chain.addTasks(3);
    for (const log of chain.logs.flat()) Object.assign(log, { data: log.data.replace("61626364", "61ff6364") });
    const store = open(chain);
    await catchUp(chain, store);
    expect(store.database.prepare("SELECT endpoint FROM nodes WHERE id = 1").pluck().get()).to.equal("a\ufffdcd");
    expect(store.database.prepare("SELECT COUNT(*) FROM tasks WHERE status <> 1").pluck().get()).to.equal(3);
    store.close();
  });

  it("shows a round of network work as its events, in their order", async () => {
    const folder = mkdtempSync(path.join(tmpdir(), "index-"));
    const file = path.join(folder, "index.db");
    const chain = new SyntheticChain(SMALL);
    const store = open(chain, file);
    await catchUp(chain, store);
    const insert = store.database.prepare("INSERT INTO events VALUES (?, 0, 9, '0x', 'PoUW', ?, NULL, NULL, ?, ?)");
    insert.run(900, "RoundOpened", null, JSON.stringify({ round: "7" }));
    insert.run(901, "RoundClaimed", 3, JSON.stringify({ round: "7" }));
    insert.run(902, "RoundOpened", null, JSON.stringify({ round: "8" }));
    const queries = new IndexQueries(file);
    const { rounds } = queries.rounds();
    expect(rounds.map(({ id, events }) => [id, events.map(({ name, node }) => [name, node])])).to.deep.equal([
      ["8", [["RoundOpened", null]]],
      [
        "7",
        [
          ["RoundOpened", null],
          ["RoundClaimed", 3],
        ],
      ],
    ]);
    queries.close();
    store.close();
    rmSync(folder, { recursive: true });
  });
});
