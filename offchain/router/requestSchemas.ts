import { z } from "zod";

/** Most prompts of one completion request; what a task cannot hold is split over several. */
export const MOST_PROMPTS = 1_024;
/** Most texts of one embedding request. */
export const MOST_INPUTS = 256;

const describe = <T extends z.ZodType>(schema: T, description: string): T => schema.meta({ description });

const textPart = z.strictObject({ type: z.literal("text"), text: z.string() });
const content = z.union([z.string(), z.array(textPart).min(1)], "wanted a text, or a list of text parts");
const toolName = z.string().regex(/^[\w-]{1,64}$/, "wanted 1 to 64 letters, digits, _ or -");
const toolCall = z.strictObject({
  id: z.string().min(1).max(128),
  type: z.literal("function"),
  function: z.strictObject({ name: toolName, arguments: z.string().max(65_536) }),
});
const message = z.discriminatedUnion("role", [
  z.strictObject({ role: z.enum(["system", "developer", "user"]), content, name: z.string().max(64).nullish() }),
  z.strictObject({
    role: z.literal("assistant"),
    content: content.nullish(),
    name: z.string().max(64).nullish(),
    refusal: z.null().nullish(),
    tool_calls: z.array(toolCall).min(1).max(64).nullish(),
  }),
  z.strictObject({ role: z.literal("tool"), content, tool_call_id: z.string().min(1).max(128) }),
]);
export type ChatMessage = z.output<typeof message>;
const tool = z.strictObject({
  type: z.literal("function"),
  function: z.strictObject({
    name: toolName,
    description: z.string().max(4_096).nullish(),
    parameters: z.record(z.string(), z.unknown()).nullish(),
    strict: z.boolean().nullish(),
  }),
});
export type Tool = z.output<typeof tool>;
const toolChoice = z.union(
  [z.enum(["none", "auto", "required"]), z.strictObject({ type: z.literal("function"), function: z.strictObject({ name: toolName }) })],
  "wanted none, auto, required, or {type: function, function: {name}}",
);
export type ToolChoice = z.output<typeof toolChoice>;
const tokenLimit = z.int().min(1).nullish();
/** What official clients send although it says nothing. */
const absent = (what: string) => z.union([z.null(), z.literal(false)], `is not served: ${what}`).nullish();

const responseFormat = z.discriminatedUnion(
  "type",
  [
    z.strictObject({ type: z.literal("text") }),
    z.strictObject({ type: z.literal("json_object") }),
    z.strictObject({
      type: z.literal("json_schema"),
      json_schema: z.strictObject({
        name: z.string().min(1).max(64),
        description: z.string().max(4_096).nullish(),
        schema: z.record(z.string(), z.unknown()),
        strict: z.boolean().nullish(),
      }),
    }),
  ],
  "wanted type text, json_object or json_schema",
);

/** A conversation of plain texts. */
export const messagesField = z
  .array(z.strictObject({ role: z.enum(["system", "user", "assistant"]), content: z.string().max(262_144) }))
  .min(1)
  .max(256);

/** How an answer is drawn, and who asks; chat completions and completions have it alike. */
const common = {
  model: describe(z.string().min(1).max(128), "Name or sha256 of a served model, see GET /v1/models."),
  max_tokens: describe(tokenLimit, "Most output tokens; absent: what session and context leave."),
  temperature: describe(z.number().min(0).max(2).nullish(), "0, the default, takes the likeliest token every time."),
  top_p: z.number().gt(0).max(1).nullish(),
  seed: describe(z.int().min(0).nullish(), "Mixed into the public seed of every position; every node adds its seat to it."),
  stop: z
    .union(
      [z.string().min(1).max(64), z.array(z.string().min(1).max(64)).max(4)],
      "wanted a text of 1 to 64 characters, or up to 4 of them",
    )
    .nullish(),
  frequency_penalty: z.number().min(-2).max(2).nullish(),
  presence_penalty: z.number().min(-2).max(2).nullish(),
  n: describe(
    z.int().min(1).max(9).nullish(),
    "Most accepted answers to return for a prompt, the canonical one first; at most the session's redundancy.",
  ),
  user: z.string().max(512).nullish(),
  stream: z.boolean().nullish(),
  stream_options: z
    .strictObject({ include_usage: z.boolean().nullish(), include_obfuscation: z.literal(false, "is not served").nullish() })
    .nullish(),
  verification: describe(
    z
      .strictObject({
        wait: z.boolean().nullish(),
        sealed: z.boolean().nullish(),
        session: z.int().min(1).nullish(),
        level: z.enum(["low", "medium", "high"]).nullish(),
        max_price: z
          .string()
          .regex(/^\d{1,30}$/, "wanted COR base units for 1,000 tokens, as text")
          .nullish(),
        min_redundancy: z.int().min(1).max(9).nullish(),
        sort: z.enum(["price", "latency"]).nullish(),
      })
      .nullish(),
    "Ours. wait false ends a stream with the tokens, before the nodes' answers were compared. sealed true lets only the drawn nodes read prompt and answer; on every disk and on chain both are ciphertext. The others choose the session: its number, least level, most COR base units for 1,000 tokens (all nodes together), least number of nodes, and whether price or latency decides.",
  ),
};

/** Body of POST /v1/chat/completions. */
export const chatBody = z.strictObject({
  ...common,
  messages: z
    .array(message)
    .min(1)
    .max(256)
    .refine((messages) => ["user", "tool"].includes(messages.at(-1)?.role ?? ""), "the last message must have the role user, or tool"),
  max_completion_tokens: tokenLimit,
  response_format: describe(responseFormat.nullish(), "json_schema makes every node's sampler follow the schema's grammar."),
  tools: describe(
    z.array(tool).min(1).max(64).nullish(),
    "Functions that the model may call. A grammar holds the call where tool_choice forces one.",
  ),
  tool_choice: toolChoice.nullish(),
  parallel_tool_calls: describe(z.boolean().nullish(), "An answer holds at most one call."),
  metadata: z.record(z.string().max(64), z.string().max(512)).nullish(),
  store: absent("nothing is stored beyond the task; leave it out"),
  logprobs: absent("nodes hand in log-probabilities as evidence only; leave it out"),
});

/** Body of POST /v1/completions. A prompt is given to the model as one message of the user's. */
export const completionBody = z.strictObject({
  ...common,
  prompt: describe(
    z.union(
      [z.string().min(1), z.array(z.string().min(1)).min(1).max(MOST_PROMPTS)],
      `wanted a text, or a list of 1 to ${MOST_PROMPTS} texts`,
    ),
    "One text or a list; a list rides in as few tasks as it needs.",
  ),
  echo: absent("the answer alone is returned; leave it out"),
  logprobs: absent("nodes hand in log-probabilities as evidence only; leave it out"),
  best_of: z.literal(1, "is not served; leave it out").nullish(),
});

/** Body of POST /v1/embeddings. */
export const embeddingBody = z.strictObject({
  model: describe(z.string().min(1).max(128), "Name or sha256 of the registered embedding model, see GET /v1/models."),
  input: z.union(
    [z.string().min(1), z.array(z.string().min(1)).min(1).max(MOST_INPUTS)],
    `wanted a text, or a list of 1 to ${MOST_INPUTS} texts`,
  ),
  encoding_format: z.enum(["float", "base64"]).nullish(),
  dimensions: z.int().min(1).nullish(),
  user: z.string().max(512).nullish(),
});
