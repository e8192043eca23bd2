// What the router adds, on the real engine: npm run bench:router [-- --json]. Writes bench/router.json.
//
// A chain, three nodes and a router, each a process of its own, on this machine; clients are HTTP streams that wait for their verdict. Blocks come by
// the clock, one a second, as on the networks this is for: a chain that mines on demand makes a block for every transaction, each a second later by its
// own clock, so that under load its windows close many times faster than a clock shows.
//
// Where a request's time went is the router's own stopwatch, from the parsed body to the verified answer (`verification.timing`):
//   engine   waiting for the engine that counts the prompt's tokens.
//   queue    waiting because the session's nodes have as much as they answer in time; ends with the batch that goes when they have room.
//   chain    from the hand-over of a batch for submission (or from the moment a prompt could have gone alone, where it went no later for being gathered:
//            into the same block) until the event of its settlement has arrived: simulation and broadcast at the chain's server, blocks, the nodes' work,
//            commits and openings, and the way of the news of a block (the chain's server announces each).
//   router   all that is left: checking, the journal, waiting for others to ride along where that cost a block (then the time between the blocks),
//            fetching and hashing the answer, making the reply. Time in the router's event loop while a request waits for something else is in that part;
//            the processor time of the whole process is therefore shown as well.
//   http     the client's time less the router's total: sockets, parsing the body, and this bench's own process.
// Nodes, and under load the clients, run at a lower priority than chain and router, because elsewhere they are other machines.
// What the first round of all streams took is told apart: they come in one moment, as no clients do, and each waits for the others' batch to fill.
// The time to the first token is the client's, one stream at a time, in parts: until the block that decides the committee was seen, and after it.
import { execFileSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { watchHeads } from "../offchain/chain/headFeed.ts";
import { LlamaEngine } from "../offchain/inference/llama.ts";
import { loadModels, modelNamed } from "../offchain/inference/models.ts";
import { account, ACCOUNTS } from "../scripts/localnet/accounts.ts";
import { startLocalnet, type Localnet } from "../scripts/localnet/network.ts";
import { ROOT } from "../scripts/localnet/processes.ts";

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    streams: { type: "string", default: "200" },
    requests: { type: "string", default: "1600" },
    single: { type: "string", default: "20" },
    /** Most prompts in a task. Larger ones make fewer transactions, and all answers of a task are given out in the same moment. */
    batch: { type: "string", default: "32" },
    /** Where state and logs stay; without it they are removed. */
    keep: { type: "string" },
  },
});
const MODEL = "toy-world-f16";
const COUNTRIES = ["Peru", "Italy", "Spain", "Japan", "France"];
const question = (i: number) => `What is the capital of ${COUNTRIES[i % COUNTRIES.length]}?`;
const say = (text: string) => process.stderr.write(`${text}\n`);

interface Timing {
  total_ms: number;
  engine_ms: number;
  queue_ms: number;
  chain_ms: number;
  router_ms: number;
}
interface Streamed {
  firstMs: number;
  firstAt: number;
  totalMs: number;
  task: string;
  timing: Timing;
}

async function stream(base: string, content: string): Promise<Streamed> {
  const started = performance.now();
  const body = JSON.stringify({ model: MODEL, messages: [{ role: "user", content }], max_tokens: 16, stream: true });
  const response = await fetch(`${base}/v1/chat/completions`, { method: "POST", headers: { "content-type": "application/json" }, body });
  if (response.status !== 200) throw new Error(`${response.status} ${await response.text()}`);
  let held = "";
  let first: number | undefined;
  const decoder = new TextDecoder();
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    const blocks = (held + decoder.decode(bytes, { stream: true })).split("\n\n");
    held = blocks.pop()!;
    for (const block of blocks) {
      const [, data] = /^data: (\{.*)$/m.exec(block) ?? [];
      if (data === undefined) continue;
      const chunk = JSON.parse(data) as {
        choices?: { delta?: { content?: string } }[];
        verification?: { verdict: string; task: string; timing: Timing };
        error?: { message: string };
      };
      if (chunk.error !== undefined) throw new Error(chunk.error.message);
      if ((chunk.choices?.[0]?.delta?.content ?? "") !== "") first ??= performance.now();
      if (chunk.verification?.verdict !== "verified") continue;
      const { task, timing } = chunk.verification;
      return { firstMs: first! - started, firstAt: first!, totalMs: performance.now() - started, task, timing };
    }
  }
  throw new Error("the stream ended without a verdict");
}

const rounded = (ms: number) => Math.round(ms * 100) / 100;
function spread(numbers: number[]): { p50: number; p90: number; p99: number; max: number } {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (share: number) => rounded(sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!);
  return { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: rounded(sorted.at(-1)!) };
}

/** Transactions of the router and of the nodes until now. */
async function transactions({ provider, nodes }: Localnet): Promise<number> {
  const senders = [ACCOUNTS.router, ...nodes.map((_, i) => ACCOUNTS.firstOperator + i)];
  const counts = await Promise.all(senders.map(async (index) => await provider.getTransactionCount(account(index).address)));
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Processor time of a process until now, milliseconds (Linux; the clock ticks a hundred times a second). */
function processorMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]!.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** The same prompts on the same engine without a network: time to the first token. */
async function direct(count: number): Promise<number[]> {
  const models = await loadModels(path.join(ROOT, "models", "registry.json"));
  const engine = await LlamaEngine.start({ model: modelNamed(models, MODEL), embed: modelNamed(models, "toy-embed-q8_0"), threads: 1 });
  const sampling = {
    temperature: 0,
    topP: 1,
    topK: 0,
    seed: 0,
    maxTokens: 16,
    stop: [],
    frequencyPenalty: 0,
    presencePenalty: 0,
    repeatPenalty: 1,
  };
  const times: number[] = [];
  for (let i = 0; i < count + 3; i++) {
    const started = performance.now();
    let first: number | undefined;
    const onToken = (piece: string) => void (piece !== "" && (first ??= performance.now()));
    await engine.complete({ messages: [{ role: "user", content: question(i) }], sampling, jobSeed: "bench" }, { onToken });
    if (i >= 3) times.push(first! - started);
  }
  await engine.close();
  return times;
}

/** When the news of each block came. */
function watchBlocks(net: Localnet): { seenAt: Map<number, number>; end: () => void } {
  const seenAt = new Map<number, number>();
  const abort = new AbortController();
  watchHeads(net.rpc, ({ number }) => seenAt.set(Number(number), performance.now()), abort.signal);
  return { seenAt, end: () => abort.abort() };
}

/** Of a process, or with "-g" of its group. */
function lowerPriority(pid: number, by: number, of: "-p" | "-g"): void {
  execFileSync("renice", ["-n", String(by), of, String(pid)]);
  // Where the kernel shares processors between sessions first.
  if (existsSync(`/proc/${pid}/autogroup`)) writeFileSync(`/proc/${pid}/autogroup`, String(by));
}

const folder = values.keep ?? mkdtempSync(path.join(tmpdir(), "corroborate-bench-"));
// Below the ports that the system gives to outgoing connections.
const rpcPort = randomInt(12_000, 30_000);
const net = await startLocalnet({
  folder,
  nodes: 3,
  rpcPort,
  routerPort: rpcPort + 100,
  routerFlags: ["--batch-size", values.batch],
});
try {
  // Elsewhere nodes are other machines: here they, not the router, wait for a processor. Each is a process group, with its engine.
  for (const { pid } of net.nodes) lowerPriority(pid, 10, "-g");
  for (let tries = 0; tries < 20; tries++) {
    if (await stream(net.routerUrl, question(0)).catch(() => undefined)) break;
    await delay(500);
  }
  const single = Number(values.single);
  say(`one stream at a time: ${single} requests`);
  const beforeSingle = await transactions(net);
  const blocks = watchBlocks(net);
  const alone: (Streamed & { seedAt: number; startedAt: number })[] = [];
  for (let i = 0; i < single; i++) {
    const startedAt = performance.now();
    const one = await stream(net.routerUrl, question(i));
    const { seed_block } = (await (await fetch(`${net.routerUrl}/v1/tasks/${one.task}`)).json()) as { seed_block: number };
    alone.push({ ...one, startedAt, seedAt: blocks.seenAt.get(seed_block) ?? NaN });
  }
  blocks.end();
  const aloneTransactions = (await transactions(net)) - beforeSingle;

  const streams = Number(values.streams);
  const requests = streams + Number(values.requests);
  say(`${streams} streams at once: ${requests} requests, of which the first ${streams} are told apart`);
  lowerPriority(process.pid, 5, "-p");
  const beforeLoad = await transactions(net);
  const processorBefore = processorMs(net.router.pid);
  const ramp: Streamed[] = [];
  const load: Streamed[] = [];
  const failures: Record<string, number> = {};
  let next = 0;
  const started = performance.now();
  await Promise.all(
    Array.from({ length: streams }, async () => {
      while (next < requests) {
        const i = next++;
        await stream(net.routerUrl, question(i)).then(
          (one) => (i < streams ? ramp : load).push(one),
          (error: unknown) => {
            const why = (error as Error).message.replaceAll(/\d+/g, "N");
            failures[why] = (failures[why] ?? 0) + 1;
          },
        );
      }
    }),
  );
  const seconds = (performance.now() - started) / 1_000;
  const processor = processorMs(net.router.pid) - processorBefore;
  const loadTransactions = (await transactions(net)) - beforeLoad;
  await net.stop();
  say("the same engine without a network");
  const plain = await direct(single);

  const perTransaction = {
    alone: rounded(alone.length / aloneTransactions),
    batched: rounded((ramp.length + load.length) / loadTransactions),
  };
  const drawMs = alone.map(({ seedAt, startedAt }) => seedAt - startedAt);
  const afterDraw = alone.map(({ firstAt, seedAt }) => firstAt - seedAt);
  const report = {
    machine: { cpus: cpus().length, model: cpus()[0]!.model },
    load: {
      streams,
      requests: load.length,
      failures,
      seconds: rounded(seconds),
      routerMs: spread(load.map(({ timing }) => timing.router_ms)),
      firstRoundRouterMs: spread(ramp.map(({ timing }) => timing.router_ms)),
      engineMs: spread(load.map(({ timing }) => timing.engine_ms)),
      queueMs: spread(load.map(({ timing }) => timing.queue_ms)),
      chainMs: spread(load.map(({ timing }) => timing.chain_ms)),
      httpMs: spread(load.map(({ timing, totalMs }) => totalMs - timing.total_ms)),
      totalMs: spread(load.map(({ totalMs }) => totalMs)),
      routerProcessorMsPerRequest: rounded(processor / requests),
      wanted: { p50: 5, p99: 25 },
    },
    promptsPerTransaction: { ...perTransaction, ratio: rounded(perTransaction.batched / perTransaction.alone), wanted: 20 },
    firstToken: {
      directMs: spread(plain),
      routerMs: spread(alone.map(({ timing }) => timing.router_ms)),
      untilDrawnMs: spread(drawMs),
      afterDrawMs: spread(afterDraw),
      totalMs: spread(alone.map(({ firstMs }) => firstMs)),
      /** Total less the draw's blocks less the engine's own time. */
      addedMs: rounded(spread(afterDraw).p50 - spread(plain).p50),
      wanted: 30,
    },
  };
  writeFileSync(path.join(import.meta.dirname, "router.json"), `${JSON.stringify(report, null, 2)}\n`);
  if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
  else {
    const line = (name: string, found: number, wanted: string) =>
      process.stdout.write(`${name.padEnd(44)}${String(found).padStart(9)}   ${wanted}\n`);
    line("requests without an answer", requests - ramp.length - load.length, "0");
    line("router's own time at the load, p50, ms", report.load.routerMs.p50, "<= 5");
    line("router's own time at the load, p99, ms", report.load.routerMs.p99, "<= 25");
    line("prompts per transaction, batched over alone", report.promptsPerTransaction.ratio, ">= 20");
    line("first token beyond engine and draw, p50, ms", report.firstToken.addedMs, "<= 30");
  }
} finally {
  await net.stop();
  if (values.keep === undefined) rmSync(folder, { recursive: true, force: true });
}
process.exit();
