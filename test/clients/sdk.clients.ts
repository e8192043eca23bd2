import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { account, ACCOUNTS } from "../../scripts/localnet/accounts.ts";
import type { Localnet } from "../../scripts/localnet/network.ts";
import { ROOT } from "../../scripts/localnet/processes.ts";
import { cidOf, type Digest, digestOf } from "../../offchain/content/contentId.ts";
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
  walletSessions,
} from "../../offchain/sdk/index.ts";
import { send } from "../../offchain/sdk/sessions.ts";
import { EMBEDDER, FRANCE, PARIS, startClientsNetwork } from "./network.ts";

const REQUEST = { messages: [{ role: "user" as const, content: FRANCE }], maxTokens: 32 };

describe("the SDK", function () {
  this.timeout(240_000);
  let net: Localnet;
  let apiKey: string;
  let stop: () => Promise<void>;
  let endpoint: Endpoint;
  let engine: LlamaEngine;

  before(async () => {
    ({ net, apiKey, stop } = await startClientsNetwork());
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
    const client = routerClient({ baseUrl: `${net.routerUrl}/v1`, apiKey });
    const result = await client.complete(REQUEST, { onEvent: (event) => events.push(event) });
    await confirmed(result);
    expect(events[0]!.type).to.equal("submitted");
    expect(events.flatMap((event) => (event.type === "token" ? event.text : [])).join("")).to.equal(PARIS);
    expect(events.at(-1)!.type).to.equal("settled");
  });

  it("sees a changed text, another committee, another task", async () => {
    const result = await routerClient({ baseUrl: `${net.routerUrl}/v1`, apiKey }).complete(REQUEST);
    const failing = async (changed: Result) => (await check(changed)).checks.filter(({ ok }) => !ok).map(({ name }) => name);
    expect(await failing({ ...result, text: "Rome." })).to.deep.equal(["text"]);
    const committee = result.proof.committee.map((member) => ({ ...member, node: (member.node % 4) + 1 }));
    expect(await failing({ ...result, proof: { ...result.proof, committee } })).to.deep.equal(["committee"]);
    expect(await failing({ ...result, proof: { ...result.proof, task: String(BigInt(result.proof.task) + 50n) } })).to.deep.equal([
      "settled",
    ]);
  });

  it("throws typed errors, and aborts", async () => {
    const client = routerClient({ baseUrl: `${net.routerUrl}/v1`, apiKey });
    const refused = await client.complete({ ...REQUEST, maxTokens: 100_000 }).catch((error: unknown) => error);
    expect(refused).to.be.instanceOf(SdkError).and.include({ code: "invalid_value", retryable: false });
    const aborted = await client.complete(REQUEST, { signal: AbortSignal.abort(new Error("enough")) }).catch((error: unknown) => error);
    expect(aborted).to.have.property("message", "enough");
  });

  it("K7: an API key is in no log, number, error, event or file, of the router, the nodes or the chain", async () => {
    const secret = apiKey.slice("cor_".length);
    const wrong = { "content-type": "application/json", authorization: `Bearer ${apiKey}x` };
    const told: string[] = [];
    const bases = [net.routerUrl, ...net.nodeUrls];
    const paths = [
      "/healthz",
      "/readyz",
      "/metrics",
      "/openapi.json",
      "/nowhere",
      "/content/nonsense",
      "/v1/usage",
      "/v1/models",
      "/v1/tasks",
    ];
    for (const base of bases)
      for (const where of paths)
        for (const headers of [{}, { authorization: `Bearer ${apiKey}` }, wrong])
          told.push(await (await fetch(base + where, { headers })).text());
    for (const body of ["{", JSON.stringify({ model: apiKey.slice(0, 3), messages: [] })])
      told.push(await (await fetch(`${net.routerUrl}/v1/chat/completions`, { method: "POST", headers: wrong, body })).text());
    const events = (await net.provider.getLogs({ fromBlock: 0, toBlock: "latest" })).map(({ data }) => Buffer.from(data.slice(2), "hex"));
    const folder = path.dirname(net.router.logFile);
    const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
    expect(files.map(({ name }) => name)).to.include.members(["requests.db", "journal.db"]);
    const written = files.map(({ parentPath, name }) => ({ name, bytes: readFileSync(path.join(parentPath, name)) }));
    for (const form of [secret, Buffer.from(secret, "base64url"), encodeURIComponent(apiKey), Buffer.from(apiKey).toString("hex")]) {
      expect(told.filter((text) => typeof form === "string" && text.includes(form))).to.deep.equal([]);
      expect(events.some((bytes) => bytes.includes(form))).to.equal(false);
      expect(written.filter(({ bytes }) => bytes.includes(form)).map(({ name }) => name)).to.deep.equal([]);
    }
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

  it("opens and funds a session by a signed permit, asks sealed, and finds no plaintext anywhere but in its own hands", async () => {
    const wallet = account(ACCOUNTS.client);
    const on = { endpoint, deployment: deployment(), wallet };
    const sessions = walletSessions(on);
    await send({ ...on, wallet: account(ACCOUNTS.deployer) }, "COR", "transfer", [wallet.address, 10n ** 21n]);
    const session = await sessions.open({ model: net.setting.model.id, maxTokens: 64, maxPromptTokens: 256 });
    await sessions.fund(session, 10n ** 21n);
    expect((await sessions.balance(session)).available).to.equal(10n ** 21n);
    // Its own lease would have to wait until the network's session gives its nodes back, so that one is asked.
    const client = walletClient({
      ...on,
      session: net.setting.session,
      countTokens: async (messages) => await engine.tokenCount(messages),
      local: true,
    });
    const result = await client.complete({ ...REQUEST, sealed: true });
    await confirmed(result);
    expect(result.key).to.match(/^0x[0-9a-f]{64}$/);
    const { key: _key, ...without } = result;
    expect((await check(without)).checks.filter(({ ok }) => !ok).map(({ name }) => name)).to.deep.equal(["text"]);
    expect((await check({ ...result, text: "Rome." })).ok).to.equal(false);
    // Even the nodes that read it keep it sealed.
    const logs = await endpoint.provider.getLogs({ fromBlock: 0, toBlock: "latest" });
    const chain = logs.map(({ data }) => Buffer.from(data.slice(2), "hex").toString("latin1")).join("\n");
    expect(chain)
      .to.not.include(digestOf(new TextEncoder().encode(PARIS)).slice(2))
      .and.not.include(PARIS);
    const bytes = await fetch(`${net.nodeUrls[0]}/content/${cidOf(result.proof.digest as Digest)}`).then(
      async (found) => await found.text(),
    );
    expect(bytes).to.not.include("Paris");
  });
});
