import { expect } from "chai";
import { connect, type Endpoint } from "../../../offchain/chain/endpoint.ts";
import { RpcUnreachable, WrongChainId } from "../../../offchain/chain/errors.ts";
import { freePort } from "./hardhatNode.ts";
import { ScriptedChain, type Fault } from "./scriptedChain.ts";

async function failure(promise: Promise<unknown>): Promise<Error> {
  return await promise.then(
    () => new Error("nothing failed"),
    (error: unknown) => error as Error,
  );
}

describe("endpoint", () => {
  let chain: ScriptedChain;
  let endpoint: Endpoint | undefined;

  beforeEach(async () => {
    chain = await ScriptedChain.start(3);
  });
  afterEach(async () => {
    endpoint?.close();
    endpoint = undefined;
    await chain.stop();
  });

  it("connects and knows the chain", async () => {
    endpoint = await connect({ url: chain.url, chainId: 31337n });
    expect(endpoint.chainId).to.equal(31337n);
    expect(await endpoint.provider.getBlockNumber()).to.equal(2);
  });

  it("refuses another chain, with both ids", async () => {
    const error = await failure(connect({ url: chain.url, chainId: 1n }));
    expect(error).to.be.instanceOf(WrongChainId);
    expect(error).to.include({ found: 31337n, wanted: 1n, retryable: false });
    expect(error.message).to.include("found chain 31337").and.include("wanted chain 1");
  });

  it("says so when nobody listens, on one line, and that it may pass", async () => {
    const error = await failure(connect({ url: `http://127.0.0.1:${await freePort()}`, retries: 1 }));
    expect(error).to.be.instanceOf(RpcUnreachable).and.include({ retryable: true });
    expect(error.message).to.include("ECONNREFUSED").and.not.include("\n");
  });

  for (const fault of ["429", "503", "close", "garbage", "hang"] as Fault[]) {
    it(`repeats a request that ends in ${fault}`, async () => {
      endpoint = await connect({ url: chain.url, timeoutMs: 300 });
      chain.faults = [fault, fault];
      expect(await endpoint.provider.getBlockNumber()).to.equal(2);
      chain.faults = Array<Fault>(20).fill(fault);
      endpoint.close();
      const once = connect({ url: chain.url, timeoutMs: 100, retries: 1 });
      expect(await failure(once)).to.be.instanceOf(RpcUnreachable);
    });
  }

  it("stops waiting at once when it is told to", async () => {
    const stop = new AbortController();
    chain.faults = ["hang"];
    const began = performance.now();
    setTimeout(() => stop.abort(new Error("enough")), 50);
    expect((await failure(connect({ url: chain.url, signal: stop.signal }))).message).to.equal("enough");
    expect(performance.now() - began).to.be.lessThan(1_000);
  });

  it("never repeats the address's path or credentials, which are often secrets", async () => {
    const { port } = new URL(chain.url);
    await chain.stop();
    const error = await failure(connect({ url: `http://127.0.0.1:${port}/v2/SECRET?key=SECRET`, retries: 0 }));
    expect(error.message).to.include(`127.0.0.1:${port}`).and.not.include("SECRET");
    chain = await ScriptedChain.start();
  });

  it("wants an http(s) address", async () => {
    expect(await failure(connect({ url: "ws://127.0.0.1:1" }))).to.be.instanceOf(TypeError);
  });
});
