import { z } from "zod";
import { canonicalJsonBytes } from "./canonicalJson.ts";

/** Most prompts one manifest carries. */
export const MAX_PROMPTS = 1024;
/** Most bytes of one manifest. */
export const MAX_MANIFEST_BYTES = 256 * 1024;
const MAX_MESSAGES = 256;

export const messageSchema = z.strictObject({ role: z.enum(["system", "user", "assistant"]), content: z.string() });

/** One conversation; the model answers its last message, so that one is the user's. */
export const messagesSchema = z
  .array(messageSchema)
  .min(1)
  .max(MAX_MESSAGES)
  .refine((messages) => messages.at(-1)?.role === "user", "the last message must have the role user");

/** How an answer is drawn. Every value is explicit, because an engine's defaults would change the answer unseen. */
export const samplingSchema = z.strictObject({
  /** 0 is greedy. */
  temperature: z.number().min(0).max(2),
  /** 1 switches it off. */
  topP: z.number().gt(0).max(1),
  /** 0 switches it off. */
  topK: z.int().min(0).max(1000),
  /** Absent or 0 switches it off. */
  minP: z.number().min(0).max(1).optional(),
  /** The client's own seed; mixed into the public seed of every position. */
  seed: z.int().min(0),
  maxTokens: z.int().min(1).max(32_768),
  stop: z.array(z.string().min(1).max(64)).max(4),
  /** 0 switches it off. */
  frequencyPenalty: z.number().min(-2).max(2),
  /** 0 switches it off. */
  presencePenalty: z.number().min(-2).max(2),
  /** 1 switches it off. */
  repeatPenalty: z.number().min(0.5).max(2),
});

const manifestSchema = z
  .strictObject({
    v: z.literal(1),
    service: z.enum(["chat", "completion"]),
    prompts: z
      .array(z.strictObject({ messages: messagesSchema }))
      .min(1)
      .max(MAX_PROMPTS),
    sampling: samplingSchema,
  })
  .refine((manifest) => manifest.service === "chat" || manifest.prompts.every((prompt) => prompt.messages.length === 1), {
    message: "a completion has exactly one message in each prompt",
    path: ["prompts"],
  });

export type Message = z.infer<typeof messageSchema>;
export type Sampling = z.infer<typeof samplingSchema>;
/** What a task asks for: n prompts under one set of sampling rules. Its bytes are content; the chain holds their digest. */
export type Manifest = z.infer<typeof manifestSchema>;

export class ManifestError extends Error {
  readonly code: "ManifestInvalid" | "ManifestTooLarge";
  readonly retryable = false;
  constructor(code: ManifestError["code"], message: string) {
    super(message);
    this.name = "ManifestError";
    this.code = code;
  }
}

/** The manifest's canonical bytes; the same manifest always gives the same bytes. Throws ManifestError. */
export function manifestBytes(manifest: Manifest): Uint8Array {
  const bytes = canonicalJsonBytes(checked(manifest));
  checkSize(bytes);
  return bytes;
}

/** Reads a manifest and refuses unknown keys, values out of range and too many prompts or bytes. Throws ManifestError. */
export function parseManifest(bytes: Uint8Array): Manifest {
  checkSize(bytes);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ManifestError("ManifestInvalid", `found ${bytes.length} bytes that are not JSON in UTF-8; wanted a manifest object`);
  }
  return checked(value);
}

function checked(value: unknown): Manifest {
  const outcome = manifestSchema.safeParse(value);
  if (outcome.success) return outcome.data;
  const issues = outcome.error.issues.slice(0, 5).map((issue) => `${issue.path.join(".") || "manifest"}: ${issue.message}`);
  throw new ManifestError("ManifestInvalid", `the manifest is not valid: ${issues.join("; ")}`);
}

function checkSize(bytes: Uint8Array): void {
  if (bytes.length <= MAX_MANIFEST_BYTES) return;
  throw new ManifestError(
    "ManifestTooLarge",
    `found a manifest of ${bytes.length} bytes, wanted at most ${MAX_MANIFEST_BYTES}; split the prompts over several tasks`,
  );
}
