import { z } from "zod";
import { messagesSchema, samplingSchema } from "../protocol/manifest.ts";
import { answerFormatSchema } from "./answerFormat.ts";
import type { ChildRequest } from "./childMessages.ts";
import { EngineError } from "./engine.ts";

const tokenIdSchema = z.int().min(0);
const claimSchema = z.object({
  engineClass: z.string().max(1024),
  finish: z.enum(["stop", "length"]),
  tokens: z.array(tokenIdSchema),
  top: z.array(z.array(z.tuple([tokenIdSchema, z.number().max(0)]))),
});
const ruleSchema = z.object({
  minMatch: z.number(),
  freeMisses: z.number(),
  nearNats: z.number(),
  farMisses: z.number(),
  flagDelta: z.number(),
  maxDelta: z.number(),
});
const common = {
  messages: messagesSchema,
  sampling: samplingSchema,
  format: answerFormatSchema.optional(),
  jobSeed: z.string().min(1).max(256),
};
/** Requests are rebuilt from this list; what it does not name does not reach the engine. */
const requestSchema = z.discriminatedUnion("kind", [
  z.object({ kind: z.literal("tokenCount"), messages: messagesSchema }),
  z.object({ kind: z.literal("complete"), ...common }),
  z.object({ kind: z.literal("verify"), ...common, claim: claimSchema, rule: ruleSchema }),
  z.object({ kind: z.literal("likelihood"), messages: messagesSchema, text: z.string() }),
  z.object({ kind: z.literal("grammar"), format: answerFormatSchema }),
  z.object({ kind: z.literal("embed"), text: z.string() }),
]);

/** The request with only what the list names. Throws EngineError InvalidRequest. */
export function checkedRequest(request: ChildRequest): ChildRequest {
  const outcome = requestSchema.safeParse(request);
  if (outcome.success) return outcome.data;
  const issue = outcome.error.issues[0];
  throw new EngineError("InvalidRequest", `the request is not valid: ${issue?.path.join(".") || "request"}: ${issue?.message}`);
}
