import fc from "fast-check";
import type { InjectOptions } from "fastify";
import { encodeAnswers, encodeOutcomes } from "../../../offchain/protocol/answers.ts";
import { digestOf } from "../../../offchain/content/contentId.ts";
import { FINISH, Status } from "../../../offchain/protocol/types.ts";
import { Accounts } from "../../../offchain/router/accounts.ts";
import { RequestStore } from "../../../offchain/router/requestStore.ts";
import { createLog } from "../../../offchain/runtime/log.ts";
import { scriptedCompletions, TASK } from "./routerWorld.ts";
import { serverOf } from "./scriptedServer.ts";

/** What a run of hostile requests showed. */
export interface FuzzResult {
  requests: number;
  /** How many answers of each status. */
  statuses: Record<string, number>;
  tasks: number;
  charged: string;
  slowestMs: number;
  /** Requests that broke a rule: a 5xx, no answer within the time, or an error that is not in OpenAI's form. */
  wrong: string[];
}

const CHARGE = 77n;
const HANG_MS = 10_000;
const TEXT = "Paris.";

/** Sends requests made by chance to the router's whole server, over a scripted chain where every task is accepted and costs the same. */
export async function fuzzRouter(runs: number, seed: number): Promise<FuzzResult> {
  const bytes = new TextEncoder().encode(TEXT);
  const answers = [0, 1, 2].map(() => ({ digest: digestOf(bytes), sketch: `0x${"00".repeat(32)}`, tokens: 3, finish: FINISH.stop }));
  const ended = {
    status: Status.Accepted,
    charged: CHARGE,
    base: encodeAnswers([answers[0]!]),
    outcomes: encodeOutcomes([{ canonicalSeat: 0, accepted: 0b111 }]),
    seats: 0b111,
    transactionHash: "0xsettled",
    blockNumber: 12,
  };
  const world = await scriptedCompletions({ ended: ended as never, session: { maxPrompts: 1 } });
  await world.content.put(bytes);
  const store = new RequestStore(":memory:");
  const log = createLog({ name: "test", level: "silent" });
  const { submission, batcher, completions, sent } = world;
  const accounts = new Accounts({ store, submission, batcher, stopping: new AbortController().signal, log });
  const live = { pieces: async function* () {} };
  const engine = {
    embed: () => Promise.resolve([0.6, 0.8]),
    tokenCount: () => Promise.resolve(4),
    info: () => ({ embedSha256: "cd".repeat(32) }),
  };
  const server = await serverOf({ completions, accounts, live, engine, content: world.content });
  const result: FuzzResult = { requests: 0, statuses: {}, tasks: 0, charged: "0", slowestMs: 0, wrong: [] };
  const one = async (call: InjectOptions & { url: string }) => {
    const started = performance.now();
    const hang = new Promise<undefined>((resolve) => setTimeout(() => resolve(undefined), HANG_MS).unref());
    const response = await Promise.race([server.inject(call), hang]);
    const what = () => JSON.stringify(call).slice(0, 500);
    result.requests++;
    result.slowestMs = Math.max(result.slowestMs, performance.now() - started);
    if (response === undefined) return void result.wrong.push(`no answer: ${what()}`);
    const { statusCode } = response;
    result.statuses[statusCode] = (result.statuses[statusCode] ?? 0) + 1;
    // The one 503 of this server is what a node is told that came too early.
    if (statusCode >= 500 && !call.url.startsWith("/carry/")) result.wrong.push(`${statusCode} ${response.body.slice(0, 200)}: ${what()}`);
    if (statusCode >= 400 && call.method !== "HEAD" && typeof safeCode(response.body) !== "string" && !call.url.startsWith("/mcp"))
      result.wrong.push(`${statusCode} without an error code (${response.body.slice(0, 200)}): ${what()}`);
  };
  await fc.assert(fc.asyncProperty(requests(), one), { numRuns: runs, seed, endOnFailure: true });
  // Streams and requests that are answered later end a moment after their first answer.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const { charged, held } = accounts.usage("default");
  result.tasks = new Set(sent.filter(({ id }) => id.startsWith("submit:")).map(({ id }) => id)).size;
  result.charged = String(charged);
  if (charged !== CHARGE * BigInt(result.tasks)) result.wrong.push(`${charged} were charged for ${result.tasks} tasks of ${CHARGE}`);
  if (held !== 0n) result.wrong.push(`${held} are still held`);
  await server.close();
  return result;
}

function safeCode(body: string): unknown {
  try {
    return (JSON.parse(body) as { error?: { code?: unknown } }).error?.code;
  } catch {
    return undefined;
  }
}

/** Requests of every kind: right ones, right ones with something wrong, and noise. */
function requests(): fc.Arbitrary<InjectOptions & { url: string }> {
  const junk = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom(null, "", -1, 1e308, [], {}, "\u0000", "__proto__", true));
  const messages = fc.array(
    fc.record(
      {
        role: fc.constantFrom("user", "system", "assistant", "tool", "developer"),
        content: fc.oneof(fc.string({ unit: "binary", maxLength: 40 }), junk),
      },
      { requiredKeys: ["role"] },
    ),
    { maxLength: 4 },
  );
  const fields = {
    model: fc.oneof({ weight: 8, arbitrary: fc.constant("toy") }, { weight: 1, arbitrary: junk }),
    messages: fc.oneof({ weight: 4, arbitrary: fc.constant([{ role: "user", content: "hi" }]) }, messages, junk),
    prompt: fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 5 }), junk),
    input: fc.oneof(fc.string(), junk),
    text: fc.oneof(fc.string(), junk),
    task: fc.oneof(fc.constant(String(TASK)), fc.string(), junk),
    max_tokens: fc.oneof(fc.integer({ min: -2, max: 200 }), junk),
    temperature: fc.oneof(fc.double(), junk),
    top_p: fc.oneof(fc.double({ min: 0, max: 1 }), junk),
    n: fc.oneof(fc.integer({ min: 0, max: 12 }), junk),
    seed: fc.oneof(fc.integer(), junk),
    stop: fc.oneof(fc.string(), fc.array(fc.string(), { maxLength: 6 }), junk),
    stream: fc.oneof(fc.boolean(), junk),
    stream_options: fc.oneof(fc.constant({ include_usage: true }), junk),
    response_format: fc.oneof(
      fc.constant({ type: "json_object" }),
      fc.record({ type: fc.constant("json_schema"), json_schema: fc.record({ name: fc.string(), schema: junk }) }),
      junk,
    ),
    tools: fc.oneof(
      fc.array(fc.record({ type: fc.constant("function"), function: fc.record({ name: fc.string(), parameters: junk }) }), {
        maxLength: 3,
      }),
      junk,
    ),
    tool_choice: fc.oneof(fc.constantFrom("auto", "none", "required"), junk),
    verification: fc.oneof(
      fc.record({ wait: fc.boolean(), sort: fc.constant("latency"), level: fc.constant("high") }, { requiredKeys: [] }),
      junk,
    ),
    expect: fc.oneof(fc.record({ contains: fc.array(fc.string()), keys: fc.array(fc.string()) }, { requiredKeys: [] }), junk),
    metadata: junk,
  };
  const right = fc.constant({ model: "toy", messages: [{ role: "user", content: "hi" }] });
  const body = fc.oneof(
    { weight: 3, arbitrary: right },
    fc.record(fields, { requiredKeys: [] }),
    fc.record(fields, { requiredKeys: ["model", "messages"] }),
    junk,
  );
  const payload = fc.oneof(
    { weight: 8, arbitrary: body.map((value) => JSON.stringify(value) ?? "") },
    { weight: 1, arbitrary: fc.string({ unit: "binary" }) },
    { weight: 1, arbitrary: fc.nat(200).map((depth) => "[".repeat(depth)) },
  );
  const id = fc.oneof(
    fc.constant(String(TASK)),
    fc.nat().map(String),
    fc.string({ unit: "binary", maxLength: 20 }).map(encodeURIComponent),
  );
  const url = fc.oneof(
    { weight: 6, arbitrary: fc.constantFrom("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/v1/validate", "/v1/delegate") },
    {
      weight: 2,
      arbitrary: fc.constantFrom(
        "/carry/commitment",
        "/carry/opening",
        "/mcp",
        "/v1/models",
        "/v1/usage",
        "/v1/sessions",
        "/healthz",
        "/docs",
        "/openapi.json",
      ),
    },
    {
      weight: 2,
      arbitrary: fc
        .tuple(fc.constantFrom("/v1/tasks/", "/v1/models/", "/v1/requests/", "/content/", "/v1/sessions/", "/"), id)
        .map(([base, end]) => base + end),
    },
    {
      weight: 1,
      arbitrary: fc.tuple(id, fc.constantFrom("proof", "results", "events?after=")).map(([task, what]) => `/v1/tasks/${task}/${what}`),
    },
  );
  const value = fc.string({ maxLength: 40 }).map((text) => text.replace(/[^\x20-\x7e]/g, "?"));
  const headers = fc.record(
    {
      authorization: value,
      "idempotency-key": value,
      prefer: fc.constant("respond-async"),
      "x-request-id": value,
      "x-timeout-ms": fc.oneof(value, fc.constant("5000")),
      "payment-signature": value,
      "content-type": fc.oneof({ weight: 20, arbitrary: fc.constant("application/json") }, { weight: 1, arbitrary: value }),
    },
    { requiredKeys: ["content-type"] },
  );
  const method = fc.oneof(
    { weight: 8, arbitrary: fc.constant("POST" as const) },
    { weight: 2, arbitrary: fc.constantFrom("GET" as const, "PUT" as const, "DELETE" as const, "HEAD" as const) },
  );
  return fc.record({ method, url, payload, headers }).map(({ method, url, payload, headers }) => {
    if (method === "GET" || method === "HEAD") {
      const { "content-type": _, ...rest } = headers;
      return { method, url, headers: rest };
    }
    return { method, url, payload, headers };
  });
}
