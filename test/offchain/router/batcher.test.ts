import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { parseTaskManifest } from "../../../offchain/inference/taskManifest.ts";
import { Status } from "../../../offchain/protocol/types.ts";
import type { EndedTask } from "../../../offchain/router/arrivals.ts";
import { ApiError } from "../../../offchain/router/apiError.ts";
import { Batcher } from "../../../offchain/router/batcher.ts";
import { Rhythm } from "../../../offchain/router/rhythm.ts";
import { createLog } from "../../../offchain/runtime/log.ts";
import { RULES, SESSION_VIEW } from "./routerWorld.ts";

const ACCEPTED = { settled: { status: Status.Accepted } } as EndedTask;
const never = new AbortController().signal;
const SHARED = {
  service: "chat" as const,
  sampling: {
    temperature: 0,
    topP: 1,
    topK: 0,
    seed: 0,
    maxTokens: 8,
    stop: [],
    frequencyPenalty: 0,
    presencePenalty: 0,
    repeatPenalty: 1,
  },
};

/** A batcher over a scripted chain: every submission takes `mineMs`, and `fail` may refuse one. */
function setting({ windowMs = 0, size = 4, mineMs = 30, maxPrompts = 64, fail = (_count: number): Error | undefined => undefined } = {}) {
  const rhythm = new Rhythm();
  const tasks: string[][] = [];
  const manifests: Uint8Array[] = [];
  const cancelled: bigint[] = [];
  const ends = new Map<bigint, (ended: EndedTask) => void>();
  const content = {
    put: (bytes: Uint8Array) => {
      manifests.push(bytes);
      return Promise.resolve(`0x${manifests.length.toString(16)}`);
    },
  };
  const submission = {
    session: { ...SESSION_VIEW, maxPrompts },
    submit: async ({ manifest }: { manifest: string }) => {
      const prompts = parseTaskManifest(manifests[Number(manifest) - 1]!).prompts.map(({ messages }) => messages[0]!.content);
      const error = fail(tasks.length);
      tasks.push(prompts);
      const task = BigInt(tasks.length);
      await delay(mineMs);
      if (error !== undefined) throw error;
      return { task, transaction: `0xtask${task}`, terms: RULES, seedBlock: 9, block: 8 };
    },
    cancel: ({ task }: { task: bigint }) => {
      cancelled.push(task);
      return Promise.resolve();
    },
  };
  const world = {
    arrivals: { ended: async (task: bigint) => await new Promise<EndedTask>((resolve) => ends.set(task, resolve)) },
    sessions: new Map(),
    rhythm,
  };
  const parts = { content, submission, world, limits: { windowMs, size }, log: createLog({ name: "t", level: "silent" }) };
  const batcher = new Batcher(parts as never);
  const ask = async (text: string, signal = never, shared = SHARED) =>
    await batcher.place({ messages: [{ role: "user", content: text }], promptTokens: 3, shared, signal });
  return { batcher, ask, tasks, cancelled, ends, rhythm };
}

describe("the batcher", () => {
  it("sends the first at once, and gathers what comes while it waits to be mined", async () => {
    const { ask, tasks } = setting({ size: 16 });
    const first = ask("a");
    await delay(10);
    const rest = await Promise.all([ask("b"), ask("c"), ask("d")]);
    expect(tasks).to.deep.equal([["a"], ["b", "c", "d"]]);
    expect(rest.map(({ task, prompt }) => [task, prompt])).to.deep.equal([
      [2n, 0],
      [2n, 1],
      [2n, 2],
    ]);
    expect((await first).task).to.equal(1n);
  });

  it("fills tasks of the wanted size, and of no more than the session's", async () => {
    for (const limits of [{ size: 4 }, { size: 16, maxPrompts: 4 }]) {
      const { ask, tasks } = setting({ ...limits, windowMs: 5 });
      await Promise.all(["a", "b", "c", "d", "e", "f", "g", "h", "i"].map(async (text) => await ask(text)));
      expect(tasks.map((prompts) => prompts.join(""))).to.deep.equal(["abcd", "efgh", "i"]);
    }
  });

  it("keeps a list in one task that takes longer to place than the window", async () => {
    const { ask, tasks } = setting({ windowMs: 2, size: 16 });
    const busy = () => {
      for (const until = performance.now() + 5; performance.now() < until;);
    };
    await Promise.all(
      ["a", "b", "c"].map(async (text) => {
        const placed = ask(text);
        busy();
        return await placed;
      }),
    );
    expect(tasks).to.deep.equal([["a", "b", "c"]]);
  });

  it("keeps apart what is drawn in another way", async () => {
    const { ask, tasks } = setting({ windowMs: 5, size: 16 });
    const warm = { ...SHARED, sampling: { ...SHARED.sampling, temperature: 1 } };
    await Promise.all([ask("a"), ask("b", never, warm), ask("c"), ask("d", never, warm)]);
    expect(tasks).to.have.deep.members([
      ["a", "c"],
      ["b", "d"],
    ]);
  });

  it("leaves out who went away before the submission, and takes a task back for which nobody waits", async () => {
    const { ask, batcher, tasks, cancelled } = setting({ windowMs: 20, size: 16 });
    const gone = new AbortController();
    const left = ask("a", gone.signal).catch((error: unknown) => error);
    const stays = ask("b");
    gone.abort(new ApiError(499, "gone", { code: "client_closed_request" }));
    expect(await left).to.have.property("code", "client_closed_request");
    const place = await stays;
    expect(tasks).to.deep.equal([["b"]]);
    expect(cancelled).to.deep.equal([]);
    batcher.abandon(place);
    expect(cancelled).to.deep.equal([1n]);
  });

  it("tells everybody of a task that was refused, and nobody else", async () => {
    const refusal = new ApiError(402, "no money", { code: "insufficient_funds" });
    const { ask } = setting({ windowMs: 5, size: 2, fail: (count) => (count === 0 ? refusal : undefined) });
    const outcomes = await Promise.allSettled(["a", "b", "c"].map(async (text) => await ask(text)));
    expect(outcomes.map(({ status }) => status)).to.deep.equal(["rejected", "rejected", "fulfilled"]);
  });

  it("submits no more tasks than the session has room for, until one ends", async () => {
    const { ask, tasks, ends } = setting({ size: 1, mineMs: 0 });
    // A quick one first, so that the nodes' pace is no limit.
    await ask("first");
    ends.get(1n)!(ACCEPTED);
    await delay(5);
    const asked = Array.from({ length: 62 }, async (_, i) => await ask(String(i)));
    await Promise.all(asked.slice(0, 60));
    await delay(30);
    expect(tasks).to.have.length(61);
    ends.get(2n)!(ACCEPTED);
    ends.get(3n)!(ACCEPTED);
    await Promise.all(asked);
    expect(tasks).to.have.length(63);
  });

  it("gives nodes no more than their pace, lets the rest wait, and sends it in full tasks as they answer", async () => {
    const { ask, tasks, ends, batcher } = setting({ size: 16, mineMs: 0, windowMs: 5 });
    const asked = Array.from({ length: 60 }, async (_, i) => await ask(String(i)));
    await delay(60);
    // 32 at first; the rest stays, in order.
    expect(tasks.map(({ length }) => length)).to.deep.equal([16, 16]);
    expect(batcher.waiting).to.equal(28);
    ends.get(1n)!(ACCEPTED);
    await delay(60);
    expect(tasks.slice(2).flat()).to.deep.equal(Array.from({ length: 28 }, (_, i) => String(32 + i)));
    const places = await Promise.all(asked);
    expect(places[0]!.waited).to.deep.equal({ queue: 0, router: places[0]!.waited.router });
    expect(places[59]!.waited.queue).to.be.within(30, 200);
    expect(places[59]!.waited.router).to.be.below(20);
  });

  it("refuses what would wait for minutes, and says when to come again", async () => {
    const { ask } = setting({ size: 16, mineMs: 0 });
    // 32 in ten seconds, half of the commit window: 384 in two minutes.
    const outcomes: unknown[] = [];
    const gone = new AbortController();
    for (let i = 0; i < 420; i++) void ask(String(i), gone.signal).catch((error: unknown) => outcomes.push(error));
    await delay(20);
    expect(outcomes.length).to.be.within(34, 36);
    for (const error of outcomes) expect(error).to.include({ status: 429, code: "too_many_requests" });
    expect((outcomes.at(-1) as ApiError).retryAfter).to.be.within(1, 60);
    gone.abort(new ApiError(499, "gone", { code: "client_closed_request" }));
  });

  it("gathers until shortly before the next block where blocks come by the clock, and that costs nobody a block", async () => {
    const { ask, tasks, rhythm } = setting({ size: 64, mineMs: 0 });
    const beginning = performance.now();
    for (let i = 0; i <= 5; i++) rhythm.note(i, beginning - 2_000 + 400 * i);
    await ask("first");
    const asked: Promise<unknown>[] = [];
    for (let i = 0; i < 10; i++) {
      asked.push(ask(String(i)));
      await delay(15);
    }
    await Promise.all(asked);
    expect(tasks.map(({ length }) => length)).to.deep.equal([1, 10]);
    expect(performance.now() - beginning).to.be.within(250, 400);
  });
});
