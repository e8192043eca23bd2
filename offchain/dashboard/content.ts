import { base32 } from "multiformats/bases/base32";

/** CIDv1, raw, sha2-256: what comes before the digest. */
const PREFIX = [0x01, 0x55, 0x12, 0x20];
const MOST_BYTES = 4 * 1024 * 1024;

/** The content id of a digest (0x hex). */
export function cidOf(digest: string): string {
  const bytes = digest
    .slice(2)
    .match(/../g)!
    .map((pair) => parseInt(pair, 16));
  return base32.encode(Uint8Array.from([...PREFIX, ...bytes]));
}

/** Content by its digest, checked against it; undefined where this server does not have it. */
export async function contentOf(digest: string, signal?: AbortSignal): Promise<Uint8Array | undefined> {
  const response = await fetch(`/content/${cidOf(digest)}`, { signal: signal ?? null });
  if (!response.ok) return undefined;
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length > MOST_BYTES) throw new Error(`found ${bytes.length} bytes, wanted at most ${MOST_BYTES}`);
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  const found = `0x${Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("")}`;
  if (found !== digest) throw new Error(`the server sent bytes of ${found.slice(0, 18)}…, wanted ${digest.slice(0, 18)}…`);
  return bytes;
}

export const textOf = (bytes: Uint8Array): string => new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
