import { z } from "zod";

/** What routes answer. The OpenAPI document is made from these; types are theirs, so that what is sent and what is documented are one. */

const hex = z.string().regex(/^0x[0-9a-f]+$/i);
const amount = z.string().regex(/^\d+$/).meta({ description: "COR base units." });
const fingerprint = hex.meta({ description: "sha256 of the model's file." });
const member = z.object({ seat: z.int(), node: z.int(), operator: z.string() });

export const verificationSchema = z
  .object({
    session: z.int(),
    task: z.string(),
    prompt: z.int().meta({ description: "Which of the task's prompts this one is." }),
    prompts: z.int().meta({ description: "How many prompts the task carried." }),
    verdict: z.literal("accepted"),
    transactions: z.object({ submitted: z.string(), settled: z.string() }),
    committee: z.array(member.extend({ accepted: z.boolean() })),
    agreement: z.object({ redundancy: z.int(), quorum: z.int(), agreed: z.int() }),
    digest: hex.meta({ description: "sha256 of the canonical answer's bytes; cid is the same as a content id." }),
    cid: z.string(),
    answers: z
      .array(z.object({ seat: z.int(), node: z.int(), digest: hex, cid: z.string(), tokens: z.int() }))
      .meta({ description: "Every accepted answer, the canonical one first, in the order of the choices." }),
    charged: amount,
    timing: z
      .object({ total_ms: z.number(), engine_ms: z.number(), queue_ms: z.number(), chain_ms: z.number(), router_ms: z.number() })
      .optional()
      .meta({
        description:
          "Where the time went until the answer was verified: counting tokens, waiting until nodes have room, the chain and the nodes, the router's own.",
      }),
    key: hex.optional().meta({ description: "Of a sealed task: whoever has it can read the task's prompt and answers." }),
  })
  .meta({ title: "Verification", description: "Who agreed on the answer, and where the chain says so." });
export type Verification = z.infer<typeof verificationSchema>;

const finish = z.enum(["stop", "length"]);
const toolCallSchema = z.object({
  id: z.string(),
  type: z.literal("function"),
  function: z.object({ name: z.string(), arguments: z.string() }),
});
const usageSchema = z
  .object({ prompt_tokens: z.int(), completion_tokens: z.int(), total_tokens: z.int(), cost: amount })
  .meta({ title: "Usage" });
export type Usage = z.infer<typeof usageSchema>;

export const chatCompletionSchema = z
  .object({
    id: z.string(),
    object: z.literal("chat.completion"),
    created: z.int(),
    model: z.string(),
    system_fingerprint: fingerprint,
    choices: z.array(
      z.object({
        index: z.int(),
        message: z.object({
          role: z.literal("assistant"),
          content: z.string().nullable(),
          refusal: z.null(),
          tool_calls: z.array(toolCallSchema).optional(),
        }),
        logprobs: z.null(),
        finish_reason: z.enum(["stop", "length", "tool_calls"]),
      }),
    ),
    usage: usageSchema,
    verification: verificationSchema,
  })
  .meta({ title: "ChatCompletion" });
export type ChatCompletion = z.infer<typeof chatCompletionSchema>;

export const textCompletionSchema = z
  .object({
    id: z.string(),
    object: z.literal("text_completion"),
    created: z.int(),
    model: z.string(),
    system_fingerprint: fingerprint,
    choices: z.array(z.object({ index: z.int(), text: z.string(), logprobs: z.null(), finish_reason: finish })),
    usage: usageSchema,
    verification: z.object({ session: z.int(), charged: amount, prompts: z.array(verificationSchema) }),
  })
  .meta({ title: "TextCompletion" });
export type TextCompletion = z.infer<typeof textCompletionSchema>;

export const embeddingsSchema = z
  .object({
    object: z.literal("list"),
    model: z.string(),
    data: z.array(z.object({ object: z.literal("embedding"), index: z.int(), embedding: z.union([z.array(z.number()), z.string()]) })),
    usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
    verification: z.object({ verdict: z.literal("local"), model: hex }).meta({
      description:
        "Computed by the router itself with the registered model; whoever has the file gets the same numbers. No task, no charge.",
    }),
  })
  .meta({ title: "Embeddings" });
export type Embeddings = z.infer<typeof embeddingsSchema>;

export const modelSchema = z
  .object({
    id: z.string(),
    object: z.literal("model"),
    created: z.int(),
    owned_by: z.string(),
    sha256: hex,
    kind: z.enum(["generation", "embedding"]),
    quantisation: z.string().optional(),
    context_length: z.int(),
    max_prompt_tokens: z.int().optional(),
    max_tokens: z.int().optional(),
    pricing: z.object({ per_1000_tokens: amount, redundancy: z.int(), quorum: z.int(), bounty: amount }).optional().meta({
      description: "Price of 1,000 tokens in one node's answer, of which `redundancy` are paid for, and what a settlement costs.",
    }),
  })
  .meta({ title: "Model" });
export type ModelReply = z.infer<typeof modelSchema>;
export const modelsSchema = z.object({ object: z.literal("list"), data: z.array(modelSchema) }).meta({ title: "Models" });

export const taskSchema = z
  .object({
    task: z.string(),
    session: z.int(),
    phase: z.string(),
    status: z.string(),
    model: hex,
    manifest: hex,
    max_tokens: z.int(),
    redundancy: z.int(),
    quorum: z.int(),
    seed_block: z.int(),
    commits_until: z.int(),
    committee: z.array(member).nullable(),
    committed: z.array(z.object({ seat: z.int(), node: z.int(), commitment: hex })),
    revealed: z.array(z.int()),
    settled: z
      .object({
        transaction: z.string(),
        block: z.int(),
        charged: amount,
        outcomes: z.array(z.object({ canonical_seat: z.int().nullable(), accepted: z.int() })),
      })
      .nullable(),
  })
  .meta({ title: "Task" });
export type TaskReply = z.infer<typeof taskSchema>;

export const usageReplySchema = z
  .object({
    key: z.string(),
    name: z.string(),
    day: z.string(),
    requests: z.int(),
    prompt_tokens: z.int(),
    completion_tokens: z.int(),
    charged: amount,
    held: amount.meta({ description: "For requests in progress, at most; COR base units." }),
    limits: z.object({
      per_minute: z.int().nullable(),
      concurrent: z.int().nullable(),
      spend_per_day: amount.nullable(),
      expires_at: z.int().nullable(),
    }),
  })
  .meta({ title: "KeyUsage" });
export type UsageReply = z.infer<typeof usageReplySchema>;

export const errorSchema = z
  .object({
    error: z.looseObject({
      message: z.string(),
      type: z.string(),
      param: z.string().nullable(),
      code: z.string(),
      retryable: z.boolean().meta({ description: "Whether the same request may succeed later." }),
      task_id: z.string().nullable(),
    }),
  })
  .meta({ title: "Error" });

export const healthSchema = z.looseObject({ status: z.enum(["starting", "ok", "degraded", "draining"]) }).meta({ title: "Health" });
export const acceptedSchema = z.object({ accepted: z.literal(true) }).meta({ title: "Accepted" });
