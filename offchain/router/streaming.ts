import type { PromptAnswer } from "./answer.ts";
import { toApiError } from "./apiError.ts";
import type { Place } from "./batcher.ts";
import type { Completions, Context, Prepared } from "./completions.ts";
import type { LiveText, Shown } from "./liveText.ts";
import { callIdOf, nowSeconds, usageOf } from "./replies.ts";
import { type ToolUse, toolCallOf } from "./toolCalls.ts";

export interface StreamParts {
  completions: Completions;
  live: LiveText;
  /** Name of the model. */
  model: string;
}

/** One for all: an error of its own for each stream is dear when hundreds end in one moment. */
const ENDED = new Error("the task has ended");

/** Where a stream's events go: a client over SSE or WebSocket. Both calls resolve when there is room for more; a client that is gone takes nothing. */
export interface EventSink {
  send(data: object, event?: string): Promise<void>;
  end(): Promise<void>;
}

/** Chunks of one answer, in the form of its service. */
interface Form {
  head: object;
  delta(text: string): object[];
  finish(reason: "stop" | "length"): object[];
}

/**
 * Shows one node's tokens while it writes them, each marked as unverified; then, once the task has ended, a `verified` event with who agreed (and the
 * accepted text where it is another one), or a `failed` event with the error. Never rejects once it has begun to write. Resolves with the answer.
 */
export async function streamed(
  prepared: Prepared,
  place: Place,
  sse: EventSink,
  { completions, live, model }: StreamParts,
  context: Context,
): Promise<PromptAnswer | undefined> {
  const { request } = prepared;
  const chat = request.service === "chat";
  const callId = callIdOf({ verification: { task: String(place.task), prompt: place.prompt } }, 0);
  const form = formOf(chat, `${chat ? "chatcmpl" : "cmpl"}-${place.task}-${place.prompt}`, model, request.tools, callId);
  const noUsage = request.includeUsage ? { usage: null } : {};
  const chunk = async (choice: object | undefined, rest: object = {}, event?: string) =>
    await sse.send({ ...form.head, choices: choice === undefined ? [] : [choice], ...noUsage, ...rest }, event);
  const unverified = { verification: { verdict: "unverified", task: String(place.task) } };
  const shown: Shown = { text: "", seat: undefined, node: undefined, finish: undefined };
  const over = new AbortController();
  const settled = completions.settled(place, 1, context).finally(() => over.abort(ENDED));
  settled.catch(() => undefined);
  try {
    if (chat) await chunk({ index: 0, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null }, unverified);
    const reading = AbortSignal.any([context.signal, over.signal]);
    for await (const text of live.pieces(place, shown, reading)) for (const one of form.delta(text)) await chunk(one, unverified);
    if (shown.finish !== undefined) for (const one of form.finish(shown.finish)) await chunk(one, unverified);
    if (!request.wait) {
      await chunk(undefined, { verification: { verdict: "pending", task: String(place.task) } }, "pending");
      await sse.end();
      return await settled.catch(() => undefined);
    }
    const answer = await settled;
    const [accepted] = answer.choices;
    if (shown.finish === undefined) {
      // Nothing was shown, or the beginning of it only.
      const rest = accepted!.text.startsWith(shown.text) ? accepted!.text.slice(shown.text.length) : "";
      if (rest !== "") for (const one of form.delta(rest)) await chunk(one);
      shown.text += rest;
      for (const one of form.finish(accepted!.finish)) await chunk(one);
    }
    const matches = shown.text === accepted!.text;
    const told = { matches, seat: shown.seat ?? null, node: shown.node ?? null, ...(!matches && { content: accepted!.text }) };
    await chunk(
      undefined,
      {
        ...(request.includeUsage && { usage: usageOf([answer]) }),
        verification: { ...answer.verification, verdict: "verified", streamed: told },
      },
      "verified",
    );
    await sse.end();
    return answer;
  } catch (error) {
    await sse.send(toApiError(error).body, "failed");
    await sse.end();
    return undefined;
  }
}

function formOf(chat: boolean, id: string, model: string, tools: ToolUse | undefined, callId: string): Form {
  const head = { id, object: chat ? "chat.completion.chunk" : "text_completion", created: nowSeconds(), model };
  const rest = (finish_reason: string | null) => ({ logprobs: null, finish_reason });
  if (chat && tools !== undefined) return { head, ...callForm(tools, callId, rest) };
  return {
    head,
    delta: (text) => [chat ? { index: 0, delta: { content: text }, ...rest(null) } : { index: 0, text, ...rest(null) }],
    finish: (reason) => [chat ? { index: 0, delta: {}, ...rest(reason) } : { index: 0, text: "", ...rest(reason) }],
  };
}

/** Of a forced call the arguments are shown as they come; whether other words are a call is known at their end only. */
function callForm(tools: ToolUse, id: string, rest: (reason: string | null) => object): Omit<Form, "head"> {
  let held = "";
  let begun = false;
  const choice = (delta: object, reason: string | null = null) => ({ index: 0, delta, ...rest(reason) });
  const begin = (name: string) => choice({ tool_calls: [{ index: 0, id, type: "function", function: { name, arguments: "" } }] });
  const args = (text: string) => choice({ tool_calls: [{ index: 0, function: { arguments: text } }] });
  return {
    delta: (text) => {
      held += text;
      if (tools.only === undefined) return [];
      const first = begun ? [] : [begin(tools.only)];
      begun = true;
      return [...first, args(text)];
    },
    finish: (reason) => {
      const call = toolCallOf(held, tools, id);
      const ending = choice({}, call === undefined || reason === "length" ? reason : "tool_calls");
      if (tools.only !== undefined) return begun ? [ending] : [begin(tools.only), ending];
      if (call === undefined) return [...(held === "" ? [] : [choice({ content: held })]), ending];
      return [begin(call.function.name), args(call.function.arguments), ending];
    },
  };
}
