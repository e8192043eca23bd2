import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import { expect } from "chai";
import type { FastifyInstance, InjectOptions } from "fastify";
import { cidOf, digestOf } from "../../../offchain/content/contentId.ts";
import { chatCompletionOf, textCompletionOf } from "../../../offchain/router/replies.ts";
import { TASK } from "./routerWorld.ts";
import { serverOf } from "./scriptedServer.ts";

interface Operation {
  requestBody?: object;
  responses: Record<string, { content?: Record<string, { schema: object }> }>;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
}

const DIGEST = `0x${"ab".repeat(32)}`;
const VERIFICATION = {
  session: 1,
  task: "5",
  prompt: 0,
  prompts: 1,
  verdict: "accepted" as const,
  transactions: { submitted: "0x1", settled: "0x2" },
  committee: [{ seat: 0, node: 1, operator: "0x3", accepted: true }],
  agreement: { redundancy: 3, quorum: 2, agreed: 2 },
  digest: DIGEST,
  cid: cidOf(DIGEST as `0x${string}`),
  answers: [{ seat: 0, node: 1, digest: DIGEST, cid: cidOf(DIGEST as `0x${string}`), tokens: 3 }],
  charged: "7",
};
const ANSWER = { choices: [{ text: "Paris.", finish: "stop" as const, tokens: 3 }], promptTokens: 9, verification: VERIFICATION };
const SERVED = { name: "toy", sha256: DIGEST };
const CHAT = { model: "toy", messages: [{ role: "user", content: "Hello" }] };
const post = (url: string, payload: object): InjectOptions => ({ method: "POST", url, payload });

describe("the router's OpenAPI document", () => {
  let server: FastifyInstance;
  let document: Document;
  const content = Buffer.from("Paris.");
  const contentUrl = `/content/${cidOf(digestOf(content))}`;

  before(async () => {
    const completions = {
      counted: async (work: () => Promise<unknown>) => await work(),
      prepared: () => Promise.resolve({}),
      chat: () => Promise.resolve(chatCompletionOf(ANSWER, SERVED)),
      text: () => Promise.resolve(textCompletionOf([ANSWER, ANSWER], SERVED)),
    };
    const engine = {
      embed: () => Promise.resolve([0.6, 0.8]),
      tokenCount: () => Promise.resolve(4),
      info: () => ({ embedSha256: "cd".repeat(32) }),
    };
    server = await serverOf({ completions, engine });
    document = (await server.inject("/openapi.json")).json<Document>();
  });
  after(async () => await server.close());

  it("is valid OpenAPI 3.1", async () => {
    expect(document.openapi).to.equal("3.1.0");
    const outcome = await new Validator().validate(structuredClone(document) as never);
    expect(outcome.valid, JSON.stringify(outcome.errors)).to.equal(true);
  });

  it("has a page", async () => {
    const page = await server.inject("/docs/");
    expect(page.statusCode).to.equal(200);
    expect(page.headers["content-type"]).to.include("text/html");
  });

  it("describes every route's answers, good and bad", async () => {
    const ajv = new Ajv2020({ strict: false });
    const checked = new Set<string>();
    const calls: [path: string, call: InjectOptions, status: number][] = [
      ["/v1/chat/completions", post("/v1/chat/completions", CHAT), 200],
      ["/v1/chat/completions", post("/v1/chat/completions", { ...CHAT, tools: [] }), 400],
      ["/v1/chat/completions", { ...post("/v1/chat/completions", CHAT), headers: { prefer: "respond-async" } }, 202],
      ["/v1/completions", post("/v1/completions", { model: "toy", prompt: ["a", "b"] }), 200],
      ["/v1/completions", post("/v1/completions", { model: "toy" }), 400],
      ["/v1/embeddings", post("/v1/embeddings", { model: "embedder", input: ["a", "b"] }), 200],
      ["/v1/embeddings", post("/v1/embeddings", { model: "embedder", input: "a", encoding_format: "base64" }), 200],
      ["/v1/embeddings", post("/v1/embeddings", { model: "other", input: "a" }), 404],
      ["/v1/embeddings", post("/v1/embeddings", { model: "embedder", input: "a", dimensions: 7 }), 400],
      ["/v1/models", { method: "GET", url: "/v1/models" }, 200],
      ["/v1/models/{id}", { method: "GET", url: "/v1/models/toy" }, 200],
      ["/v1/models/{id}", { method: "GET", url: "/v1/models/none" }, 404],
      ["/v1/tasks/{id}", { method: "GET", url: `/v1/tasks/${TASK}` }, 200],
      ["/v1/tasks/{id}", { method: "GET", url: "/v1/tasks/77" }, 404],
      ["/v1/tasks", { method: "GET", url: "/v1/tasks" }, 200],
      ["/v1/tasks/{id}/events", { method: "GET", url: `/v1/tasks/${TASK}/events?after=0` }, 200],
      ["/v1/tasks/{id}/events", { method: "GET", url: `/v1/tasks/${TASK}/events?after=x` }, 400],
      ["/v1/tasks/{id}/results", { method: "GET", url: "/v1/tasks/77/results" }, 404],
      ["/v1/tasks/{id}/proof", { method: "GET", url: `/v1/tasks/${TASK}/proof` }, 200],
      ["/v1/sessions", { method: "GET", url: "/v1/sessions" }, 200],
      ["/v1/sessions/{id}", { method: "GET", url: "/v1/sessions/1" }, 200],
      ["/v1/sessions/{id}", { method: "GET", url: "/v1/sessions/2" }, 404],
      ["/v1/nodes", { method: "GET", url: "/v1/nodes" }, 200],
      ["/v1/requests/{id}", { method: "GET", url: "/v1/requests/req_1" }, 200],
      ["/v1/requests/{id}", { method: "GET", url: "/v1/requests/req_2" }, 404],
      ["/v1/validate", post("/v1/validate", { text: "Paris.", expect: { contains: ["Paris"] } }), 200],
      ["/v1/validate", post("/v1/validate", { messages: CHAT.messages, text: "Paris." }), 200],
      ["/v1/validate", post("/v1/validate", { task: "77" }), 404],
      ["/v1/delegate", post("/v1/delegate", { messages: CHAT.messages, expect: { contains: ["Lima"] } }), 200],
      ["/v1/delegate", post("/v1/delegate", {}), 400],
      ["/.well-known/agent-card.json", { method: "GET", url: "/.well-known/agent-card.json" }, 200],
      ["/v1/usage", { method: "GET", url: "/v1/usage" }, 200],
      ["/carry/commitment", post("/carry/commitment", {}), 202],
      ["/carry/opening", post("/carry/opening", {}), 503],
      ["/content/{cid}", { method: "GET", url: contentUrl }, 404],
      [
        "/content/{cid}",
        { method: "PUT", url: contentUrl, payload: content, headers: { "content-type": "application/octet-stream" } },
        201,
      ],
      ["/content/{cid}", { method: "GET", url: contentUrl }, 200],
      ["/content/{cid}", { method: "GET", url: "/content/bafkreinone" }, 400],
      ["/healthz", { method: "GET", url: "/healthz" }, 200],
    ];
    for (const [path, call, status] of calls) {
      const response = await server.inject(call);
      const what = `${call.method} ${JSON.stringify(call.url)} gave ${response.statusCode} ${response.body.slice(0, 300)}`;
      expect(response.statusCode, what).to.equal(status);
      const method = call.method!.toLowerCase();
      const operation = document.paths[path]?.[method];
      expect(operation, `${method} ${path} in the document`).to.not.equal(undefined);
      const described = operation!.responses[String(status)] ?? operation!.responses["default"];
      const schema = described?.content?.["application/json"]?.schema;
      checked.add(`${method} ${path}`);
      if (schema === undefined) {
        expect(described?.content, what).to.have.property("application/octet-stream");
        continue;
      }
      const fits = ajv.compile(schema);
      expect(fits(response.json()), `${what}: ${ajv.errorsText(fits.errors)}`).to.equal(true);
    }
    const all = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method} ${path}`),
    );
    expect(all.filter((one) => !checked.has(one) && !one.startsWith("head "))).to.deep.equal([]);
  });
});
