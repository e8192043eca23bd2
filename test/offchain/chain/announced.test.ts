import { expect } from "chai";
import type { JsonRpcPayload } from "ethers";
import { headerOf, mayLog, type RawBlock } from "../../../offchain/chain/blockHeader.ts";
import { type CursorStore, EventCursor, type SeenBlock } from "../../../offchain/chain/cursor.ts";
import type { Deployment } from "../../../offchain/chain/deployment.ts";
import { connect, type Endpoint } from "../../../offchain/chain/endpoint.ts";
import { watchHeads } from "../../../offchain/chain/headFeed.ts";
import { createRoundViews, type RoundViews } from "../../../offchain/chain/roundViews.ts";
import type { RoundStore } from "../../../offchain/node/roundStore.ts";
import { RoundWatch } from "../../../offchain/node/roundWatch.ts";
import { eventually, type HardhatNode, startHardhatNode } from "./hardhatNode.ts";

const POOL = `0x${"11".repeat(20)}`;
const ROUNDS = `0x${"33".repeat(20)}`;
/** Another contract whose events are nobody's. */
const ELSEWHERE = `0x${"22".repeat(20)}`;
/** LOG0 of nothing. */
const SHOUTS = "0x60006000a000";

describe("announced blocks", function () {
  this.timeout(60_000);
  let chain: HardhatNode;
  let endpoint: Endpoint;
  let cursor: EventCursor;
  let asked: string[];
  const announcements = new Map<number, RawBlock>();
  const ended = new AbortController();

  before(async () => {
    chain = await startHardhatNode();
    for (const address of [POOL, ROUNDS, ELSEWHERE]) await chain.rpc("hardhat_setCode", address, SHOUTS);
    watchHeads(chain.url, (block) => announcements.set(Number(block["number"]), block), ended.signal);
    await eventually(async () => {
      await chain.rpc("evm_mine");
      return announcements.size > 0;
    }, "the first announcement");
  });
  after(async () => {
    ended.abort();
    await chain.stop();
  });
  beforeEach(async () => {
    endpoint = await connect({ url: chain.url, retries: 0 });
    asked = [];
    const { provider } = endpoint;
    const send = provider._send.bind(provider);
    provider._send = async (payload) => {
      asked.push(...[payload].flat().map(({ method }: JsonRpcPayload) => method));
      return await send(payload);
    };
    cursor = new EventCursor({ endpoint, addresses: { NodePool: POOL }, store: memory(), fromBlock: await height() });
    await read();
  });
  afterEach(() => endpoint.close());

  const height = async () => Number(await chain.rpc("eth_blockNumber"));
  /** The next block, as the server announces it: empty, or with an event of a contract. */
  async function mined(contract?: string): Promise<RawBlock> {
    if (contract === undefined) await chain.rpc("evm_mine");
    else {
      const [from] = (await chain.rpc("eth_accounts")) as string[];
      await chain.rpc("eth_sendTransaction", { from, to: contract });
    }
    const number = await height();
    return await eventually(() => announcements.get(number), `the announcement of block ${number}`);
  }
  async function read() {
    asked.length = 0;
    const batch = await cursor.poll();
    cursor.confirm(batch);
    return batch;
  }

  it("tell by their bloom which contracts have no event in them", async () => {
    const bloom = (await mined(POOL))["logsBloom"] as string;
    expect([POOL, ELSEWHERE, ROUNDS].map((address) => mayLog(bloom, address))).to.deep.equal([true, false, false]);
    const empty = (await mined())["logsBloom"] as string;
    expect(mayLog(empty, POOL)).to.equal(false);
  });

  it("are taken without a question where they provably hold nothing that is watched, several at once too", async () => {
    const block = await mined(ELSEWHERE);
    cursor.announce(block);
    const one = await read();
    expect(asked).to.deep.equal([]);
    expect(one).to.include({ upTo: Number(block["number"]), caughtUp: true });
    expect(one.head).to.include({ hash: block["hash"], parentHash: block["parentHash"], timestamp: Number(block["timestamp"]) });
    for (let i = 0; i < 3; i++) cursor.announce(await mined());
    expect(await read()).to.include({ upTo: Number(block["number"]) + 3, caughtUp: true });
    expect(asked).to.deep.equal([]);
    // What comes afterwards is found by looking, and no block was lost on the way.
    const found = await mined(POOL);
    const next = await read();
    expect(asked).to.include.members(["eth_getBlockByNumber", "eth_getLogs"]);
    expect(next).to.include({ upTo: Number(found["number"]), caughtUp: true });
    expect(next.removedFrom).to.equal(undefined);
  });

  it("with an event of a watched contract are read as ever", async () => {
    const block = await mined(POOL);
    cursor.announce(block);
    expect((await read()).upTo).to.equal(Number(block["number"]));
    expect(asked).to.include.members(["eth_getBlockByNumber", "eth_getLogs"]);
  });

  it("that are not what their hash says, or do not follow the last one read, are read as ever", async () => {
    const honest = await mined(POOL);
    const quiet = (await mined())["logsBloom"];
    const forged: RawBlock[] = [
      { ...honest, logsBloom: quiet },
      { ...honest, timestamp: "0x7fffffff" },
      { ...honest, hash: `0x${"00".repeat(32)}` },
      rehashed({ ...honest, logsBloom: quiet, number: "0xfffff" }),
      { parentHash: honest["parentHash"], number: honest["number"], logsBloom: "0x", hash: 5 },
    ];
    for (const block of forged) {
      cursor = new EventCursor({ endpoint, addresses: { NodePool: POOL }, store: memory(), fromBlock: Number(honest["number"]) - 1 });
      const first = (await endpoint.provider.getBlock(Number(honest["number"]) - 1))!;
      cursor.confirm({ ...(await cursor.poll()), blocks: [{ number: first.number, hash: first.hash! }] });
      cursor.announce(block);
      expect((await read()).head.number, JSON.stringify(block).slice(0, 80)).to.equal(await height());
      expect(asked).to.include("eth_getLogs");
    }
    await mined();
    cursor.announce(await mined());
    expect((await read()).head.number, "one was missed").to.equal(await height());
    expect(asked).to.include("eth_getBlockByNumber");
  });

  it("of a chain that was reorganised are read as ever, and tell what was taken back", async () => {
    const snapshot = await chain.rpc("evm_snapshot");
    const gone = await mined();
    cursor.announce(gone);
    await read();
    await chain.rpc("evm_revert", snapshot);
    announcements.clear();
    await chain.rpc("evm_increaseTime", 100);
    const instead = await mined();
    expect(instead["number"]).to.equal(gone["number"]);
    cursor.announce(instead);
    expect((await read()).removedFrom).to.equal(Number(gone["number"]));
  });

  it("let a node that watches rounds ask nothing either, as long as none runs and none can have begun", async () => {
    const deployment = { addresses: { PoUW: ROUNDS }, blockNumber: 0 } as unknown as Deployment;
    const { unchangedIn } = createRoundViews(endpoint, deployment);
    let counts = 0;
    let running = 0;
    const views = {
      unchangedIn,
      count: () => Promise.resolve({ last: ++counts, running }),
      round: (round: number) => Promise.resolve({ round, awaits: "commits", answerers: [], validators: [] }),
      oracles: () => Promise.resolve([]),
      pingWindow: () => Promise.resolve(60),
      epochSeconds: () => Promise.resolve(600),
      grace: () => Promise.resolve(5),
      slotSeconds: () => 10,
    } as unknown as RoundViews;
    const watch = new RoundWatch({ views, store: {} as RoundStore, node: 1, operator: POOL });
    const observed = async (block?: RawBlock) => {
      if (block !== undefined) cursor.announce(block);
      return (await watch.observe((await read()).head)).time.last;
    };
    await mined();
    expect(await observed()).to.equal(1);
    expect(await observed(await mined()), "nothing happened").to.equal(1);
    expect(await observed(await mined(ELSEWHERE)), "elsewhere").to.equal(1);
    running = 1;
    expect(await observed(await mined(ROUNDS)), "an event of a round").to.equal(2);
    expect(await observed(await mined()), "a round runs").to.equal(3);
    running = 0;
    expect(await observed(await mined()), "it ran until then").to.equal(4);
    expect(await observed(await mined())).to.equal(4);
    await mined();
    expect(await observed(), "blocks were missed").to.equal(5);
  });
});

/** A block with a hash that fits what it says. */
function rehashed(block: RawBlock): RawBlock {
  try {
    headerOf(block);
    return block;
  } catch (error) {
    return { ...block, hash: /hashes to (0x\w+)/.exec((error as Error).message)![1] };
  }
}

function memory(): CursorStore {
  let blocks: SeenBlock[] = [];
  return { position: () => blocks, savePosition: (seen) => void (blocks = seen) };
}
