// The child process that holds llama.cpp. It is started by llamaProcess.ts and speaks childMessages.ts over IPC, one request at a time.
import { getLlama, getModuleVersion, LlamaLogLevel, type Llama } from "node-llama-cpp";
import type { Message, Sampling } from "../protocol/manifest.ts";
import { CANON, generate, likeliest, likelihoodOf, type Hooks, type Job } from "./canonicalRun.ts";
import type { AnswerFormat } from "./answerFormat.ts";
import { chatPrompt } from "./chatPrompt.ts";
import type { ChildError, ChildRequest, ChildSettings, FromChild, ToChild } from "./childMessages.ts";
import { EngineError, type Completion, type Likelihood, type Verification } from "./engine.ts";
import { admitGrammars, GrammarRun, grammarOf } from "./grammar.ts";
import { verify } from "./verification.ts";

type Serve = (request: ChildRequest, hooks: Hooks) => Promise<unknown>;

async function start(settings: ChildSettings): Promise<{ engineClass: string; serve: Serve }> {
  const { threads } = settings;
  const llama = await getLlama({ gpu: false, build: "never", skipDownload: true, maxThreads: threads, logLevel: LlamaLogLevel.error });
  const load = (modelPath: string) => llama.loadModel({ modelPath, gpuLayers: 0, defaultContextFlashAttention: false });
  const model = await load(settings.model.path);
  const contextTokens = settings.model.contextTokens;
  const context = await model.createContext({ ...CANON, contextSize: contextTokens, threads });
  const sequence = context.getSequence();
  admitGrammars(sequence);
  const embedModel = await load(settings.embed.path);
  const embedTokens = settings.embed.contextTokens;
  const embedContext = await embedModel.createEmbeddingContext({ contextSize: embedTokens, batchSize: embedTokens, threads });
  const vocabulary = [...model.iterateAllTokens()].length;
  const engineClass = await engineClassOf(llama, settings.model.sha256);

  const jobOf = async (messages: Message[], sampling: Sampling, format: AnswerFormat | undefined, jobSeed: string): Promise<Job> => {
    const prompt = chatPrompt(model, messages);
    if (prompt.length >= contextTokens)
      throw new EngineError(
        "PromptTooLong",
        `found a prompt of ${prompt.length} tokens, wanted fewer than ${contextTokens}; shorten the messages`,
      );
    const grammar = format === undefined ? undefined : await grammarOf(llama, format);
    return { prompt, sampling, jobSeed, contextTokens, grammar: grammar && (() => new GrammarRun(llama, model, grammar)) };
  };

  const complete = async (request: Extract<ChildRequest, { kind: "complete" }>, hooks: Hooks): Promise<Completion> => {
    const job = await jobOf(request.messages, request.sampling, request.format, request.jobSeed);
    const { tokens, text, finish } = await generate(model, sequence, job, hooks);
    const { top } = await likeliest(sequence, job, tokens, hooks);
    return { text, tokens: tokens.length, promptTokens: job.prompt.length, finish, claim: { engineClass, finish, tokens, top } };
  };

  const verifyRequest = async (request: Extract<ChildRequest, { kind: "verify" }>, hooks: Hooks): Promise<Verification> => {
    const job = await jobOf(request.messages, request.sampling, request.format, request.jobSeed);
    return await verify({ model, sequence, engineClass, vocabulary }, job, request.claim, request.rule, hooks);
  };

  const likelihood = async ({ messages, text }: Extract<ChildRequest, { kind: "likelihood" }>, hooks: Hooks): Promise<Likelihood> => {
    const prompt = chatPrompt(model, messages);
    const tokens = model.tokenize(text).slice(0, Math.max(0, contextTokens - prompt.length));
    if (tokens.length === 0) return { tokens: 0, mean: -Infinity, least: -Infinity, regret: Infinity };
    return await likelihoodOf(sequence, { prompt }, tokens, hooks);
  };

  const embed = async (text: string): Promise<number[]> => {
    if (text === "") return new Array<number>(embedModel.embeddingVectorSize).fill(0);
    // Room for the model's own begin and end tokens and llama.cpp's last slot.
    const tokens = embedModel.tokenize(text).slice(0, embedTokens - 3);
    const { vector } = await embedContext.getEmbeddingFor(tokens);
    const length = Math.hypot(...vector);
    return vector.map((value) => value / length);
  };

  const serve: Serve = async (request, hooks) => {
    switch (request.kind) {
      case "tokenCount":
        return chatPrompt(model, request.messages).length;
      case "complete":
        return await complete(request, hooks);
      case "verify":
        return await verifyRequest(request, hooks);
      case "likelihood":
        return await likelihood(request, hooks);
      case "grammar":
        await grammarOf(llama, request.format);
        return true;
      case "embed":
        return await embed(request.text);
    }
  };
  return { engineClass, serve };
}

/** Names everything that changes a logit. The CPU variant shows in llama.cpp's list of instruction sets. */
async function engineClassOf(llama: Llama, modelSha256: string): Promise<string> {
  const features = [...llama.systemInfo.matchAll(/(\w+) = 1/g)].map(([, name]) => name).sort();
  const parts = {
    model: modelSha256,
    llamacpp: llama.llamaCppRelease.release,
    binding: `node-llama-cpp-${await getModuleVersion()}-${llama.buildType}`,
    backend: `cpu-${process.arch}+${features.join("+")}`,
    flashAttention: CANON.flashAttention ? "on" : "off",
    kv: "f16",
    batch: CANON.batchSize,
    sequences: CANON.sequences,
  };
  return Object.entries(parts)
    .map(([name, value]) => `${name}=${value}`)
    .join(";");
}

const send = (message: FromChild) => process.send?.(message);

function errorOf(error: unknown): ChildError {
  if (error instanceof EngineError) return { code: error.code, message: error.message, retryable: error.retryable };
  return { code: "EngineFailed", message: `the engine failed: ${error instanceof Error ? error.message : String(error)}`, retryable: true };
}

let running: Promise<{ engineClass: string; serve: Serve }> | undefined;
const aborts = new Map<number, AbortController>();

async function answer(id: number, request: ChildRequest): Promise<void> {
  const abort = new AbortController();
  aborts.set(id, abort);
  try {
    const { serve } = await running!;
    send({
      kind: "result",
      id,
      value: await serve(request, { signal: abort.signal, onProgress: (piece) => send({ kind: "progress", id, piece }) }),
    });
  } catch (error) {
    send({ kind: "error", id, error: abort.signal.aborted ? { code: "Aborted", message: "aborted", retryable: true } : errorOf(error) });
  } finally {
    aborts.delete(id);
  }
}

process.on("message", (message: ToChild) => {
  switch (message.kind) {
    case "start":
      running = start(message.settings);
      running.then(
        ({ engineClass }) => send({ kind: "ready", engineClass }),
        (error: unknown) => send({ kind: "startFailed", error: errorOf(error) }),
      );
      break;
    case "request":
      void answer(message.id, message.request);
      break;
    case "abort":
      aborts.get(message.id)?.abort();
      break;
    case "close":
      process.disconnect();
      break;
  }
});
// The parent decides when to end; a Ctrl-C reaches the whole process group and must not cut its draining short.
process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit(0));
