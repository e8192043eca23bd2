import type { z } from "zod";
import { answerFormatSchema, type AnswerFormat } from "../inference/answerFormat.ts";
import type { Manifest, Message } from "../protocol/manifest.ts";
import { ApiError } from "./apiError.ts";
import type { Requirements } from "./choice.ts";
import { plainMessages, type ToolUse, toolUseOf } from "./toolCalls.ts";
import { chatBody, completionBody, embeddingBody } from "./requestSchemas.ts";

/** Prompts, and how they are to be answered. `maxTokens` is absent where the client leaves it to the session. */
export interface PromptRequest {
  model: string;
  service: Manifest["service"];
  prompts: Message[][];
  /** The field that holds the prompts. */
  promptParam: "messages" | "prompt";
  maxTokens: number | undefined;
  /** The field in which maxTokens was given. */
  maxTokensParam: "max_tokens" | "max_completion_tokens";
  sampling: Omit<Manifest["sampling"], "maxTokens">;
  format: AnswerFormat | undefined;
  /** How answers become calls of functions, where that was asked for. */
  tools?: ToolUse | undefined;
  /** Prompt and answers are ciphertext for everybody but the drawn nodes and this router's memory. */
  sealed: boolean;
  requirements: Requirements;
  /** Most accepted answers wanted for a prompt. */
  n: number;
  stream: boolean;
  includeUsage: boolean;
  /** Whether a stream ends with the verdict. */
  wait: boolean;
  user: string | undefined;
}

/** Texts whose embeddings are wanted. */
export interface EmbeddingRequest {
  model: string;
  inputs: string[];
  base64: boolean;
  dimensions: number | undefined;
}

const LEVELS = ["low", "medium", "high"];

type Common = Omit<z.output<typeof completionBody>, "prompt">;

/** Checks a chat request's body; what is not given is fixed, so that every node computes the same. Throws ApiError 400. */
export function chatRequest(body: unknown): PromptRequest {
  const found = parsed(chatBody, body);
  const { messages, max_tokens, max_completion_tokens, response_format } = found;
  if (max_tokens != null && max_completion_tokens != null && max_tokens !== max_completion_tokens)
    throw invalid("max_tokens", `found max_tokens ${max_tokens} and max_completion_tokens ${max_completion_tokens}, wanted one of them`);
  const choice = found.tool_choice;
  if (choice != null && choice !== "none" && found.tools == null)
    throw invalid("tool_choice", "found tool_choice without tools, wanted both or none");
  if (typeof choice === "object" && choice !== null && !found.tools!.some((tool) => tool.function.name === choice.function.name))
    throw invalid("tool_choice", `found tool_choice ${choice.function.name}, wanted one of the tools`);
  const tools = toolUseOf(found.tools, choice);
  if (tools?.use.forced && response_format != null && response_format.type !== "text")
    throw invalid("response_format", "found response_format and a tool_choice that forces a call, wanted one of them");
  const prompt: Message[] = plainMessages(messages, tools?.instructions ?? "");
  return {
    ...commonOf(found),
    service: "chat",
    prompts: [prompt],
    promptParam: "messages",
    maxTokens: max_completion_tokens ?? max_tokens ?? undefined,
    maxTokensParam: max_completion_tokens == null ? "max_tokens" : "max_completion_tokens",
    format:
      tools?.format !== undefined ? checkedFormat(tools.format, "tools") : response_format == null ? undefined : formatOf(response_format),
    tools: tools?.use,
  };
}

/** Checks a completion request's body. Throws ApiError 400. */
export function completionRequest(body: unknown): PromptRequest {
  const found = parsed(completionBody, body);
  const prompts = [found.prompt].flat().map((content): Message[] => [{ role: "user", content }]);
  if (found.stream === true && prompts.length > 1) throw invalid("prompt", `found ${prompts.length} prompts, wanted one in a stream`);
  return {
    ...commonOf(found),
    service: "completion",
    prompts,
    promptParam: "prompt",
    maxTokens: found.max_tokens ?? undefined,
    maxTokensParam: "max_tokens",
    format: undefined,
  };
}

/** Checks an embedding request's body. Throws ApiError 400. */
export function embeddingRequest(body: unknown): EmbeddingRequest {
  const { model, input, encoding_format, dimensions } = parsed(embeddingBody, body);
  return { model, inputs: [input].flat(), base64: encoding_format === "base64", dimensions: dimensions ?? undefined };
}

function commonOf(found: Common) {
  const { model, stop, n, stream, stream_options, verification, user } = found;
  if (stream === true && n != null && n > 1) throw invalid("n", `found n ${n} in a stream, wanted 1: a stream shows one node's tokens`);
  if (stream !== true && stream_options != null)
    throw invalid("stream_options", "found stream_options without stream, wanted both or none");
  if (stream !== true && verification?.wait === false)
    throw invalid("verification.wait", "found wait false without stream: an answer that is not streamed exists only once it is verified");
  return {
    model,
    sampling: {
      temperature: found.temperature ?? 0,
      topP: found.top_p ?? 1,
      topK: 0,
      seed: found.seed ?? 0,
      stop: stop == null ? [] : [stop].flat(),
      frequencyPenalty: found.frequency_penalty ?? 0,
      presencePenalty: found.presence_penalty ?? 0,
      repeatPenalty: 1,
    },
    n: n ?? 1,
    stream: stream ?? false,
    includeUsage: stream_options?.include_usage ?? false,
    wait: verification?.wait ?? true,
    sealed: verification?.sealed ?? false,
    requirements: {
      session: verification?.session ?? undefined,
      level: verification?.level == null ? undefined : LEVELS.indexOf(verification.level),
      maxPrice: verification?.max_price == null ? undefined : BigInt(verification.max_price),
      redundancy: Math.max(verification?.min_redundancy ?? 1, n ?? 1),
      sort: verification?.sort ?? "price",
    },
    user: user ?? undefined,
  };
}

function formatOf(found: NonNullable<z.output<typeof chatBody>["response_format"]>): AnswerFormat | undefined {
  if (found.type === "text") return undefined;
  const wanted = found.type === "json_object" ? { type: found.type } : { type: found.type, schema: found.json_schema.schema };
  return checkedFormat(wanted, "response_format");
}

function checkedFormat(wanted: unknown, param: "response_format" | "tools"): AnswerFormat {
  const outcome = answerFormatSchema.safeParse(wanted);
  if (outcome.success) return outcome.data;
  const issue = outcome.error.issues[0]!;
  const place = issue.path.map(String).join(".");
  const what = issue.code === "unrecognized_keys" ? `no grammar can enforce ${issue.keys.join(", ")}` : issue.message;
  const where = param === "tools" ? "the parameters of tools" : "response_format.json_schema";
  throw invalid(param, `${where}${place === "" ? "" : `.${place}`}: ${what}`);
}

/** The body by the schema. Throws ApiError 400 that names the field. */
export function parsed<T extends z.ZodObject>(schema: T, body: unknown): z.output<T> {
  const outcome = schema.safeParse(body);
  if (outcome.success) return outcome.data;
  const { issues } = outcome.error;
  // What is not known at all is told first.
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]!;
  const param = issue.path.join(".");
  const accepted = Object.keys(schema.shape).join(", ");
  if (issue.code === "unrecognized_keys") {
    const unknown = issue.keys
      .map((key) => (param === "" ? key : `${param}.${key}`).slice(0, 128))
      .slice(0, 8)
      .join(", ");
    const rest = param === "" ? `; accepted are ${accepted}` : "";
    throw new ApiError(400, `found unknown fields: ${unknown}${rest}`, { code: "unknown_parameter", param: unknown });
  }
  if (param === "") throw new ApiError(400, `found no JSON object as the body, wanted one with ${accepted}`, { code: "invalid_request" });
  throw invalid(param, `${param}: ${issue.message}`);
}

const invalid = (param: string, message: string) => new ApiError(400, message, { code: "invalid_value", param });
