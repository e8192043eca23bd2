import { expect } from "chai";
import { connect, type Endpoint } from "../../../offchain/chain/endpoint.ts";
import { EventCursor, type CursorStore, type DecodedLog, type SeenBlock } from "../../../offchain/chain/cursor.ts";
import { eventLog, ScriptedChain } from "./scriptedChain.ts";

const POOL = `0x${"11".repeat(20)}`;
const ELSEWHERE = `0x${"22".repeat(20)}`;
const announced = (node: number, address = POOL) => eventLog("NodePool", address, "EndpointChanged", [node, `http://node-${node}`]);

class MemoryStore implements CursorStore {
  blocks: SeenBlock[] = [];
  position(): SeenBlock[] {
    return this.blocks;
  }
  savePosition(blocks: SeenBlock[]): void {
    this.blocks = blocks;
  }
}

describe("event cursor", () => {
  let chain: ScriptedChain;
  let endpoint: Endpoint;
  let store: MemoryStore;
  let cursor: EventCursor;

  const opened = (maxRange?: number) =>
    new EventCursor({ endpoint, addresses: { NodePool: POOL }, store, fromBlock: 0, ...(maxRange !== undefined && { maxRange }) });
  const nodes = (logs: DecodedLog[]) => logs.map(({ args }) => Number(args.getValue("node")));
  async function read(from = cursor) {
    const batch = await from.poll();
    from.confirm(batch);
    return batch;
  }

  beforeEach(async () => {
    chain = await ScriptedChain.start(3);
    endpoint = await connect({ url: chain.url, retries: 0 });
    store = new MemoryStore();
    cursor = opened();
  });
  afterEach(async () => {
    endpoint.close();
    await chain.stop();
  });

  it("delivers each event of the watched contracts once, in order, with its arguments", async () => {
    chain.mine(1, [announced(1), announced(9, ELSEWHERE), announced(2)]);
    chain.mine(2, [announced(3)]);
    const batch = await read();
    expect(nodes(batch.added)).to.deep.equal([1, 2, 3]);
    expect(batch.added[0]).to.include({ module: "NodePool", name: "EndpointChanged", blockNumber: 3, logIndex: 0 });
    expect(batch).to.include({ caughtUp: true, upTo: 5 });
    expect(batch.head).to.include({ number: 5, timestamp: 1_005 });
    expect((await read()).added).to.deep.equal([]);
  });

  it("delivers a batch again until it is confirmed, also to a cursor that starts from the store", async () => {
    chain.mine(1, [announced(1)]);
    const first = await cursor.poll();
    expect(nodes((await cursor.poll()).added)).to.deep.equal([1]);
    expect(nodes((await opened().poll()).added)).to.deep.equal([1]);
    cursor.confirm(first);
    chain.mine(1, [announced(2)]);
    expect(nodes((await opened().poll()).added)).to.deep.equal([2]);
  });

  it("tidies what a server delivers twice and out of order", async () => {
    chain.untidy = true;
    chain.mine(1, [announced(1), announced(2)]);
    chain.mine(1, [announced(3)]);
    expect(nodes((await read()).added)).to.deep.equal([1, 2, 3]);
  });

  for (const depth of [1, 5, 64]) {
    it(`4b reorg of ${depth}: takes back what a reorganisation of ${depth} blocks removed, and delivers what came instead`, async () => {
      chain.mine(70);
      chain.mine(1, [announced(1)]);
      chain.mine(depth, [announced(2)]);
      for (let batch = await read(); !batch.caughtUp; batch = await read());
      const from = chain.blocks.length - depth;
      chain.drop(depth);
      chain.mine(depth + 1, [announced(3)]);
      const batch = await read();
      expect(batch.removedFrom).to.equal(from);
      expect(nodes(batch.added)).to.deep.equal([3]);
      expect((await read()).removedFrom).to.equal(undefined);
    });
  }

  it("waits for a server that tells an older head, and takes it for a shorter chain only when it stays so", async () => {
    chain.mine(5, [announced(1)]);
    cursor = new EventCursor({ endpoint, addresses: { NodePool: POOL }, store, fromBlock: 0, behindMs: 50 });
    await read();
    chain.drop(4);
    const error = await cursor.poll().then(
      () => undefined,
      (failure: unknown) => failure,
    );
    expect(error).to.include({ code: "HeadBehind", retryable: true });
    await new Promise((resolve) => setTimeout(resolve, 60));
    const batch = await read();
    expect(batch).to.include({ removedFrom: 4, upTo: 3, caughtUp: true });
    expect(batch.added).to.deep.equal([]);
    chain.mine(1, [announced(4)]);
    expect(nodes((await read()).added)).to.deep.equal([4]);
  });

  it("sees a reorganisation to the same height", async () => {
    chain.mine(2, [announced(1)]);
    await read();
    chain.drop(2);
    chain.mine(2, [announced(2)]);
    const batch = await read();
    expect(batch.removedFrom).to.equal(3);
    expect(nodes(batch.added)).to.deep.equal([2]);
  });

  it("4b reorg beyond what is remembered: refuses a chain that shares none of the blocks it remembers", async () => {
    chain.mine(140);
    for (let batch = await read(); !batch.caughtUp; batch = await read());
    chain.drop(chain.blocks.length);
    chain.mine(150);
    const error = await cursor.poll().then(
      () => undefined,
      (failure: unknown) => failure,
    );
    expect(error).to.include({ code: "ReorgTooDeep", retryable: false });
  });

  it("reads long histories in ranges, halved where the server refuses, without a gap", async () => {
    for (let node = 1; node <= 40; node++) chain.mine(5, [announced(node)]);
    chain.maxRange = 13;
    cursor = opened(100);
    const found: number[] = [];
    for (let caughtUp = false; !caughtUp;) {
      const batch = await read();
      caughtUp = batch.caughtUp;
      found.push(...nodes(batch.added));
    }
    expect(found).to.deep.equal(Array.from({ length: 40 }, (_, i) => i + 1));
  });

  it("does not mix two chains when the reorganisation falls into a read", async () => {
    chain.mine(3, [announced(1)]);
    let moved = false;
    chain.onRequest = (method) => {
      if (method !== "eth_getLogs" || moved) return;
      moved = true;
      chain.drop(3);
      chain.mine(4, [announced(2)]);
    };
    const batch = await read();
    expect(nodes(batch.added)).to.deep.equal([2]);
    expect(batch.upTo).to.equal(6);
  });

  it("gives up on a read that never comes to rest, and says that trying again may help", async () => {
    chain.mine(3, [announced(1)]);
    chain.onRequest = (method) => {
      if (method !== "eth_getLogs") return;
      chain.drop(3);
      chain.mine(3, [announced(2)]);
    };
    const error = await cursor.poll().then(
      () => undefined,
      (failure: unknown) => failure,
    );
    expect(error).to.include({ code: "HeadMoved", retryable: true });
  });

  it("passes over events that the ABI does not know", async () => {
    chain.mine(1, [{ address: POOL, topics: [`0x${"33".repeat(32)}`], data: "0x" }, announced(1)]);
    expect(nodes((await read()).added)).to.deep.equal([1]);
  });
});
