import { z } from "zod";
import { verificationSchema } from "./replySchemas.ts";

/** Replies of the routes that are not OpenAI's: sessions, nodes, results, proofs, requests, verdicts. */

const hex = z.string().regex(/^0x[0-9a-f]+$/i);
const amount = z.string().regex(/^\d+$/).meta({ description: "COR base units." });

export const sessionSchema = z
  .object({
    session: z.int(),
    model: z.string(),
    level: z.int(),
    closed: z.boolean(),
    redundancy: z.int(),
    quorum: z.int(),
    validators: z.boolean(),
    price_per_1000_tokens: amount,
    max_prompts: z.int(),
    max_prompt_tokens: z.int(),
    max_tokens: z.int(),
    lease: z.object({ lease: z.int(), until: z.int(), nodes: z.int() }).nullable(),
    available: amount,
    locked: amount,
    open_tasks: z.int(),
  })
  .meta({ title: "Session" });
export type SessionReply = z.output<typeof sessionSchema>;
export const sessionsSchema = z.object({ object: z.literal("list"), data: z.array(sessionSchema) }).meta({ title: "Sessions" });

export const nodesSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(z.object({ node: z.int(), operator: z.string(), endpoint: z.string().nullable(), sessions: z.array(z.int()) })),
  })
  .meta({ title: "Nodes", description: "The nodes that are leased to this router's sessions." });

export const taskListSchema = z
  .object({
    object: z.literal("list"),
    data: z.array(z.object({ task: z.string(), session: z.int(), status: z.string(), prompts: z.int(), block: z.int().nullable() })),
  })
  .meta({ title: "Tasks", description: "Recent tasks, the newest first." });

export const resultsSchema = z
  .object({
    task: z.string(),
    prompts: z.array(
      z.object({
        prompt: z.int(),
        text: z
          .string()
          .nullable()
          .meta({ description: "The canonical answer; null where nodes did not agree, or where the task is sealed." }),
        finish: z.enum(["stop", "length"]).nullable(),
        answers: verificationSchema.shape.answers,
      }),
    ),
  })
  .meta({ title: "Results" });

export const proofSchema = z
  .object({
    session: z.int(),
    task: z.string(),
    prompt: z.int(),
    transactions: z.object({ submitted: hex, settled: hex }),
    committee: verificationSchema.shape.committee,
    agreement: verificationSchema.shape.agreement,
    digest: hex,
    charged: amount,
  })
  .meta({ title: "Proof", description: "What the SDK's verify() needs besides the text, to check an answer against the chain alone." });

export const eventsSchema = z
  .object({
    object: z.literal("list"),
    task: z.string(),
    data: z.array(
      z.looseObject({
        seq: z.int().meta({ description: "1 for the first event of the task, and so on; the same after a restart." }),
        kind: z.string(),
        block: z.int(),
        transaction: z.string(),
      }),
    ),
  })
  .meta({ title: "TaskEvents" });

export const requestSchema = z
  .object({
    id: z.string(),
    object: z.literal("request"),
    status: z.enum(["open", "done", "failed"]),
    created: z.int(),
    reply: z.looseObject({}).nullable().meta({ description: "What the endpoint would have answered." }),
    error: z.looseObject({}).nullable(),
  })
  .meta({ title: "Request" });

export const verdictSchema = z
  .object({
    verdict: z.enum(["VALID", "INVALID", "RETRY", "NEEDS_SPEC"]),
    reason: z.string(),
    evidence: z.object({
      checks: z.array(z.object({ name: z.string(), ok: z.boolean(), detail: z.string() })),
      text: z.string().optional(),
      proof: proofSchema.optional(),
      verification: verificationSchema.optional(),
      error: z.object({ code: z.string(), task_id: z.string().nullable() }).optional(),
    }),
  })
  .meta({ title: "Verdict" });
