import { type Client, type CompleteOptions, type CompleteRequest, type Proof, type Result, SdkError } from "./result.ts";

export interface RouterClientOptions {
  /** Of the router, with /v1. */
  baseUrl: string;
  apiKey?: string;
}

interface Chunk {
  choices: { delta?: { content?: string }; finish_reason?: "stop" | "length" | null }[];
  usage?: { prompt_tokens: number; completion_tokens: number } | null;
  verification?: Proof & { verdict: string; key?: string; streamed?: { matches: boolean; content?: string } };
  error?: { code: string; message: string; retryable: boolean; task_id: string | null };
}

/** A client over a router's HTTP interface: no wallet, no chain. What it returns can be verified all the same. */
export function routerClient({ baseUrl, apiKey = "none" }: RouterClientOptions): Client {
  return { complete: async (request, options = {}) => await complete(baseUrl.replace(/\/+$/, ""), apiKey, request, options) };
}

async function complete(base: string, apiKey: string, request: CompleteRequest, { signal, onEvent }: CompleteOptions): Promise<Result> {
  const { messages, maxTokens, sampling = {} } = request;
  if (sampling.topK !== undefined || sampling.minP !== undefined || sampling.repeatPenalty !== undefined)
    throw new SdkError("UnsupportedValue", "found topK, minP or repeatPenalty, which routers do not take; leave them out or use a wallet");
  const model = await modelOf(base, apiKey, signal);
  const response = await send(base, apiKey, "/chat/completions", signal, {
    model,
    messages,
    max_tokens: maxTokens,
    temperature: sampling.temperature ?? 0,
    top_p: sampling.topP ?? 1,
    seed: sampling.seed ?? 0,
    stop: sampling.stop ?? [],
    frequency_penalty: sampling.frequencyPenalty ?? 0,
    presence_penalty: sampling.presencePenalty ?? 0,
    stream: true,
    stream_options: { include_usage: true },
    ...(request.sealed === true && { verification: { sealed: true } }),
  });
  let text = "";
  let finish: Result["finish"] = "stop";
  for await (const chunk of chunksOf(response)) {
    if (chunk.error !== undefined) throw failure(chunk.error);
    const [choice] = chunk.choices;
    const piece = choice?.delta?.content ?? "";
    if (text === "" && choice !== undefined && chunk.verification !== undefined && piece === "")
      onEvent?.({ type: "submitted", task: chunk.verification.task });
    text += piece;
    if (piece !== "") onEvent?.({ type: "token", text: piece });
    finish = choice?.finish_reason ?? finish;
    if (chunk.verification?.verdict !== "verified") continue;
    const { session, task, prompt, transactions, committee, agreement, digest, charged, key, streamed } = chunk.verification;
    onEvent?.({ type: "settled", task, transaction: transactions.settled });
    return {
      text: streamed?.content ?? text,
      finish,
      usage: { promptTokens: chunk.usage?.prompt_tokens ?? 0, completionTokens: chunk.usage?.completion_tokens ?? 0 },
      ...(key !== undefined && { key }),
      proof: { session, task, prompt, transactions, committee, agreement, digest, charged },
    };
  }
  throw new SdkError("StreamEnded", "found the end of the stream, wanted a verdict; ask again", { retryable: true });
}

async function modelOf(base: string, apiKey: string, signal: AbortSignal | undefined): Promise<string> {
  const { data } = (await (await send(base, apiKey, "/models", signal)).json()) as { data: { id: string; kind: string }[] };
  const found = data.find(({ kind }) => kind === "generation");
  if (found === undefined) throw new SdkError("NoModel", "found no model at the router, wanted one that gives answers");
  return found.id;
}

async function send(base: string, apiKey: string, path: string, signal: AbortSignal | undefined, body?: object): Promise<Response> {
  const headers = { authorization: `Bearer ${apiKey}`, ...(body && { "content-type": "application/json" }) };
  const init = {
    headers,
    signal: signal ?? null,
    redirect: "manual" as const,
    ...(body && { method: "POST", body: JSON.stringify(body) }),
  };
  const response = await fetch(`${base}${path}`, init).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw new SdkError("RouterUnreachable", `found no router at ${base} (${(error as Error).message}); try again`, { retryable: true });
  });
  if (response.ok) return response;
  const { error } = (await response.json().catch(() => ({}))) as Chunk;
  throw failure(error ?? { code: "RouterRefused", message: `the router answered ${response.status}`, retryable: false, task_id: null });
}

async function* chunksOf(response: Response): AsyncGenerator<Chunk> {
  const decoder = new TextDecoder();
  let held = "";
  for await (const bytes of response.body as unknown as AsyncIterable<Uint8Array>) {
    const blocks = (held + decoder.decode(bytes, { stream: true })).split("\n\n");
    held = blocks.pop()!;
    for (const block of blocks) {
      const [, data] = /^data: (.*)$/m.exec(block) ?? [];
      if (data === "[DONE]") return;
      if (data !== undefined) yield JSON.parse(data) as Chunk;
    }
  }
}

const failure = ({ code, message, retryable, task_id }: NonNullable<Chunk["error"]>) =>
  new SdkError(code, message, { retryable, task: task_id ?? undefined });
