import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { HumanMessage, SystemMessage } from "@langchain/core/messages";
import { ChatOpenAI, OpenAIEmbeddings } from "@langchain/openai";
import { generateText, streamText } from "ai";
import { expect } from "chai";
import OpenAI from "openai";
import type { Localnet } from "../../scripts/localnet/network.ts";
import { EMBEDDER, FRANCE, MODEL, PARIS, startClientsNetwork } from "./network.ts";

type Verified = { verification: { verdict: string; task: string; agreement: { agreed: number }; answers: unknown[] } };

/** Clients as their makers publish them, unchanged, against a running router. */
describe("official clients", function () {
  this.timeout(240_000);
  let net: Localnet;
  let stop: () => Promise<void>;
  let baseURL: string;

  before(async () => {
    ({ net, stop } = await startClientsNetwork());
    baseURL = `${net.routerUrl}/v1`;
  });
  after(async () => await stop());

  describe("openai", () => {
    let client: OpenAI;
    before(() => (client = new OpenAI({ baseURL, apiKey: "any", maxRetries: 5 })));
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
      const provider = createOpenAICompatible({ name: "corroborate", baseURL, apiKey: "any", includeUsage: true });
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
    const options = () => ({ model: MODEL, apiKey: "any", configuration: { baseURL } });

    it("invokes and streams a chat model", async () => {
      const chat = new ChatOpenAI(options());
      const reply = await chat.invoke([new SystemMessage("You are helpful."), new HumanMessage(FRANCE)]);
      expect(reply.content).to.be.a("string").and.not.equal("");
      let text = "";
      for await (const chunk of await new ChatOpenAI({ ...options(), temperature: 0 }).stream(FRANCE)) text += chunk.text;
      expect(text).to.equal(PARIS);
    });

    it("embeds", async () => {
      const embeddings = new OpenAIEmbeddings({ model: EMBEDDER, apiKey: "any", configuration: { baseURL } });
      expect(await embeddings.embedQuery("a fox")).to.have.length.above(8);
    });
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
        const init = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
        const response = await fetch(`${net.routerUrl}${url}`, init);
        expect(response.status, `${url} ${JSON.stringify(body)} ${await response.text()}`).to.equal(200);
        tried++;
      }
    }
    expect(tried).to.be.at.least(6);
  });
});
