import { expect } from "chai";
import path from "node:path";
import { account, ACCOUNTS } from "../../scripts/localnet/accounts.ts";
import type { Localnet } from "../../scripts/localnet/network.ts";
import { ROOT } from "../../scripts/localnet/processes.ts";
import { LlamaEngine } from "../../offchain/inference/llama.ts";
import { loadModels, modelNamed } from "../../offchain/inference/models.ts";
import {
  type ClientEvent,
  connect,
  type Endpoint,
  type Result,
  routerClient,
  SdkError,
  verify,
  walletClient,
} from "../../offchain/sdk/index.ts";
import { EMBEDDER, FRANCE, PARIS, startClientsNetwork } from "./network.ts";

const REQUEST = { messages: [{ role: "user" as const, content: FRANCE }], maxTokens: 32 };

describe("the SDK", function () {
  this.timeout(240_000);
  let net: Localnet;
  let stop: () => Promise<void>;
  let endpoint: Endpoint;
  let engine: LlamaEngine;

  before(async () => {
    ({ net, stop } = await startClientsNetwork());
    endpoint = await connect({ url: net.rpc });
    const list = await loadModels(path.join(ROOT, "models", "registry.json"));
    engine = await LlamaEngine.start({ model: modelNamed(list), embed: modelNamed(list, EMBEDDER) });
  });
  after(async () => {
    await engine?.close();
    endpoint?.close();
    await stop();
  });
  const deployment = () => ({ ...net.setting.record, chainId: BigInt(net.setting.record.chainId) });
  const check = async (result: Result) => await verify(result, { endpoint, deployment: deployment() });

  async function confirmed(result: Result): Promise<void> {
    expect(result).to.deep.include({ text: PARIS, finish: "stop" });
    const { ok, checks } = await check(result);
    expect(ok, JSON.stringify(checks)).to.equal(true);
    expect(checks.map(({ name }) => name)).to.deep.equal(["settled", "text", "draw", "committee", "judging"]);
  }

  it("answers over a router, and the chain alone confirms it", async () => {
    const events: ClientEvent[] = [];
    const client = routerClient({ baseUrl: `${net.routerUrl}/v1` });
    const result = await client.complete(REQUEST, { onEvent: (event) => events.push(event) });
    await confirmed(result);
    expect(events[0]!.type).to.equal("submitted");
    expect(events.flatMap((event) => (event.type === "token" ? event.text : [])).join("")).to.equal(PARIS);
    expect(events.at(-1)!.type).to.equal("settled");
  });

  it("sees a changed text, another committee, another task", async () => {
    const result = await routerClient({ baseUrl: `${net.routerUrl}/v1` }).complete(REQUEST);
    const failing = async (changed: Result) => (await check(changed)).checks.filter(({ ok }) => !ok).map(({ name }) => name);
    expect(await failing({ ...result, text: "Rome." })).to.deep.equal(["text"]);
    const committee = result.proof.committee.map((member) => ({ ...member, node: (member.node % 4) + 1 }));
    expect(await failing({ ...result, proof: { ...result.proof, committee } })).to.deep.equal(["committee"]);
    expect(await failing({ ...result, proof: { ...result.proof, task: String(BigInt(result.proof.task) + 50n) } })).to.deep.equal([
      "settled",
    ]);
  });

  it("throws typed errors, and aborts", async () => {
    const client = routerClient({ baseUrl: `${net.routerUrl}/v1` });
    const refused = await client.complete({ ...REQUEST, maxTokens: 100_000 }).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(SdkError).and.include({ code: "invalid_value", retryable: false });
    const aborted = await client.complete(REQUEST, { signal: AbortSignal.abort(new Error("enough")) }).catch((error: unknown) => error);
    expect(aborted).to.have.property("message", "enough");
  });

  it("answers by a wallet alone, with the same kind of result, while no router runs", async () => {
    await net.router.stop();
    const events: ClientEvent[] = [];
    const client = walletClient({
      endpoint,
      deployment: deployment(),
      wallet: account(ACCOUNTS.client),
      session: net.setting.session,
      countTokens: async (messages) => await engine.tokenCount(messages),
      local: true,
    });
    const result = await client.complete(REQUEST, { onEvent: (event) => events.push(event) });
    await confirmed(result);
    expect(events.map(({ type }) => type)).to.include.members(["submitted", "committed", "settled"]);
  });
});
