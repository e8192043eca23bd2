import { canonicalJsonBytes } from "../protocol/canonicalJson.ts";
import { type Manifest, ManifestError, manifestBytes, MAX_MANIFEST_BYTES, parseManifest } from "../protocol/manifest.ts";
import { answerFormatSchema, type AnswerFormat } from "./answerFormat.ts";

/** A manifest, and what its answers must look like where that is said. A manifest without a format has the protocol's own bytes. */
export interface TaskManifest extends Manifest {
  format?: AnswerFormat | undefined;
}

/** The manifest's canonical bytes. Throws ManifestError. */
export function taskManifestBytes({ format, ...manifest }: TaskManifest): Uint8Array {
  const plain = manifestBytes(manifest);
  if (format === undefined) return plain;
  const bytes = canonicalJsonBytes({ ...manifest, format });
  if (bytes.length <= MAX_MANIFEST_BYTES) return bytes;
  throw new ManifestError("ManifestTooLarge", `found a manifest of ${bytes.length} bytes, wanted at most ${MAX_MANIFEST_BYTES}`);
}

/** Reads a manifest. Throws ManifestError. */
export function parseTaskManifest(bytes: Uint8Array): TaskManifest {
  const found = bytes.length <= MAX_MANIFEST_BYTES ? objectIn(bytes) : undefined;
  if (found === undefined || !("format" in found)) return parseManifest(bytes);
  const { format, ...manifest } = found;
  const checked = answerFormatSchema.safeParse(format);
  if (!checked.success)
    throw new ManifestError("ManifestInvalid", `the manifest is not valid: format: ${checked.error.issues[0]!.message}`);
  return { ...parseManifest(canonicalJsonBytes(manifest)), format: checked.data };
}

function objectIn(bytes: Uint8Array): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    return value !== null && typeof value === "object" && !Array.isArray(value) ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
