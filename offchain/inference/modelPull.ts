import { createHash, type Hash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { EngineError, ModelHashMismatch } from "./engine.ts";

export interface PullOptions {
  url: string;
  /** Where the file goes once its hash is right; what is not finished lies beside it as .part. */
  file: string;
  /** 64 hex digits. */
  sha256: string;
  onProgress?: (done: number, total: number | undefined) => void;
  signal?: AbortSignal;
  /** Attempts after a broken connection, each going on where the last one ended; default 8. */
  retries?: number;
  /** Longest silence within the download, default 30 s. */
  stallMs?: number;
}

const FIRST_PAUSE_MS = 500;

/**
 * Downloads a file with resume: a part that is there is kept, hashed, and continued by a Range request. The file appears under its name only once
 * its sha256 is right. Returns its size. Throws ModelHashMismatch (the part is removed), EngineError ModelMissing where the server does not give it.
 */
export async function pullFile(options: PullOptions): Promise<number> {
  const { url, file, sha256, signal, retries = 8, onProgress = () => {} } = options;
  const { protocol } = new URL(url);
  if (!/^https?:$/.test(protocol)) throw new EngineError("ModelMissing", `found ${protocol} in the model's address, wanted http or https`);
  await mkdir(path.dirname(file), { recursive: true });
  const part = `${file}.part`;
  for (let attempt = 0; ; attempt++) {
    const hash = createHash("sha256");
    const had = await hashed(part, hash);
    onProgress(had, undefined);
    try {
      const size = await fetchInto(part, had, hash, options);
      const found = hash.digest("hex");
      if (found !== sha256) {
        await rm(part, { force: true });
        throw new ModelHashMismatch(file, found, sha256);
      }
      await rename(part, file);
      return size;
    } catch (error) {
      signal?.throwIfAborted();
      if (error instanceof EngineError && !error.retryable) throw error;
      if (attempt >= retries)
        throw new EngineError(
          "ModelMissing",
          `the download broke off ${attempt + 1} times: ${(error as Error).message}; run it again to go on`,
        );
      await delay(Math.min(FIRST_PAUSE_MS * 2 ** attempt, 15_000), undefined, { signal });
    }
  }
}

/** Feeds what is there to the hash; returns how much it is. */
async function hashed(part: string, hash: Hash): Promise<number> {
  const found = await stat(part).catch(() => undefined);
  if (found === undefined) return 0;
  for await (const chunk of createReadStream(part, { highWaterMark: 1024 * 1024 })) hash.update(chunk as Buffer);
  return found.size;
}

async function fetchInto(
  part: string,
  had: number,
  hash: Hash,
  { url, onProgress = () => {}, signal, stallMs = 30_000 }: PullOptions,
): Promise<number> {
  const stall = new AbortController();
  const timer = setTimeout(() => stall.abort(new Error(`no byte for ${stallMs} ms`)), stallMs);
  const headers: Record<string, string> = { "accept-encoding": "identity", ...(had > 0 && { range: `bytes=${had}-` }) };
  try {
    const response = await fetch(url, { headers, signal: signal === undefined ? stall.signal : AbortSignal.any([signal, stall.signal]) });
    const [from, total] = rangeOf(response, had);
    // The whole part is there already: the server has nothing after it.
    if (response.status === 416) return had;
    if (from === undefined) {
      const retryable = response.status >= 500 || response.status === 429;
      throw new EngineError("ModelMissing", `the server answered ${response.status} for the model, wanted 200 or 206`, retryable);
    }
    if (from === 0 && had > 0) {
      // It does not resume: from the beginning, without what was hashed.
      await response.body?.cancel();
      await rm(part, { force: true });
      throw new EngineError("ModelMissing", "the server does not resume downloads", true);
    }
    const handle = await open(part, "a", 0o600);
    let size = had;
    try {
      for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
        timer.refresh();
        await handle.write(chunk);
        hash.update(chunk);
        size += chunk.length;
        onProgress(size, total);
      }
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (total !== undefined && size < total) throw new EngineError("ModelMissing", `${size} of ${total} bytes came`, true);
    return size;
  } finally {
    clearTimeout(timer);
  }
}

/** Where the answer's body starts, and the whole file's size; no start where the server gives no body. */
function rangeOf(response: Response, had: number): [from: number | undefined, total: number | undefined] {
  const length = Number(response.headers.get("content-length") ?? NaN);
  if (response.status === 200) return [0, Number.isFinite(length) ? length : undefined];
  if (response.status !== 206) return [undefined, undefined];
  const found = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(response.headers.get("content-range") ?? "");
  if (found === null || Number(found[1]) !== had) return [undefined, undefined];
  return [had, found[2] === "*" ? undefined : Number(found[2])];
}
