// What the node costs beside the bare library: npm run bench:node [-- --json]
//
//   speed     tokens per second of generation, through the engine's process and bare, on the same model in the same run; the claim apart
//   lateness  from the log in a block to the start of inference, as the node itself measures it
//   idle      processor time of an idle node
//   start     from the start of the process to ready
import { writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as delay } from "node:timers/promises";
import { getLlama, LlamaLogLevel } from "node-llama-cpp";
import { CANON, generate, likeliest, type Job } from "../offchain/inference/canonicalRun.ts";
import { chatPrompt } from "../offchain/inference/chatPrompt.ts";
import { LlamaEngine } from "../offchain/inference/llama.ts";
import { loadModels, modelNamed } from "../offchain/inference/models.ts";
import type { Message, Sampling } from "../offchain/protocol/manifest.ts";
import { eventually } from "../test/offchain/chain/hardhatNode.ts";
import { MODELS } from "../test/offchain/node/daemon.ts";
import { OneSeat } from "../test/offchain/node/oneSeat.ts";
import { median } from "./median.ts";

const OUT = fileURLToPath(new URL("./node.json", import.meta.url));
const ROUNDS = 12;
const MESSAGES: Message[] = [{ role: "user", content: "Tell me a story about a fox named Tim." }];
const SAMPLING: Sampling = {
  ...{ temperature: 0, topP: 1, topK: 0, seed: 0, maxTokens: 96, stop: [] },
  ...{ frequencyPenalty: 0, presencePenalty: 0, repeatPenalty: 1 },
};

const rounded = (value: number, digits = 1) => Number(value.toFixed(digits));
const list = await loadModels(path.join(MODELS, "registry.json"));
const model = modelNamed(list, "toy-world-f16");
const embed = modelNamed(list, "toy-embed-q8_0");

/** The library alone, in this process: the same generation, and the claim's prefill apart. */
async function bare() {
  const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, maxThreads: 1, logLevel: LlamaLogLevel.error });
  const loaded = await llama.loadModel({ modelPath: model.path, gpuLayers: 0, defaultContextFlashAttention: false });
  const context = await loaded.createContext({ ...CANON, contextSize: model.contextTokens, threads: 1 });
  const sequence = context.getSequence();
  const hooks = { signal: new AbortController().signal, onProgress: () => undefined };
  const once = async (i: number) => {
    const job: Job = {
      prompt: chatPrompt(loaded, MESSAGES),
      sampling: SAMPLING,
      jobSeed: `bench:${i}`,
      contextTokens: model.contextTokens,
    };
    let first = 0;
    const began = performance.now();
    const { tokens } = await generate(loaded, sequence, job, { ...hooks, onProgress: () => (first ||= performance.now()) });
    const generated = performance.now();
    await likeliest(sequence, job, tokens, hooks);
    const done = performance.now();
    return { tokensPerSecond: ((tokens.length - 1) * 1_000) / (generated - first), claimMs: done - generated, wholeMs: done - began };
  };
  return { once, close: async () => await llama.dispose() };
}

async function speed() {
  const library = await bare();
  const engine = await LlamaEngine.start({ model, embed, threads: 1 });
  const through = async (i: number) => {
    let first = 0;
    let last = 0;
    const began = performance.now();
    const { tokens } = await engine.complete(
      { messages: MESSAGES, sampling: SAMPLING, jobSeed: `bench:${i}` },
      {
        onToken: () => {
          last = performance.now();
          first ||= last;
        },
      },
    );
    return { tokensPerSecond: ((tokens - 1) * 1_000) / (last - first), wholeMs: performance.now() - began };
  };
  const rows: { bare: Awaited<ReturnType<typeof library.once>>; node: Awaited<ReturnType<typeof through>> }[] = [];
  await library.once(0);
  await through(0);
  // In turn, so that what else runs on the machine meets both alike.
  for (let i = 1; i <= ROUNDS; i++) rows.push({ bare: await library.once(i), node: await through(i) });
  await engine.close();
  await library.close();
  const bareTokens = median(rows.map((row) => row.bare.tokensPerSecond));
  const nodeTokens = median(rows.map((row) => row.node.tokensPerSecond));
  return {
    rounds: ROUNDS,
    bareTokensPerSecond: rounded(bareTokens),
    nodeTokensPerSecond: rounded(nodeTokens),
    share: rounded(median(rows.map((row) => row.node.tokensPerSecond / row.bare.tokensPerSecond)), 3),
    claimMs: rounded(median(rows.map((row) => row.bare.claimMs))),
    bareWholeMs: rounded(median(rows.map((row) => row.bare.wholeMs))),
    nodeWholeMs: rounded(median(rows.map((row) => row.node.wholeMs))),
  };
}

function quantile(text: string, name: string, share: number): number | null {
  const buckets = [...text.matchAll(new RegExp(`^${name}_bucket\\{le="([^"]+)"[^}]*\\} (\\d+)`, "gm"))].map(([, le, count]) => ({
    le: Number(le),
    count: Number(count),
  }));
  const all = buckets.at(-1)?.count ?? 0;
  return buckets.find(({ count }) => count >= all * share)?.le ?? null;
}

async function whole() {
  const bench = await OneSeat.open();
  const POLL_MS = 50;
  try {
    bench.begin("refuses");
    const began = performance.now();
    const daemon = await bench.start({ "poll-ms": String(POLL_MS) });
    const startMs = performance.now() - began;
    for (let i = 0; i < 6; i++) await bench.settled(await bench.submit());
    const metrics = async () => await (await fetch(`${daemon.url()}/metrics`)).text();
    const cpu = async () => Number(/corroborate_process_cpu_seconds (\S+)/.exec(await metrics())?.[1]);
    const late = quantile(await metrics(), "corroborate_log_to_inference_seconds", 0.5);
    await bench.kill();
    // Idle: at the default pause between looks at the chain, and a block now and then.
    bench.begin("refuses");
    const idle = await bench.start({ "poll-ms": "250" });
    const idleCpu = async () =>
      Number(/corroborate_process_cpu_seconds (\S+)/.exec(await (await fetch(`${idle.url()}/metrics`)).text())?.[1]);
    await eventually(async () => (await fetch(`${idle.url()}/readyz`)).ok, "a ready node");
    await delay(3_000);
    const [from, at] = [await idleCpu(), performance.now()];
    for (let i = 0; i < 10; i++) {
      await delay(2_000);
      await bench.mine(1);
    }
    const share = ((await idleCpu()) - from) / ((performance.now() - at) / 1_000);
    void cpu;
    return {
      startMs: rounded(startMs, 0),
      pollMs: POLL_MS,
      logToInferenceP50AtMostSeconds: late,
      idleCpuShare: rounded(share, 4),
      idlePollMs: 250,
    };
  } finally {
    await bench.kill();
    await bench.close();
  }
}

const result = { model: model.id, bytes: model.bytes, threads: 1, speed: await speed(), whole: await whole() };
writeFileSync(OUT, `${JSON.stringify(result, null, 2)}\n`);
if (process.argv.includes("--json")) process.stdout.write(`${JSON.stringify(result)}\n`);
else {
  const { speed: s, whole: w } = result;
  process.stdout.write(
    `generation  ${s.nodeTokensPerSecond} tokens/s through the node, ${s.bareTokensPerSecond} bare: ${(s.share * 100).toFixed(1)} %\n`,
  );
  process.stdout.write(`claim       ${s.claimMs} ms of ${s.nodeWholeMs} ms\n`);
  process.stdout.write(`lateness    p50 at most ${w.logToInferenceP50AtMostSeconds} s, polled every ${w.pollMs} ms\n`);
  process.stdout.write(`idle        ${(w.idleCpuShare * 100).toFixed(2)} % of a core\nstart       ${w.startMs} ms to ready\n`);
}
process.exit(0);
