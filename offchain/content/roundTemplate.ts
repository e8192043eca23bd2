import { z } from "zod";
import { manifestBytes } from "../protocol/manifest.ts";
import type { Manifest, Sampling } from "../protocol/manifest.ts";

/** Most bytes of a template, of topics, of a question. */
export const MAX_ROUND_TEXT_BYTES = 8 * 1024;
/** Most output tokens of topics and questions. */
const WRITING_TOKENS = 64;
const MAX_TOPIC = 120;

const texts = z.union([z.string().min(1), z.array(z.string().min(1)).min(1)]);
const templateSchema = z.strictObject({
  name: z.string().min(1),
  version: z.int().min(1),
  /** What type 1 asks its model; of several, the round's number picks one. */
  topics: texts,
  /** What type 2 asks its model, with {topic}. */
  question: z.string().min(1),
  /** Where a model cannot write questions by itself: it chooses among these, each with {topic}, or {a topic}. */
  choices: z.array(z.string().min(1)).min(1).optional(),
  /** What type 3 asks its model, with {question}. */
  answer: z.string().min(1),
  rubric: z.string().min(1),
});

/** What a round is made from; content-addressed, its digest is on chain. */
export type RoundTemplate = z.infer<typeof templateSchema>;

/** Content of a round that is not what it should be. */
export class RoundContentError extends Error {
  readonly code = "RoundContentInvalid";
  readonly retryable = false;
}

/** Reads a template. Throws RoundContentError. */
export function parseRoundTemplate(bytes: Uint8Array): RoundTemplate {
  let value: unknown;
  try {
    value = JSON.parse(roundText(bytes));
  } catch (error) {
    if (error instanceof RoundContentError) throw error;
    throw new RoundContentError("found a template that is not JSON, wanted an object with topics, question, answer");
  }
  const outcome = templateSchema.safeParse(value);
  if (outcome.success) return outcome.data;
  const issue = outcome.error.issues[0]!;
  throw new RoundContentError(`the template is not valid: ${issue.path.join(".") || "template"}: ${issue.message}`);
}

/** The text of topics or of a question. Throws RoundContentError where it is no text, empty, or too long. */
export function roundText(bytes: Uint8Array): string {
  if (bytes.length > MAX_ROUND_TEXT_BYTES)
    throw new RoundContentError(`found ${bytes.length} bytes, wanted at most ${MAX_ROUND_TEXT_BYTES}`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new RoundContentError("found bytes that are not UTF-8, wanted a text");
  }
  if (text.trim() === "") throw new RoundContentError("found an empty text, wanted topics or a question");
  return text;
}

/** The topics in what a model said: parts between commas, semicolons, line ends and "and", without numbering and full stops. */
export function topicsIn(text: string): string[] {
  const parts = text.split(/[,;\n]|\band\b/).map((part) => part.replace(/^\s*(\d+[.)]|[-*])?\s*/, "").replace(/[.\s]+$/, ""));
  const found = parts.filter((part) => part !== "" && part.length <= MAX_TOPIC).map((part) => part.toLowerCase());
  return found.length > 0 ? found : [text.trim().slice(0, MAX_TOPIC)];
}

const pick = <T>(list: readonly T[], round: number): T => list[round % list.length]!;
const sampling = (temperature: number, maxTokens: number): Sampling => ({
  temperature,
  topP: 1,
  topK: 0,
  seed: 0,
  maxTokens,
  stop: [],
  frequencyPenalty: 0,
  presencePenalty: 0,
  repeatPenalty: 1,
});
const ask = (content: string, temperature: number, maxTokens: number): Manifest => ({
  v: 1,
  service: "chat",
  prompts: [{ messages: [{ role: "user", content }] }],
  sampling: sampling(temperature, maxTokens),
});

/** Fills in a topic: {topic}, or {a topic} with its article. */
const about = (text: string, topic: string): string =>
  text.replaceAll("{topic}", topic).replaceAll("{a topic}", `${/^[aeiou]/.test(topic) ? "an" : "a"} ${topic}`);

/** What type 1 asks its model. */
export const topicsRequest = ({ topics }: RoundTemplate, round: number): Manifest => ask(pick([topics].flat(), round), 1, WRITING_TOKENS);

/** The questions that type 2 may choose among; empty where it writes one. */
export function questionChoices({ choices = [] }: RoundTemplate, topics: string, round: number): string[] {
  const topic = pick(topicsIn(topics), round);
  return choices.map((choice) => about(choice, topic));
}

/** What type 2 asks its model. */
export const questionRequest = ({ question }: RoundTemplate, topics: string, round: number): Manifest =>
  ask(about(question, pick(topicsIn(topics), round)), 1, WRITING_TOKENS);

/** What type 3 asks its model: greedy, so that the same model gives the same answer. */
export const answerRequest = ({ answer }: RoundTemplate, question: string, maxTokens: number): Manifest =>
  ask(answer.replaceAll("{question}", question), 0, maxTokens);

/** Canonical bytes of what type 3 asks: validators judge by it. */
export const answerRequestBytes = (template: RoundTemplate, question: string, maxTokens: number): Uint8Array =>
  manifestBytes(answerRequest(template, question, maxTokens));
