import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import type { RawBlock } from "../../../offchain/chain/blockHeader.ts";
import { watchHeads } from "../../../offchain/chain/headFeed.ts";
import { eventually, type HardhatNode, startHardhatNode } from "./hardhatNode.ts";

describe("news of blocks", function () {
  this.timeout(60_000);
  let chain: HardhatNode;
  before(async () => {
    chain = await startHardhatNode();
  });
  after(async () => await chain.stop());

  it("come as blocks are mined, and end with the signal", async () => {
    const ended = new AbortController();
    let heads = 0;
    let newest = 0;
    const told = ({ number }: RawBlock) => {
      heads++;
      newest = Number(number);
    };
    watchHeads(chain.url, told, ended.signal);
    await eventually(async () => {
      await chain.rpc("evm_mine");
      return heads > 0;
    }, "news of a block");
    await chain.rpc("evm_mine");
    const last = Number(await chain.rpc("eth_blockNumber"));
    await eventually(() => Promise.resolve(newest === last), "news of the next one");
    ended.abort();
    await delay(100);
    const after = heads;
    await chain.rpc("evm_mine");
    await delay(200);
    expect(heads).to.equal(after);
  });

  it("stay away quietly where a server has no WebSocket, does not listen, or has an address that is none", async () => {
    const server = createServer((_, response) => response.writeHead(404).end());
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const ended = new AbortController();
    const told = () => expect.fail("nobody announced a block");
    watchHeads(`http://127.0.0.1:${port}`, told, ended.signal);
    watchHeads(`http://user:secret@127.0.0.1:${port}`, told, ended.signal);
    await new Promise((resolve) => server.close(resolve));
    watchHeads(`http://127.0.0.1:${port}`, told, ended.signal);
    await delay(300);
    ended.abort();
  });

  it("are taken up again where the connection broke", async () => {
    const ended = new AbortController();
    let heads = 0;
    watchHeads(chain.url, () => heads++, ended.signal);
    await eventually(async () => {
      await chain.rpc("evm_mine");
      return heads > 0;
    }, "news of a block");
    const { port } = new URL(chain.url);
    await chain.stop();
    chain = await startHardhatNode(Number(port));
    const before = heads;
    await eventually(async () => {
      await chain.rpc("evm_mine");
      return heads > before;
    }, "news after the restart");
    ended.abort();
  });
});
