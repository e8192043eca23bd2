import { expect } from "chai";
import type { FastifyInstance } from "fastify";
import { cidOf, digestOf } from "../../../offchain/content/contentId.ts";
import { MODEL, TASK } from "./routerWorld.ts";
import { completionsOf, serverOf as scripted } from "./scriptedServer.ts";

const ASKED = { model: "toy", messages: [{ role: "user", content: "Hello" }] };

describe("the router's server", () => {
  const servers: FastifyInstance[] = [];
  after(async () => await Promise.all(servers.map(async (server) => await server.close())));

  const serverOf = async (changes: Parameters<typeof scripted>[0] = {}) => {
    const server = await scripted(changes);
    servers.push(server);
    return server;
  };

  const ask = async (server: FastifyInstance, payload: unknown, headers: Record<string, string> = {}) =>
    await server.inject({
      method: "POST",
      url: "/v1/chat/completions",
      headers: { "content-type": "application/json", ...headers },
      payload: typeof payload === "string" ? payload : JSON.stringify(payload),
    });

  function expectError(response: Awaited<ReturnType<typeof ask>>, status: number, code: string): Record<string, unknown> {
    expect(response.statusCode, response.body).to.equal(status);
    const { error } = response.json<{ error: Record<string, unknown> }>();
    expect(error).to.include.keys("message", "type", "param", "code", "retryable", "task_id");
    expect(error["code"]).to.equal(code);
    expect(response.headers["x-request-id"]).to.match(/^req_/);
    return error;
  }

  it("answers, with a request id of its own", async () => {
    const server = await serverOf();
    const [one, two] = await Promise.all([ask(server, ASKED), ask(server, ASKED)]);
    expect(one.statusCode).to.equal(200);
    expect(one.headers["x-request-id"]).to.not.equal(two.headers["x-request-id"]);
  });

  it("gives every error OpenAI's form", async () => {
    const server = await serverOf();
    expectError(await ask(server, "{"), 400, "invalid_json");
    expectError(await ask(server, "", {}), 400, "invalid_json");
    expectError(await ask(server, { ...ASKED, user: "x".repeat(2 ** 21) }), 413, "request_too_large");
    expectError(await ask(server, ASKED, { "content-type": "application/xml" }), 415, "unsupported_media_type");
    expectError(await ask(server, JSON.stringify(ASKED), { "content-type": "text/plain" }), 400, "invalid_request");
    expectError(await server.inject("/no/such/route"), 404, "route_not_found");
    expectError(await server.inject("/v1/chat/completions"), 404, "route_not_found");
    expectError(await server.inject("/v1/tasks/x"), 400, "invalid_value");
    expectError(await server.inject("/v1/tasks/77"), 404, "task_not_found");
  });

  it("tells nothing of what failed inside", async () => {
    const complete = () => Promise.reject(new Error("secret at /path"));
    const response = await ask(await serverOf({ completions: completionsOf(complete) }), ASKED);
    expectError(response, 500, "internal_error");
    expect(response.body).to.not.include("secret").and.not.include("stack");
  });

  it("takes no request for another host, so that no web page can reach it by a name of its own", async () => {
    const server = await serverOf();
    expectError(await ask(server, ASKED, { host: "attacker.example" }), 403, "wrong_host");
    for (const host of ["localhost:8080", "127.0.0.1:8080", "[::1]:8080"])
      expect((await ask(server, ASKED, { host })).statusCode).to.equal(200);
    expect((await ask(await serverOf({ allowRemote: true }), ASKED, { host: "router.example" })).statusCode).to.equal(200);
  });

  it("takes no new request while it ends, but what nodes hand in", async () => {
    const server = await serverOf({ draining: AbortSignal.abort() });
    expectError(await ask(server, ASKED), 503, "shutting_down");
    const carried = await server.inject({ method: "POST", url: "/carry/commitment", payload: {} });
    expect([carried.statusCode, carried.json()]).to.deep.equal([202, { accepted: true }]);
  });

  it("tells a node to come again", async () => {
    const response = await (await serverOf()).inject({ method: "POST", url: "/carry/opening", payload: {} });
    expectError(response, 503, "NotYet");
    expect(response.headers["retry-after"]).to.equal("1");
  });

  it("lists its model with what it costs", async () => {
    const { data } = (await (await serverOf()).inject("/v1/models")).json<{ data: Record<string, unknown>[] }>();
    expect(data.map(({ id }) => id)).to.deep.equal(["toy", "embedder"]);
    expect(data[0]).to.deep.include({ id: "toy", object: "model", sha256: MODEL.sha256, max_tokens: 128, context_length: 512 });
    expect(data[0]!["pricing"]).to.deep.equal({ per_1000_tokens: "1000", redundancy: 3, quorum: 2, bounty: "1000000000000000" });
  });

  it("tells the life of a task", async () => {
    const life = (await (await serverOf()).inject(`/v1/tasks/${TASK}`)).json<Record<string, unknown>>();
    expect(life).to.deep.include({ task: String(TASK), phase: "Settled", status: "Accepted", quorum: 2 });
    const outcomes = [{ canonical_seat: 1, accepted: 3 }];
    expect(life["settled"]).to.deep.equal({ transaction: "0xsettled", block: 12, charged: "7", outcomes });
  });

  it("keeps and serves content, and its health", async () => {
    const server = await serverOf();
    const bytes = Buffer.from("Paris.");
    const url = `/content/${cidOf(digestOf(bytes))}`;
    expect((await server.inject(url)).statusCode).to.equal(404);
    const put = await server.inject({ method: "PUT", url, headers: { "content-type": "application/octet-stream" }, payload: bytes });
    expect(put.statusCode).to.equal(201);
    expect((await server.inject(url)).body).to.equal("Paris.");
    expect((await server.inject("/healthz")).statusCode).to.equal(200);
    expect((await (await serverOf({ health: () => ({ status: "degraded" }) })).inject("/healthz")).statusCode).to.equal(503);
  });
});
