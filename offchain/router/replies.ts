import type { PromptAnswer } from "./answer.ts";
import type { ChatCompletion, TextCompletion, Usage } from "./replySchemas.ts";

/** Seconds since 1970, as OpenAI's objects have them. */
export const nowSeconds = (): number => Math.floor(Date.now() / 1_000);

/** What prompts and the returned answers count; a prompt counts once however many answers it has. */
export function usageOf(answers: PromptAnswer[]): Usage {
  const prompt = answers.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
  const completion = answers.flatMap(({ choices }) => choices).reduce((sum, { tokens }) => sum + tokens, 0);
  return { prompt_tokens: prompt, completion_tokens: completion, total_tokens: prompt + completion };
}

/** A chat completion as OpenAI's clients read it, and how it was verified. */
export function chatCompletionOf(answer: PromptAnswer, model: string): ChatCompletion {
  const { choices, verification } = answer;
  return {
    id: `chatcmpl-${verification.task}-${verification.prompt}`,
    object: "chat.completion",
    created: nowSeconds(),
    model,
    choices: choices.map(({ text, finish }, index) => ({
      index,
      message: { role: "assistant", content: text, refusal: null },
      logprobs: null,
      finish_reason: finish,
    })),
    usage: usageOf([answer]),
    verification,
  };
}

/** A completion of one prompt or a list; choices of a prompt stand together, prompts in their order. */
export function textCompletionOf(answers: PromptAnswer[], model: string): TextCompletion {
  const { verification } = answers[0]!;
  return {
    id: `cmpl-${verification.task}-${verification.prompt}`,
    object: "text_completion",
    created: nowSeconds(),
    model,
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
