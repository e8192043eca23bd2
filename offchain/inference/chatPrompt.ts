import { LlamaText, SpecialToken, SpecialTokensText, type LlamaModel, type Token } from "node-llama-cpp";
import type { Message } from "../protocol/manifest.ts";

/**
 * The one chat template: ChatML, after the beginning-of-sequence token where the model's file asks for it. Only the frame may hold control tokens;
 * what a message says is plain text, so nobody can write another role's turn.
 */
export function chatPrompt(model: LlamaModel, messages: readonly Message[]): Token[] {
  const turns = messages.map(({ role, content }) => [
    new SpecialTokensText(`<|im_start|>${role}\n`),
    content,
    new SpecialTokensText("<|im_end|>\n"),
  ]);
  const begin = model.tokens.shouldPrependBosToken ? [new SpecialToken("BOS")] : [];
  return LlamaText([...begin, ...turns.flat(), new SpecialTokensText("<|im_start|>assistant\n")]).tokenize(model.tokenizer);
}
