import type { PromptAnswer } from "./answer.ts";
import { toApiError } from "./apiError.ts";
import type { Place } from "./batcher.ts";
import type { Completions, Context, Prepared } from "./completions.ts";
import type { LiveText, Shown } from "./liveText.ts";
import { nowSeconds, usageOf } from "./replies.ts";
import type { SseStream } from "./sse.ts";

export interface StreamParts {
  completions: Completions;
  live: LiveText;
  /** Name of the model. */
  model: string;
}

/** Chunks of one answer, in the form of its service. */
interface Form {
  head: object;
  delta(text: string): object;
  finish(reason: string): object;
}

/**
 * Shows one node's tokens while it writes them, each marked as unverified; then, once the task has ended, a `verified` event with who agreed (and the
 * accepted text where it is another one), or a `failed` event with the error. Never rejects once it has begun to write. Resolves with the answer.
 */
export async function streamed(
  prepared: Prepared,
  place: Place,
  sse: SseStream,
  { completions, live, model }: StreamParts,
  context: Context,
): Promise<PromptAnswer | undefined> {
  const { request } = prepared;
  const chat = request.service === "chat";
  const form = formOf(chat, `${chat ? "chatcmpl" : "cmpl"}-${place.task}-${place.prompt}`, model);
  const noUsage = request.includeUsage ? { usage: null } : {};
  const chunk = async (choice: object | undefined, rest: object = {}, event?: string) =>
    await sse.send({ ...form.head, choices: choice === undefined ? [] : [choice], ...noUsage, ...rest }, event);
  const unverified = { verification: { verdict: "unverified", task: String(place.task) } };
  const shown: Shown = { text: "", seat: undefined, node: undefined, finish: undefined };
  const over = new AbortController();
  const settled = completions.settled(place, 1, context).finally(() => over.abort());
  settled.catch(() => undefined);
  try {
    if (chat) await chunk({ index: 0, delta: { role: "assistant", content: "" }, logprobs: null, finish_reason: null }, unverified);
    const reading = AbortSignal.any([context.signal, over.signal]);
    for await (const text of live.pieces(place, shown, reading)) await chunk(form.delta(text), unverified);
    if (shown.finish !== undefined) await chunk(form.finish(shown.finish), unverified);
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
      if (rest !== "") await chunk(form.delta(rest));
      shown.text += rest;
      await chunk(form.finish(accepted!.finish));
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

function formOf(chat: boolean, id: string, model: string): Form {
  const head = { id, object: chat ? "chat.completion.chunk" : "text_completion", created: nowSeconds(), model };
  const rest = (finish_reason: string | null) => ({ logprobs: null, finish_reason });
  return {
    head,
    delta: (text) => (chat ? { index: 0, delta: { content: text }, ...rest(null) } : { index: 0, text, ...rest(null) }),
    finish: (reason) => (chat ? { index: 0, delta: {}, ...rest(reason) } : { index: 0, text: "", ...rest(reason) }),
  };
}
