import { randomUUID } from "node:crypto";
import { mkdir, open, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { checkedDigest, digestOf, type Digest } from "./contentId.ts";
import { ContentError, DEFAULT_MAX_BYTES, type ContentLimits, type ContentStore } from "./store.ts";

/** A temporary file this old belongs to a writer that died. */
const STALE_AFTER_MS = 60 * 60 * 1000;

/** Content in a folder, one file for each digest: <folder>/<first two hex digits>/<digest>. Several processes may share it. */
export class LocalStore implements ContentStore {
  readonly name: string;
  readonly #folder: string;
  readonly #temporary: string;
  readonly #writing = new Map<Digest, Promise<void>>();
  #usedBytes = 0;

  private constructor(folder: string) {
    this.name = `folder ${folder}`;
    this.#folder = folder;
    this.#temporary = path.join(folder, "tmp");
  }

  /** Opens the folder, makes it where it is missing, and sweeps what dead writers left. */
  static async open(folder: string): Promise<LocalStore> {
    const store = new LocalStore(path.resolve(folder));
    await mkdir(store.#temporary, { recursive: true });
    for (const entry of await readdir(store.#folder, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      const found = await stat(file).catch(() => undefined);
      if (entry.parentPath !== store.#temporary) store.#usedBytes += found?.size ?? 0;
      else if (found && Date.now() - found.mtimeMs > STALE_AFTER_MS) await rm(file, { force: true });
    }
    return store;
  }

  /** Bytes of content in the folder: what was there when it was opened, and what this process has written since. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** On disk, synced and under its name when this returns; a crash leaves the whole file or none. Replaces a corrupt file. */
  async put(bytes: Uint8Array): Promise<Digest> {
    const digest = digestOf(bytes);
    // Writers of the same bytes share one write, so that usedBytes counts it once.
    const writing = this.#writing.get(digest) ?? this.#write(digest, bytes).finally(() => this.#writing.delete(digest));
    this.#writing.set(digest, writing);
    await writing;
    return digest;
  }

  /** Throws ContentNotFound, ContentTooLarge, or ContentCorrupt when the file's bytes no longer hash to its name. */
  async get(digest: Digest, { signal, maxBytes = DEFAULT_MAX_BYTES }: ContentLimits = {}): Promise<Uint8Array> {
    signal?.throwIfAborted();
    const bytes = await this.#read(digest, maxBytes);
    if (digestOf(bytes) !== digest)
      throw new ContentError(
        "ContentCorrupt",
        `found ${this.#fileOf(digest)} with other bytes than its name says; fetch the content again`,
      );
    return bytes;
  }

  /** False too where the file is there but corrupt. */
  async has(digest: Digest): Promise<boolean> {
    return await this.get(digest, { maxBytes: Infinity }).then(
      () => true,
      (error: unknown) => {
        if (error instanceof ContentError && error.code !== "InvalidContentId") return false;
        throw error;
      },
    );
  }

  async #write(digest: Digest, bytes: Uint8Array): Promise<void> {
    if (await this.has(digest)) return;
    const file = this.#fileOf(digest);
    const temporary = path.join(this.#temporary, randomUUID());
    try {
      await writeSynced(temporary, bytes);
      await mkdir(path.dirname(file), { recursive: true });
      const replaced = await stat(file).catch(() => undefined);
      await rename(temporary, file);
      this.#usedBytes += bytes.length - (replaced?.size ?? 0);
    } finally {
      await rm(temporary, { force: true });
    }
    await syncFolder(path.dirname(file));
  }

  async #read(digest: Digest, maxBytes: number): Promise<Uint8Array> {
    const file = this.#fileOf(digest);
    try {
      const { size } = await stat(file);
      if (size > maxBytes) throw new ContentError("ContentTooLarge", `found ${size} bytes under ${digest}, wanted at most ${maxBytes}`);
      return await readFile(file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      throw new ContentError("ContentNotFound", `found no content ${digest} in ${this.name}`, true);
    }
  }

  #fileOf(digest: Digest): string {
    const hex = checkedDigest(digest).slice(2);
    return path.join(this.#folder, hex.slice(0, 2), hex);
  }
}

async function writeSynced(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, "wx");
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
