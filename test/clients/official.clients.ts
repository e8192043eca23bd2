import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { generateText, streamText } from "ai";
import { Client, StreamableHTTPClientTransport } from "@modelcontextprotocol/client";
import { ExactEvmScheme } from "@x402/evm";
import { decodePaymentResponseHeader, wrapFetchWithPaymentFromConfig } from "@x402/fetch";
import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import WebSocket from "ws";
import { account, ACCOUNTS } from "../../scripts/localnet/accounts.ts";
import { contractOf } from "../../scripts/localnet/setUp.ts";
import OpenAI from "openai";
import type { Localnet } from "../../scripts/localnet/network.ts";
import { EMBEDDER, FRANCE, MODEL, PARIS, startClientsNetwork } from "./network.ts";

type Verified = { verification: { verdict: string; task: string; agreement: { agreed: number }; answers: unknown[] } };

/** Clients as their makers publish them, unchanged, against a running router. */
describe("official clients", function () {
  this.timeout(240_000);
  let net: Localnet;
  let apiKey: string;
  let stop: () => Promise<void>;
  let baseURL: string;

  before(async () => {
    ({ net, apiKey, stop } = await startClientsNetwork(["--x402", "10"]));
    baseURL = `${net.routerUrl}/v1`;
  });
  after(async () => await stop());

  describe("openai", () => {
    let client: OpenAI;
    before(() => (client = new OpenAI({ baseURL, apiKey, maxRetries: 5 })));
    const messages = [{ role: "user" as const, content: FRANCE }];

    it("gets a verified chat completion", async () => {
      const reply = await client.chat.completions.create({ model: MODEL, messages, user: "somebody", metadata: { a: "b" } });
      expect(reply.choices[0]!.message.content).to.equal(PARIS);
      expect(reply.usage!.total_tokens).to.equal(reply.usage!.prompt_tokens + reply.usage!.completion_tokens);
      const { verification } = reply as unknown as Verified;
      expect(verification).to.include({ verdict: "accepted" });
      expect(verification.agreement.agreed).to.be.at.least(2);
    });

    it("gets as many accepted answers as it asks for", async () => {
      const reply = await client.chat.completions.create({ model: MODEL, messages, n: 2 });
      expect(reply.choices.map(({ index, message }) => [index, message.content])).to.deep.equal([
        [0, PARIS],
        [1, PARIS],
      ]);
    });

    it("streams tokens, then usage and the verdict", async () => {
      const stream = await client.chat.completions.create({
        model: MODEL,
        messages,
        stream: true,
        stream_options: { include_usage: true },
      });
      let text = "";
      const verdicts: string[] = [];
      let total = 0;
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? "";
        total = chunk.usage?.total_tokens ?? total;
        verdicts.push((chunk as unknown as Verified).verification.verdict);
      }
      expect(text).to.equal(PARIS);
      expect(total).to.be.above(0);
      expect(new Set(verdicts.slice(0, -1))).to.deep.equal(new Set(["unverified"]));
      expect(verdicts.at(-1)).to.equal("verified");
    });

    it("streams through its helper, and aborts", async () => {
      const runner = client.chat.completions.stream({ model: MODEL, messages });
      expect(await runner.finalContent()).to.equal(PARIS);
      const aborted = await client.chat.completions.create({
        model: MODEL,
        messages: [{ role: "user", content: "Tell me a story about a fox." }],
        stream: true,
      });
      for await (const _ of aborted) aborted.controller.abort();
      expect((await client.models.list()).data).to.not.be.empty;
    });

    it("gets JSON by a schema", async () => {
      const schema = {
        type: "object",
        properties: { capital: { type: "string", enum: ["Lima", "Paris", "Rome"] } },
        required: ["capital"],
        additionalProperties: false,
      };
      const reply = await client.chat.completions.create({
        model: MODEL,
        messages,
        response_format: { type: "json_schema", json_schema: { name: "capital", schema, strict: true } },
      });
      expect(JSON.parse(reply.choices[0]!.message.content!)).to.have.keys("capital");
    });

    it("calls tools: forced ones by grammar, streamed and not, and goes on with their results", async () => {
      const cities = { type: "object", properties: { city: { enum: ["Lima", "Paris"] } }, required: ["city"], additionalProperties: false };
      const tools = [{ type: "function" as const, function: { name: "show_on_map", description: "Shows a city.", parameters: cities } }];
      const forced = { model: MODEL, messages, tools, tool_choice: { type: "function" as const, function: { name: "show_on_map" } } };
      const [choice] = (await client.chat.completions.create(forced)).choices;
      expect(choice!.finish_reason).to.equal("tool_calls");
      const [call] = choice!.message.tool_calls!;
      expect(JSON.parse((call as { function: { arguments: string } }).function.arguments)).to.have.keys("city");
      const streamed = await client.chat.completions.stream({ ...forced, tool_choice: "required" }).finalChatCompletion();
      expect(streamed.choices[0]!.message.tool_calls![0]).to.have.nested.property("function.name", "show_on_map");
      const result = { role: "tool" as const, tool_call_id: call!.id, content: "It is shown." };
      const next = await client.chat.completions.create({
        model: MODEL,
        messages: [...messages, choice!.message, result],
        tools,
        tool_choice: "none",
      });
      expect(next.choices[0]!.message.content).to.be.a("string");
    });

    it("gets a sealed answer, of which neither the router's disk and log nor the nodes' hold a word", async () => {
      const content = "What is the capital of Japan?";
      const body = { model: MODEL, messages: [{ role: "user" as const, content }], verification: { sealed: true } };
      const options = { headers: { "Idempotency-Key": "sealed-once" } };
      const reply = (await client.chat.completions.create(body, options)) as unknown as Verified & {
        choices: { message: { content: string } }[];
      };
      expect(reply.choices[0]!.message.content).to.equal("The capital of Japan is Tokyo.");
      const again = (await client.chat.completions.create(body, options)) as unknown as Verified;
      expect(again.verification.task).to.equal(reply.verification.task);
      const folder = path.dirname(net.router.logFile);
      const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((file) => file.isFile());
      expect(files.length).to.be.above(10);
      for (const file of files) {
        const bytes = readFileSync(path.join(file.parentPath, file.name)).toString("latin1");
        for (const word of ["Japan", "Tokyo"]) expect(bytes.includes(word), `${word} in ${file.name}`).to.equal(false);
      }
    });

    it("gets completions of a list, in order", async () => {
      const prompt = ["Peru", "Italy", "Japan"].map((country) => `What is the capital of ${country}?`);
      const reply = await client.completions.create({ model: MODEL, prompt, max_tokens: 32 });
      expect(reply.choices.map(({ text }) => text)).to.deep.equal([
        "The capital of Peru is Lima.",
        "The capital of Italy is Rome.",
        "The capital of Japan is Tokyo.",
      ]);
    });

    it("gets embeddings", async () => {
      const { data } = await client.embeddings.create({ model: EMBEDDER, input: ["a fox", "a dog"] });
      expect(data).to.have.length(2);
      expect(Math.hypot(...data[0]!.embedding)).to.be.closeTo(1, 1e-4);
    });

    it("lists models", async () => {
      const models = await client.models.list();
      expect(models.data.map(({ id }) => id)).to.deep.equal([MODEL, EMBEDDER]);
      expect((await client.models.retrieve(MODEL)).id).to.equal(MODEL);
    });

    it("throws its own error classes", async () => {
      const refused = async (work: Promise<unknown>) =>
        await work.then(() => undefined).catch((error: unknown) => error as InstanceType<typeof OpenAI.APIError>);
      const unknown = await refused(client.chat.completions.create({ model: "other", messages }));
      expect(unknown).to.be.instanceOf(OpenAI.NotFoundError).and.include({ code: "model_not_found", param: "model" });
      const bad = await refused(client.chat.completions.create({ model: MODEL, messages, temperature: 9 }));
      expect(bad).to.be.instanceOf(OpenAI.BadRequestError).and.include({ code: "invalid_value", param: "temperature" });
    });

    it("gets the same task for the same idempotency key", async () => {
      const options = { headers: { "Idempotency-Key": "client-retry" } };
      const [one, two] = await Promise.all(
        [1, 2].map(async () => await client.chat.completions.create({ model: MODEL, messages }, options)),
      );
      expect((one as unknown as Verified).verification.task).to.equal((two as unknown as Verified).verification.task);
    });
  });

  describe("Vercel AI SDK's OpenAI-compatible provider", () => {
    it("generates and streams text", async () => {
      const provider = createOpenAICompatible({ name: "corroborate", baseURL, apiKey, includeUsage: true });
      const generated = await generateText({ model: provider(MODEL), prompt: FRANCE });
      expect(generated.text).to.equal(PARIS);
      expect(generated.usage.outputTokens).to.be.above(0);
      const streamed = streamText({ model: provider(MODEL), prompt: FRANCE });
      let text = "";
      for await (const piece of streamed.textStream) text += piece;
      expect(text).to.equal(PARIS);
      expect(await streamed.finishReason).to.equal("stop");
    });
  });

  describe("LangChain", () => {
    const options = () => ({ model: MODEL, apiKey, configuration: { baseURL } });

    it("invokes and streams a chat model", async () => {
      const chat = new ChatOpenAI(options());
      const reply = await chat.invoke([new SystemMessage("You are helpful."), new HumanMessage(FRANCE)]);
      expect(reply.content).to.be.a("string").and.not.equal("");
      let text = "";
      for await (const chunk of await new ChatOpenAI({ ...options(), temperature: 0 }).stream(FRANCE)) text += chunk.text;
      expect(text).to.equal(PARIS);
    });

    it("embeds", async () => {
      const embeddings = new OpenAIEmbeddings({ model: EMBEDDER, apiKey, configuration: { baseURL } });
      expect(await embeddings.embedQuery("a fox")).to.have.length.above(8);
    });
  });

  it("MCP's client lists the tools and calls each of them", async () => {
    const client = new Client({ name: "test", version: "1.0.0" });
    const requestInit = { headers: { authorization: `Bearer ${apiKey}` } };
    await client.connect(new StreamableHTTPClientTransport(new URL(`${net.routerUrl}/mcp`), { requestInit }));
    const { tools } = await client.listTools();
    expect(tools.map(({ name }) => name)).to.have.members(["complete", "validate", "task_status"]);
    const call = async (name: string, args: Record<string, unknown>) =>
      (await client.callTool({ name, arguments: args })).structuredContent as Record<string, unknown> & Verified;
    const completed = await call("complete", { prompt: FRANCE, max_tokens: 32 });
    expect(completed["text"]).to.equal(PARIS);
    const { task } = completed.verification;
    expect(await call("task_status", { task })).to.include({ task, status: "Accepted" });
    const validated = await call("validate", { task, expect: { contains: ["Paris"] } });
    expect(validated).to.include({ verdict: "VALID" });
    expect(await call("validate", { task, text: "Rome." })).to.include({ verdict: "INVALID" });
    expect(await call("validate", { text: "Rome." })).to.include({ verdict: "NEEDS_SPEC" });
    expect(await call("validate", { question: FRANCE, text: PARIS })).to.include({ verdict: "VALID" });
    expect(await call("validate", { question: FRANCE, text: "A red fox sleeps in the snow all day." })).to.include({ verdict: "INVALID" });
    await client.close();
  });

  it("x402's client is asked for a payment, signs it, and gets the answer and the receipt; the token has moved once", async () => {
    const wallet = account(ACCOUNTS.client + 40);
    const cor = contractOf(net.setting.record, "COR", net.provider);
    const deployer = contractOf(net.setting.record, "COR", account(ACCOUNTS.deployer, net.provider));
    const amount = 10n ** 20n;
    await (await deployer.getFunction("transfer").send(wallet.address, amount)).wait();
    const balance = async (who: string) => (await cor.getFunction("balanceOf").staticCall(who)) as bigint;
    const router = account(ACCOUNTS.router).address;
    const before = await balance(router);
    const signer = {
      address: wallet.address as `0x${string}`,
      signTypedData: async ({
        domain,
        types,
        message,
      }: {
        domain: object;
        types: Record<string, unknown>;
        message: Record<string, unknown>;
      }) => (await wallet.signTypedData(domain, types as never, message)) as `0x${string}`,
    };
    const paying = wrapFetchWithPaymentFromConfig(fetch, {
      schemes: [{ network: "eip155:31337", client: new ExactEvmScheme(signer) }],
      spendControls: { allowedAssets: [{ network: "eip155:31337", asset: net.setting.record.addresses.COR }] },
    });
    const client = new OpenAI({ baseURL, apiKey: "none", fetch: paying });
    const { data, response } = await client.chat.completions
      .create({ model: MODEL, messages: [{ role: "user", content: FRANCE }], max_tokens: 32 })
      .withResponse();
    expect(data.choices[0]!.message.content).to.equal(PARIS);
    const receipt = decodePaymentResponseHeader(response.headers.get("payment-response")!);
    expect(receipt.success).to.equal(true);
    const paid = amount - (await balance(wallet.address));
    expect(paid).to.equal(BigInt(receipt.amount!)).and.be.above(0n);
    expect((await balance(router)) - before).to.equal(paid);
    const unpaid = await fetch(`${baseURL}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: MODEL, messages: [{ role: "user", content: FRANCE }] }),
    });
    expect(unpaid.status).to.equal(402);
    expect(((await unpaid.json()) as { error: { code: string } }).error.code).to.equal("payment_required");
    expect(unpaid.headers.get("payment-required")).to.be.a("string");
  });

  it("a WebSocket client asks, follows the task by sequence number, drops, and misses nothing", async () => {
    const socketOf = () =>
      new WebSocket(`${net.routerUrl.replace("http", "ws")}/v1/socket`, { headers: { authorization: `Bearer ${apiKey}` } });
    interface Frame {
      type: string;
      id?: string;
      seq?: number;
      kind?: string;
      task?: string;
      data?: { verification?: { task: string } };
    }
    const talk = async (sent: object, until: (frame: Frame) => boolean) => {
      const socket = socketOf();
      const frames: Frame[] = [];
      await new Promise<void>((resolve, reject) => {
        socket.on("open", () => socket.send(JSON.stringify(sent)));
        socket.on("error", reject);
        socket.on("message", (text: Buffer) => {
          frames.push(JSON.parse(text.toString()) as Frame);
          if (until(frames.at(-1)!)) resolve();
        });
      });
      socket.terminate();
      return frames;
    };
    const body = { model: MODEL, messages: [{ role: "user", content: FRANCE }], stream: true };
    const frames = await talk({ type: "create", id: "a", body }, ({ type }) => type === "done");
    const { task } = frames[0]!.data!.verification!;
    expect(frames.every(({ id }) => id === "a")).to.equal(true);
    const whole = await talk({ type: "subscribe", id: "b", task }, ({ type }) => type === "done");
    const kinds = whole.flatMap(({ kind }) => kind ?? []);
    expect([kinds[0], kinds.at(-1)]).to.deep.equal(["queued", "settled"]);
    const resumed = await talk({ type: "subscribe", id: "c", task, after: 2 }, ({ type }) => type === "done");
    const sequence = (found: Frame[]) => found.flatMap(({ seq }) => seq ?? []);
    expect(sequence(resumed)).to.deep.equal(sequence(whole).filter((seq) => seq > 2));
    expect(sequence(whole)).to.deep.equal(kinds.map((_, i) => i + 1));
  });

  it("a client that comes back later finds its answer, its proof and its task", async () => {
    const headers = { "content-type": "application/json", authorization: `Bearer ${apiKey}` };
    const asked = await fetch(`${baseURL}/chat/completions`, {
      method: "POST",
      headers: { ...headers, prefer: "respond-async" },
      body: JSON.stringify({ model: MODEL, messages: [{ role: "user", content: FRANCE }] }),
    });
    expect(asked.status).to.equal(202);
    const location = asked.headers.get("location")!;
    interface Found {
      status: string;
      reply: Verified & { choices: { message: { content: string } }[] };
    }
    let found: Found;
    for (let tries = 0; tries < 60; tries++) {
      found = (await (await fetch(`${net.routerUrl}${location}`, { headers })).json()) as Found;
      if (found.status !== "open") break;
      await delay(250);
    }
    expect(found!.status).to.equal("done");
    expect(found!.reply.choices[0]!.message.content).to.equal(PARIS);
    const { task } = found!.reply.verification;
    const get = async (url: string) => (await (await fetch(`${baseURL}${url}`, { headers })).json()) as Record<string, unknown>;
    expect(await get(`/tasks/${task}/proof`)).to.include({ task, session: net.setting.session });
    expect(await get(`/tasks/${task}/results`)).to.have.nested.property("prompts[0].text", PARIS);
    expect(await get("/sessions")).to.have.nested.property("data[0].session", net.setting.session);
    expect((await get("/nodes"))["data"]).to.have.length(4);
    expect((await get("/tasks"))["data"]).to.not.be.empty;
  });

  it("find every example of the OpenAPI document to work", async () => {
    interface Held {
      schema: { examples?: object[] };
      example?: object;
      examples?: Record<string, { value: object }>;
    }
    const document = (await (await fetch(`${net.routerUrl}/openapi.json`)).json()) as {
      paths: Record<string, { post?: { requestBody?: { content: Record<string, Held> } } }>;
    };
    let tried = 0;
    for (const [url, { post }] of Object.entries(document.paths)) {
      const held = post?.requestBody?.content["application/json"];
      const named = Object.values(held?.examples ?? {}).map(({ value }) => value);
      for (const body of [...(held?.schema.examples ?? []), ...named, ...(held?.example === undefined ? [] : [held.example])]) {
        const init = {
          method: "POST",
          headers: { "content-type": "application/json", authorization: `Bearer ${apiKey}` },
          body: JSON.stringify(body),
        };
        const response = await fetch(`${net.routerUrl}${url}`, init);
        expect(response.status, `${url} ${JSON.stringify(body)} ${await response.text()}`).to.equal(200);
        tried++;
      }
    }
    expect(tried).to.be.at.least(6);
  });
});
