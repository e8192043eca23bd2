import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { EngineError, ModelHashMismatch } from "./engine.ts";

const entrySchema = z.object({
  id: z.string().min(1),
  /** Relative to the registry's folder. */
  file: z.string().min(1),
  bytes: z.int().positive(),
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  quantisation: z.string().min(1),
  contextTokens: z.int().min(16),
  kind: z.enum(["generation", "embedding"]),
});
const registrySchema = z.object({ default: z.string(), models: z.array(entrySchema).min(1) });

/** A model this node may run, and where its file is. */
export type ModelEntry = z.infer<typeof entrySchema> & { path: string };

export interface ModelList {
  /** Id of the model that is used where none is named. */
  default: string;
  models: ModelEntry[];
}

/** Reads registry.json. Throws EngineError RegistryInvalid, which names the file and what is wrong in it. */
export async function loadModels(registryFile: string): Promise<ModelList> {
  const parsed = registrySchema.safeParse(await readJson(registryFile));
  if (!parsed.success)
    throw new EngineError("RegistryInvalid", `found an invalid model registry ${registryFile}: ${z.prettifyError(parsed.error)}`);
  const folder = path.dirname(registryFile);
  return { ...parsed.data, models: parsed.data.models.map((entry) => ({ ...entry, path: path.resolve(folder, entry.file) })) };
}

/** The entry with this id; the default one of the list where no id is given. Throws EngineError ModelUnknown with the ids there are. */
export function modelNamed(list: ModelList, id: string = list.default): ModelEntry {
  const entry = list.models.find((model) => model.id === id);
  if (entry) return entry;
  const known = list.models.map((model) => model.id).join(", ");
  throw new EngineError("ModelUnknown", `found no model ${JSON.stringify(id)} in the registry, wanted one of: ${known}`);
}

/** Hashes the model's file as a stream. Throws ModelHashMismatch, or EngineError ModelMissing. */
export async function verifyModelFile(entry: Pick<ModelEntry, "id" | "path" | "sha256">): Promise<void> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(entry.path, { highWaterMark: 1024 * 1024 }), hash);
  } catch (error) {
    throw new EngineError(
      "ModelMissing",
      `found no readable model file ${entry.path} (${(error as NodeJS.ErrnoException).code}); put the file of ${entry.id} with sha256 ${entry.sha256} there`,
    );
  }
  const found = hash.digest("hex");
  if (found !== entry.sha256) throw new ModelHashMismatch(entry.path, found, entry.sha256);
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    throw new EngineError("RegistryInvalid", `found no readable JSON in ${file}: ${(error as Error).message}`);
  }
}
