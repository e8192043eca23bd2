import { once } from "node:events";
import { connect, type AddressInfo, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import type { FastifyInstance } from "fastify";
import WebSocket from "ws";
import { chatCompletionOf } from "../../../offchain/router/replies.ts";
import { completionsOf, serverOf } from "./scriptedServer.ts";

const BODY = JSON.stringify({ model: "toy", messages: [{ role: "user", content: "Hello" }] });

/** A router's server on a real port of loopback, and clients that mean no good. Nothing of the network is reached: what counts is who is let through. */
describe("hostile clients", function () {
  this.timeout(20_000);
  let server: FastifyInstance;
  let port: number;
  let asked = 0;
  const gone = { streams: 0 };

  before(async () => {
    const answer = {
      choices: [{ text: "Hi.", finish: "stop" as const, tokens: 1 }],
      promptTokens: 1,
      verification: { task: "1", prompt: 0, charged: "1" } as never,
    };
    const completions = {
      ...completionsOf(() => {
        asked++;
        return Promise.resolve(chatCompletionOf(answer, { name: "toy", sha256: "0xab" }));
      }),
      prepared: () => Promise.resolve({ request: { service: "chat", wait: true }, asks: [{}], worstCase: 1n }),
      place: () => Promise.resolve({ task: 1n, prompt: 0 }),
      settled: async (_place: unknown, _n: number, { signal }: { signal: AbortSignal }) =>
        await new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error))),
    };
    const live = {
      async *pieces(_place: unknown, _shown: unknown, signal: AbortSignal) {
        for (let i = 0; i < 10_000 && !signal.aborted; i++) {
          yield "word ";
          await delay(2);
        }
        gone.streams++;
      },
    };
    const accounts = {
      answer: async (about: { gone: AbortSignal }, work: (context: object) => Promise<{ reply: object }>) => ({
        reply: (await work({ signal: about.gone, admit: () => undefined })).reply,
        replayed: false,
      }),
      usage: () => ({}),
      found: () => undefined,
    };
    server = await serverOf({ completions, live, accounts, corsOrigins: ["https://app.example"] });
    await server.listen({ host: "127.0.0.1", port: 0 });
    ({ port } = server.server.address() as AddressInfo);
  });
  after(async () => {
    server.server.closeAllConnections();
    await server.close();
  });
  beforeEach(() => (asked = 0));

  /** Sends bytes as they are; resolves with all that comes back once the server ends the connection, or after `ms`. */
  async function raw(bytes: string | Buffer, ms = 3_000): Promise<string> {
    const socket = connect(port, "127.0.0.1");
    socket.write(bytes);
    return await answerOn(socket, ms);
  }
  async function answerOn(socket: Socket, ms: number): Promise<string> {
    let text = "";
    socket.on("data", (chunk: Buffer) => (text += chunk.toString()));
    socket.on("error", () => undefined);
    await Promise.race([once(socket, "close"), delay(ms)]);
    socket.destroy();
    return text;
  }
  const post = (body: string, headers = "", host = "127.0.0.1") =>
    `POST /v1/chat/completions HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nConnection: close\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const codeIn = (text: string) => (JSON.parse(text.slice(text.indexOf("\r\n\r\n") + 4)) as { error: { code: string } }).error.code;

  it("that drip headers or a body are cut off in bounded time, and others are served meanwhile (slow-loris)", async () => {
    const { headersTimeout, requestTimeout, maxConnections } = server.server;
    expect(headersTimeout).to.be.at.most(10_000);
    expect(requestTimeout).to.be.at.most(30_000);
    expect(maxConnections).to.be.at.most(1_024);
    // The same server with its clocks set faster, so that the test need not wait half a minute.
    Object.assign(server.server, { headersTimeout: 400, requestTimeout: 800 });
    try {
      const drips = ["GET / HTTP/1.1\r\nX-A: ", post(BODY).slice(0, -5)].map(async (start) => {
        const socket = connect(port, "127.0.0.1");
        socket.write(start);
        const timer = setInterval(() => socket.write("a"), 100);
        const text = await answerOn(socket, 9_000);
        clearInterval(timer);
        return text;
      });
      expect(await raw(post(BODY))).to.include("200 OK");
      for (const text of await Promise.all(drips)) {
        // Either it was answered and ended, or the extra bytes made it no HTTP at all; it never waits for more.
        expect(text).to.match(/^HTTP\/1\.1 4(08|00)/);
        expect(codeIn(text)).to.be.oneOf(["request_timeout", "invalid_request", "invalid_json"]);
      }
    } finally {
      Object.assign(server.server, { headersTimeout, requestTimeout });
    }
    expect(asked).to.equal(1);
  });

  it("that send more than 1 MiB are refused, whether they say so or not", async () => {
    const large = "x".repeat(1024 * 1024 + 1);
    expect(codeIn(await raw(post(large)))).to.equal("request_too_large");
    const chunked = `POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n${large.length.toString(16)}\r\n${large}\r\n0\r\n\r\n`;
    expect(await raw(chunked))
      .to.include("413")
      .and.include("request_too_large");
    // Nothing is unpacked, so that no small body can become a large one.
    expect(await raw(post(BODY, "Content-Encoding: gzip\r\n"))).to.match(/HTTP\/1\.1 (200|400|415)/);
    expect(asked).to.be.at.most(1);
  });

  it("that nest JSON deeply, or reach for prototypes, are told so", async () => {
    for (const open of ['{"a":', "["]) {
      const body = `{"model":"toy","messages":${open.repeat(100_000)}`;
      expect(codeIn(await raw(post(body)))).to.equal("invalid_json");
    }
    const schema = `{"model":"toy","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema","json_schema":{"name":"a","schema":${'{"items":'.repeat(70)}{}${"}".repeat(70)}}}}`;
    expect(codeIn(await raw(post(schema)))).to.equal("invalid_json");
    for (const key of ["__proto__", "constructor"]) {
      const body = `{"model":"toy","messages":[{"role":"user","content":"x"}],"${key}":{"prototype":{"polluted":true}}}`;
      expect(await raw(post(body))).to.include("HTTP/1.1 400");
    }
    expect(({} as { polluted?: boolean }).polluted).to.equal(undefined);
    expect(asked).to.equal(0);
  });

  it("that abuse headers get an error or nothing, and no way in", async () => {
    expect(await raw(`GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nX-A: ${"a".repeat(100_000)}\r\n\r\n`))
      .to.include("431")
      .and.include("headers_too_large");
    expect(await raw("GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nbad header\r\n\r\n"))
      .to.include("400")
      .and.include("invalid_request");
    expect(await raw("NONSENSE\r\n\r\n")).to.include("400");
    const smuggled =
      "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n";
    expect(await raw(smuggled)).to.include("400");
    const forged = await raw(`GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: a"b<script>\r\nConnection: close\r\n\r\n`);
    expect(forged)
      .to.include("200 OK")
      .and.match(/x-request-id: req_/)
      .and.not.include("script");
    const own = await raw("GET /v1/models HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Request-Id: my-own.1\r\nConnection: close\r\n\r\n");
    expect(own).to.include("x-request-id: my-own.1");
    for (const bad of ["0", "-1", "1e9", "x"]) expect(codeIn(await raw(post(BODY, `X-Timeout-Ms: ${bad}\r\n`)))).to.equal("invalid_value");
    expect(codeIn(await raw(post(BODY, `Idempotency-Key: ${"k".repeat(300)}\r\n`)))).to.equal("invalid_value");
    expect(asked).to.equal(0);
  });

  it("that leave in the middle of a stream end it here too", async () => {
    const stream = JSON.stringify({ ...(JSON.parse(BODY) as object), stream: true });
    const sockets = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const socket = connect(port, "127.0.0.1");
        socket.on("error", () => undefined);
        socket.write(post(stream));
        await once(socket, "data");
        return socket;
      }),
    );
    for (const socket of sockets) socket.resetAndDestroy();
    for (let tries = 0; tries < 100 && gone.streams < 20; tries++) await delay(20);
    expect(gone.streams).to.equal(20);
  });

  it("that name another host are refused (DNS rebinding)", async () => {
    for (const host of [
      "attacker.example",
      "attacker.example:80",
      "127.0.0.1.attacker.example",
      "localhost.attacker.example",
      "0x7f.1.attacker",
      "",
    ])
      expect(await raw(post(BODY, "", host)))
        .to.include("403")
        .and.include("wrong_host");
    expect(asked).to.equal(0);
    expect(await raw(post(BODY, "", `localhost:${port}`))).to.include("200 OK");
  });

  it("that are web pages of other origins may neither read nor open sockets; those that are named may", async () => {
    const preflight = async (origin: string) => {
      const headers = { origin, "access-control-request-method": "POST", "access-control-request-headers": "authorization,content-type" };
      const { headers: found } = await fetch(`http://127.0.0.1:${port}/v1/chat/completions`, { method: "OPTIONS", headers });
      return found.get("access-control-allow-origin");
    };
    expect(await preflight("https://app.example")).to.equal("https://app.example");
    expect(await preflight("https://evil.example"))
      .to.not.equal("https://evil.example")
      .and.not.equal("*");
    const answer = await fetch(`http://127.0.0.1:${port}/v1/models`, { headers: { origin: "https://app.example" } });
    expect(answer.headers.get("access-control-expose-headers")).to.include("x-task-id").and.include("payment-required");
    expect(answer.headers.get("access-control-allow-credentials")).to.equal(null);
    const opened = async (origin: string) => {
      const socket = new WebSocket(`ws://127.0.0.1:${port}/v1/socket`, { origin });
      const event = await new Promise<string>((resolve) => {
        socket.on("open", () => resolve("open"));
        socket.on("error", () => resolve("refused"));
      });
      socket.terminate();
      return event;
    };
    expect(await opened("https://evil.example")).to.equal("refused");
    expect(await opened("https://app.example")).to.equal("open");
    expect(await opened(`http://127.0.0.1:${port}`)).to.equal("open");
    // A form can post text without a preflight, but no JSON.
    expect(await raw(post(BODY).replace("application/json", "text/plain"))).to.include("400");
  });

  it("that put addresses where content ids belong reach nothing else (SSRF)", async () => {
    let reached = 0;
    const { createServer } = await import("node:http");
    const inside = createServer((_request, response) => {
      reached++;
      response.end("secret");
    });
    inside.listen(0, "127.0.0.1");
    await once(inside, "listening");
    const target = `http://127.0.0.1:${(inside.address() as AddressInfo).port}/`;
    const ids = [
      target,
      encodeURIComponent(target),
      "..%2f..%2fetc%2fpasswd",
      "%2e%2e/keys.db",
      "bafkrei@127.0.0.1",
      `bafkrei${"a".repeat(200)}`,
      "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPbdG",
    ];
    for (const id of ids) {
      const text = await raw(`GET /content/${id} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
      expect(text, id)
        .to.match(/^HTTP\/1\.1 (400|404|414)/)
        .and.not.include("secret");
    }
    expect(await raw(`GET ${target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`)).to.not.include("secret");
    expect(reached).to.equal(0);
    inside.close();
  });
});
