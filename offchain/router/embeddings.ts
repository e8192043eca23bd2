import type { Engine } from "../inference/engine.ts";
import type { ModelEntry } from "../inference/models.ts";
import { ApiError } from "./apiError.ts";
import type { Embeddings } from "./replySchemas.ts";
import type { EmbeddingRequest } from "./requests.ts";

/** Texts' embeddings by the registered embedding model, computed here: the same file gives everybody the same numbers, so no task is needed. */
export async function embeddingsOf(
  { model, inputs, base64, dimensions }: EmbeddingRequest,
  engine: Pick<Engine, "embed" | "tokenCount">,
  entry: Pick<ModelEntry, "id" | "sha256">,
  signal: AbortSignal,
): Promise<Embeddings> {
  if (![entry.id, entry.sha256, `0x${entry.sha256}`].includes(model))
    throw new ApiError(404, `found model ${JSON.stringify(model)}, wanted the embedding model: ${entry.id}`, {
      code: "model_not_found",
      param: "model",
    });
  const data: Embeddings["data"] = [];
  let tokens = 0;
  for (const [index, text] of inputs.entries()) {
    const vector = await engine.embed(text, { signal });
    if (dimensions !== undefined && dimensions !== vector.length)
      throw new ApiError(400, `found dimensions ${dimensions}, wanted ${vector.length} or none: the model gives no others`, {
        code: "invalid_value",
        param: "dimensions",
      });
    tokens += await engine.tokenCount([{ role: "user", content: text }], { signal });
    data.push({ object: "embedding", index, embedding: base64 ? Buffer.from(new Float32Array(vector).buffer).toString("base64") : vector });
  }
  return {
    object: "list",
    model: entry.id,
    data,
    usage: { prompt_tokens: tokens, total_tokens: tokens },
    verification: { verdict: "local", model: `0x${entry.sha256}` },
  };
}
