import { z } from "zod";
import type { Manifest, Message } from "../protocol/manifest.ts";
import { ApiError } from "./apiError.ts";

const textPart = z.strictObject({ type: z.literal("text"), text: z.string() });
const content = z.union([z.string(), z.array(textPart).min(1)], "wanted a text, or a list of text parts");
const message = z.strictObject({ role: z.enum(["system", "user", "assistant"]), content });
const tokenLimit = z.int().min(1).nullish();

const schema = z.strictObject({
  model: z.string().min(1).max(128),
  messages: z
    .array(message)
    .min(1)
    .max(256)
    .refine((messages) => messages.at(-1)?.role === "user", "the last message must have the role user"),
  max_tokens: tokenLimit,
  max_completion_tokens: tokenLimit,
  temperature: z.number().min(0).max(2).nullish(),
  top_p: z.number().gt(0).max(1).nullish(),
  seed: z.int().min(0).nullish(),
  stop: z
    .union(
      [z.string().min(1).max(64), z.array(z.string().min(1).max(64)).max(4)],
      "wanted a text of 1 to 64 characters, or up to 4 of them",
    )
    .nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  n: z.literal(1, "wanted 1: one answer for each request").nullish(),
  stream: z.literal(false, "is not served: an answer exists only once it is verified; leave it out").nullish(),
  user: z.string().max(512).nullish(),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
});

const ACCEPTED = Object.keys(schema.shape).filter((field) => field !== "stream");

/** What a client asks for. `maxTokens` is absent where the client leaves it to the session. */
export interface ChatRequest {
  model: string;
  messages: Message[];
  maxTokens: number | undefined;
  /** The field in which maxTokens was given. */
  maxTokensParam: "max_tokens" | "max_completion_tokens";
  sampling: Omit<Manifest["sampling"], "maxTokens">;
}

/** Checks a request's body; what is not given is fixed, so that every node computes the same. Throws ApiError 400. */
export function chatRequest(body: unknown): ChatRequest {
  const outcome = schema.safeParse(body);
  if (!outcome.success) throw refusal(outcome.error);
  const { model, messages, max_tokens, max_completion_tokens, stop, ...rest } = outcome.data;
  if (max_tokens != null && max_completion_tokens != null && max_tokens !== max_completion_tokens)
    throw new ApiError(400, `found max_tokens ${max_tokens} and max_completion_tokens ${max_completion_tokens}, wanted one of them`, {
      code: "invalid_value",
      param: "max_tokens",
    });
  return {
    model,
    messages: messages.map(({ role, content }) => ({
      role,
      content: typeof content === "string" ? content : content.map(({ text }) => text).join(""),
    })),
    maxTokens: max_completion_tokens ?? max_tokens ?? undefined,
    maxTokensParam: max_completion_tokens == null ? "max_tokens" : "max_completion_tokens",
    sampling: {
      temperature: rest.temperature ?? 0,
      topP: rest.top_p ?? 1,
      topK: 0,
      seed: rest.seed ?? 0,
      stop: stop == null ? [] : [stop].flat(),
      frequencyPenalty: rest.frequency_penalty ?? 0,
      presencePenalty: rest.presence_penalty ?? 0,
      repeatPenalty: 1,
    },
  };
}

function refusal({ issues }: z.ZodError): ApiError {
  // What is not known at all is told first.
  const issue = issues.find(({ code }) => code === "unrecognized_keys") ?? issues[0]!;
  const param = issue.path.join(".");
  if (issue.code === "unrecognized_keys") {
    const unknown = issue.keys.map((key) => (param === "" ? key : `${param}.${key}`)).join(", ");
    const accepted = param === "" ? `; accepted are ${ACCEPTED.join(", ")}` : "";
    return new ApiError(400, `found unknown fields: ${unknown}${accepted}`, { code: "unknown_parameter", param: unknown });
  }
  if (param === "")
    return new ApiError(400, `found no JSON object as the body, wanted one with ${ACCEPTED.join(", ")}`, { code: "invalid_request" });
  return new ApiError(400, `${param}: ${issue.message}`, { code: param === "stream" ? "unsupported_value" : "invalid_value", param });
}
