import { expect } from "chai";
import type { Filter, Log, Provider } from "ethers";
import { RpcUnreachable } from "../../../offchain/chain/errors.ts";
import { logsSince } from "../../../offchain/chain/logsSince.ts";

describe("logs since a block", () => {
  const HEAD = 100_000;
  /** A server with a log in every thousandth block that refuses more than `most` blocks at once. */
  function server(most: number, refusal: Error = new Error("query returned more than 10000 results")) {
    const asked: [number, number][] = [];
    const getLogs = async ({ fromBlock, toBlock }: Filter) => {
      const [from, to] = [Number(fromBlock), Number(toBlock)];
      if (to - from + 1 > most) throw refusal;
      asked.push([from, to]);
      return await Promise.resolve(
        Array.from({ length: to - from + 1 }, (_, i) => from + i).flatMap((blockNumber) =>
          blockNumber % 1_000 === 0 ? [{ blockNumber }] : [],
        ),
      );
    };
    return { asked, provider: { getBlockNumber: async () => await Promise.resolve(HEAD), getLogs } as unknown as Provider };
  }
  const blocksOf = async (provider: Provider, from: number) => {
    const found: number[] = [];
    for await (const { blockNumber } of logsSince(provider, { address: [], topics: [] }, from))
      found.push(blockNumber satisfies Log["blockNumber"]);
    return found;
  };

  it("come once each and in order, also from a server that answers few blocks at once", async () => {
    const wanted = Array.from({ length: 98 }, (_, i) => 1_000 * (i + 3));
    for (const most of [Infinity, 7_000, 999]) {
      const { provider, asked } = server(most);
      expect(await blocksOf(provider, 2_001)).to.deep.equal(wanted);
      expect(asked.every(([from], i) => from === (i === 0 ? 2_001 : asked[i - 1]![1] + 1))).to.equal(true);
      expect(asked.at(-1)![1]).to.equal(HEAD);
    }
  });

  it("throw what the server says of a single block, and at once where there is no server", async () => {
    const refused = new Error("pruned");
    expect(await blocksOf(server(0, refused).provider, HEAD).catch((error: unknown) => error)).to.equal(refused);
    const away = new RpcUnreachable("http://127.0.0.1:1", "ECONNREFUSED");
    expect(await blocksOf(server(0, away).provider, 1).catch((error: unknown) => error)).to.equal(away);
  });
});
