import type { FastifyInstance } from "fastify";
import type { Digest } from "./contentId.ts";
import { checkedDigest } from "./contentId.ts";
import { type Announcement, boxSchema, isSealed, openBox, SealError, unseal } from "./sealing.ts";

const MOST_MANIFESTS = 4_096;
const MOST_KEYS = 4;

/** Keys of sealed tasks that clients handed to this node. In memory only: a client hands its key again until the node has answered. */
export class KeyBoxes {
  /** What this node tells of its sealing key; undefined until it knows who it is. */
  announcement: Announcement | undefined;
  readonly #secret: Uint8Array;
  readonly #keys = new Map<string, Uint8Array[]>();

  constructor(secret: Uint8Array) {
    this.#secret = secret;
  }

  /** Takes a box for a manifest. Throws SealError SealBroken where it is for somebody else. */
  take(manifest: Digest, box: unknown, node: number): void {
    const parsed = boxSchema.safeParse(box);
    if (!parsed.success) throw new SealError("SealBroken", `found no box: ${parsed.error.issues[0]!.message}`);
    const key = openBox(parsed.data, this.#secret, manifest, node);
    const known = this.#keys.get(manifest) ?? [];
    if (known.some((one) => one.every((byte, i) => byte === key[i]))) return;
    // A stranger's wrong keys push out each other; the client hands the right one again.
    this.#keys.delete(manifest);
    this.#keys.set(manifest, [...known, key].slice(-MOST_KEYS));
    if (this.#keys.size > MOST_MANIFESTS) this.#keys.delete(this.#keys.keys().next().value!);
  }

  /** A manifest's bytes and, where they are sealed, the key that opened them. Throws SealError SealKeyMissing, retryable. */
  opened(manifest: Digest, bytes: Uint8Array): { bytes: Uint8Array; key: Uint8Array | undefined } {
    if (!isSealed(bytes)) return { bytes, key: undefined };
    for (const key of this.#keys.get(manifest) ?? []) {
      try {
        return { bytes: unseal(key, bytes), key };
      } catch {
        // Another box may hold the right one.
      }
    }
    throw new SealError("SealKeyMissing", `the manifest ${manifest} is sealed, and its key has not come yet`);
  }
}

/** Fastify plugin: GET /sealing-key, and PUT /sealed/:manifest with a box for this node. */
// eslint-disable-next-line @typescript-eslint/require-await -- Fastify waits for a promise where a plugin takes no callback.
export async function keyBoxRoutes(server: FastifyInstance, { boxes }: { boxes: KeyBoxes }): Promise<void> {
  const told = (code: string, message: string) => ({
    error: { message, type: "invalid_request_error", param: null, code, retryable: code === "NotYet", task_id: null },
  });
  server.get("/sealing-key", async (_request, reply) => {
    const found = boxes.announcement;
    return await (found === undefined ? reply.code(503).send(told("NotYet", "the node is starting; try again")) : reply.send(found));
  });
  server.put<{ Params: { manifest: string } }>("/sealed/:manifest", { bodyLimit: 1_024 }, async (request, reply) => {
    const node = boxes.announcement?.node;
    if (node === undefined) return await reply.code(503).send(told("NotYet", "the node is starting; try again"));
    try {
      boxes.take(checkedDigest(request.params.manifest), request.body, node);
    } catch (error) {
      const { code, message } = error as { code?: string; message: string };
      return await reply.code(400).send(told(code ?? "BadRequest", message));
    }
    return await reply.code(202).send({ accepted: true });
  });
}
