import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import Fastify, { type FastifyInstance } from "fastify";
import type { PromptAnswer } from "../../../offchain/router/answer.ts";
import { ApiError } from "../../../offchain/router/apiError.ts";
import type { Place } from "../../../offchain/router/batcher.ts";
import type { Shown } from "../../../offchain/router/liveText.ts";
import { SseStream } from "../../../offchain/router/sse.ts";
import { streamed } from "../../../offchain/router/streaming.ts";

interface Event {
  event?: string;
  data: {
    choices?: { delta?: { content?: string }; text?: string; finish_reason: string | null }[];
    usage?: object | null;
    verification?: { verdict: string; streamed?: object };
    error?: object;
  };
}

const answer = (text: string): PromptAnswer => ({
  choices: [{ text, finish: "stop", tokens: 3 }],
  promptTokens: 9,
  verification: { task: "5", verdict: "accepted", charged: "7" } as never,
});
const PLACE = { task: 5n, prompt: 0 } as Place;

interface Script {
  /** What the node tells; the finish comes after the last piece, where `ends`. */
  pieces?: string[];
  ends?: boolean;
  settled?: Promise<PromptAnswer>;
  request?: object;
}

describe("a streamed answer", () => {
  const servers: FastifyInstance[] = [];
  after(async () => await Promise.all(servers.map(async (server) => await server.close())));

  async function listening({ pieces = [], ends = true, settled, request = {} }: Script) {
    const seen = { abandoned: false, ended: false };
    const live = {
      async *pieces(_place: Place, shown: Shown, signal: AbortSignal) {
        for (const text of pieces) {
          if (signal.aborted) return;
          shown.text += text;
          Object.assign(shown, { seat: 0, node: 4 });
          yield text;
        }
        if (ends) shown.finish = "stop";
      },
    };
    const server = Fastify({ forceCloseConnections: true });
    servers.push(server);
    server.get("/", async (_request, reply) => {
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort(new ApiError(499, "gone", { code: "client_closed_request" })));
      const completions = {
        settled: async (_place: Place, _n: number, { signal }: { signal: AbortSignal }) =>
          await Promise.race([
            settled ?? delay(50).then(() => answer(pieces.join(""))),
            new Promise<never>((_, reject) =>
              signal.addEventListener("abort", () => {
                seen.abandoned = true;
                reject(signal.reason as Error);
              }),
            ),
          ]),
      };
      const prepared = { request: { service: "chat", includeUsage: false, wait: true, ...request } };
      const parts = { completions, live, model: "toy" };
      await streamed(prepared as never, PLACE, new SseStream(reply, 20), parts as never, { signal: gone.signal });
      seen.ended = true;
      return reply;
    });
    return { url: await server.listen({ port: 0, host: "127.0.0.1" }), seen };
  }

  async function read(script: Script) {
    const { url } = await listening(script);
    const response = await fetch(url);
    expect(response.headers.get("content-type")).to.include("text/event-stream");
    const text = await response.text();
    const blocks = text.split("\n\n").filter((block) => block !== "" && !block.startsWith(":"));
    expect(blocks.at(-1)).to.equal("data: [DONE]");
    const events = blocks.slice(0, -1).map((block): Event => {
      const [, event] = /^event: (.*)$/m.exec(block) ?? [];
      return { ...(event !== undefined && { event }), data: JSON.parse(/^data: (.*)$/m.exec(block)![1]!) };
    });
    const shown = events.map(({ data }) => data.choices?.[0]?.delta?.content ?? data.choices?.[0]?.text ?? "").join("");
    return { events, shown, text, last: events.at(-1)! };
  }

  it("shows a node's tokens as unverified, then who agreed", async () => {
    const { events, shown, last } = await read({ pieces: ["Par", "is."], request: { includeUsage: true } });
    expect(shown).to.equal("Paris.");
    for (const { data } of events.slice(0, -1))
      expect(data).to.deep.include({ usage: null, verification: { verdict: "unverified", task: "5" } });
    expect(events.at(-2)!.data.choices![0]!.finish_reason).to.equal("stop");
    expect(last).to.include({ event: "verified" });
    expect(last.data).to.deep.include({ choices: [], usage: { prompt_tokens: 9, completion_tokens: 3, total_tokens: 12, cost: "7" } });
    expect(last.data.verification).to.deep.include({ verdict: "verified", streamed: { matches: true, seat: 0, node: 4 } });
  });

  it("tells the accepted text where the node that was shown wrote another", async () => {
    const { last } = await read({ pieces: ["Turnips."], settled: delay(500).then(() => answer("Paris.")) });
    expect(last.data.verification!.streamed).to.deep.equal({ matches: false, seat: 0, node: 4, content: "Paris." });
  });

  it("shows the rest after settlement where the node fell silent, and all of it where no node told anything", async () => {
    for (const pieces of [["Par"], []]) {
      const { shown, last } = await read({ pieces, ends: false, settled: Promise.resolve(answer("Paris.")) });
      expect(shown).to.equal("Paris.");
      expect(last.data.verification!.streamed).to.include({ matches: true });
    }
  });

  it("ends with a failed event where the nodes did not agree", async () => {
    const error = new ApiError(502, "no agreement", { code: "task_inconclusive", details: { task_id: "5" } });
    const settled = delay(500).then(() => Promise.reject(error));
    settled.catch(() => undefined);
    const { last, text } = await read({ pieces: ["Paris."], settled });
    expect(last).to.include({ event: "failed" });
    expect(last.data.error).to.include({ code: "task_inconclusive", task_id: "5", retryable: true });
    expect(text).to.include(": the answer is on its way");
  });

  it("does not wait for the verdict where it is not wanted", async () => {
    const { events, last } = await read({ pieces: ["Paris."], settled: delay(300).then(() => answer("Paris.")), request: { wait: false } });
    expect(events.map(({ event }) => event)).to.not.include("verified");
    expect(last.data.verification).to.deep.equal({ verdict: "pending", task: "5" });
  });

  it("gives the task up when the client goes away", async () => {
    const { url, seen } = await listening({ pieces: ["Paris."], settled: new Promise(() => undefined) });
    const gone = new AbortController();
    const response = await fetch(url, { signal: gone.signal });
    await response.body!.getReader().read();
    gone.abort();
    for (let i = 0; i < 100 && !seen.ended; i++) await delay(10);
    expect(seen).to.deep.equal({ abandoned: true, ended: true });
  });

  it("waits for a client that reads slowly, and loses nothing", async () => {
    const pieces = Array.from({ length: 3_000 }, (_, i) => `${i} ${"x".repeat(1_000)} `);
    const { url } = await listening({ pieces });
    const response = await fetch(url);
    await delay(300);
    const text = await response.text();
    expect(text).to.include("2999 x").and.include("event: verified");
  });
});
