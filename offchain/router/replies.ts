import type { PromptAnswer } from "./answer.ts";
import { type ToolUse, toolCallOf } from "./toolCalls.ts";
import type { ChatCompletion, TextCompletion, Usage } from "./replySchemas.ts";

/** Seconds since 1970, as OpenAI's objects have them. */
export const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** What prompts and the returned answers count; a prompt counts once however many answers it has. */
export function usageOf(answers: PromptAnswer[]): Usage {
  const prompt = answers.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
  const completion = answers.flatMap(({ choices }) => choices).reduce((sum, { tokens }) => sum + tokens, 0);
  const cost = String(answers.reduce((sum, { verification }) => sum + BigInt(verification.charged), 0n));
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion, cost };
}

/** Name of the model, and the sha256 of its file, 0x hex. */
export interface ServedModel {
  name: string;
  sha256: string;
}

/** The id of the call that an answer makes; the same for a stream and for a reply. */
export const callIdOf = ({ verification: { task, prompt } }: { verification: { task: string; prompt: number } }, index: number): string =>
  `call_${task}_${prompt}_${index}`;

/** A chat completion as OpenAI's clients read it, and how it was verified. */
export function chatCompletionOf(answer: PromptAnswer, { name: model, sha256 }: ServedModel, tools?: ToolUse): ChatCompletion {
  const { choices, verification } = answer;
  return {
    id: `chatcmpl-${verification.task}-${verification.prompt}`,
    object: "chat.completion",
    created: nowSeconds(),
    model,
    system_fingerprint: sha256,
    choices: choices.map(({ text, finish }, index) => {
      const call = tools && toolCallOf(text, tools, callIdOf(answer, index));
      return {
        index,
        message: { role: "assistant", content: call === undefined ? text : null, refusal: null, ...(call && { tool_calls: [call] }) },
        logprobs: null,
        finish_reason: call === undefined || finish === "length" ? finish : "tool_calls",
      };
    }),
    usage: usageOf([answer]),
    verification,
  };
}

/** A completion of one prompt or a list; choices of a prompt stand together, prompts in their order. */
export function textCompletionOf(answers: PromptAnswer[], { name: model, sha256 }: ServedModel): TextCompletion {
  const { verification } = answers[0]!;
  return {
    id: `cmpl-${verification.task}-${verification.prompt}`,
    object: "text_completion",
    created: nowSeconds(),
    model,
    system_fingerprint: sha256,
    choices: answers
      .flatMap(({ choices }) => choices)
      .map(({ text, finish }, index) => ({ index, text, logprobs: null, finish_reason: finish })),
    usage: usageOf(answers),
    verification: {
      session: verification.session,
      charged: String(answers.reduce((sum, one) => sum + BigInt(one.verification.charged), 0n)),
      prompts: answers.map((one) => one.verification),
    },
  };
}
