import { CarReader, CarWriter } from "@ipld/car";
import type { FastifyInstance } from "fastify";
import { CID } from "multiformats/cid";
import { cidOf, digestOf, digestOfCid, type Digest } from "./contentId.ts";
import type { LocalStore } from "./localStore.ts";
import { ContentError, DEFAULT_MAX_BYTES, type ContentLimits } from "./store.ts";

const RAW = "application/vnd.ipld.raw";
const CAR = "application/vnd.ipld.car";
const TIMEOUT_MS = 10_000;

/** Content as a CAR (version 1): one raw block for each digest, the roots in that order. Throws what the store throws. */
export async function exportCar(store: LocalStore, digests: readonly Digest[]): Promise<Uint8Array> {
  const roots = digests.map((digest) => CID.parse(cidOf(digest)));
  const { writer, out } = CarWriter.create(roots);
  const chunks: Uint8Array[] = [];
  const collected = (async () => {
    for await (const chunk of out) chunks.push(chunk);
  })();
  for (const [i, digest] of digests.entries()) await writer.put({ cid: roots[i]!, bytes: await store.get(digest) });
  await writer.close();
  await collected;
  return Buffer.concat(chunks);
}

/** Takes a CAR's blocks in, each only where its bytes hash to its id. Throws ContentError PeerLied, ContentTooLarge, InvalidContentId. */
export async function importCar(store: LocalStore, car: Uint8Array, maxBytes = DEFAULT_MAX_BYTES): Promise<Digest[]> {
  const reader = await CarReader.fromBytes(car).catch((error: unknown) => {
    throw new ContentError("InvalidContentId", `found no CAR: ${(error as Error).message}`);
  });
  const taken: Digest[] = [];
  for await (const { cid, bytes } of reader.blocks()) {
    const wanted = digestOfCid(cid.toString());
    if (bytes.length > maxBytes)
      throw new ContentError("ContentTooLarge", `found a block of ${bytes.length} bytes, wanted at most ${maxBytes}`);
    if (digestOf(bytes) !== wanted) throw new ContentError("PeerLied", `found a block that does not hash to ${cid.toString()}`);
    taken.push(await store.put(bytes));
  }
  return taken;
}

/** Fastify plugin: a trustless gateway, GET /ipfs/:cid as a raw block or, with ?format=car or by Accept, as a CAR. What it gives can be checked by its id. */
// eslint-disable-next-line @typescript-eslint/require-await -- Fastify waits for a promise where a plugin takes no callback.
export async function ipfsGateway(server: FastifyInstance, { store }: { store: LocalStore }): Promise<void> {
  server.get<{ Params: { cid: string }; Querystring: { format?: string } }>("/ipfs/:cid", async (request, reply) => {
    const { cid } = request.params;
    try {
      const digest = digestOfCid(cid);
      const asCar = request.query.format === "car" || (request.headers.accept ?? "").includes(CAR);
      const bytes = asCar ? await exportCar(store, [digest]) : await store.get(digest);
      return await reply
        .type(asCar ? CAR : RAW)
        .header("etag", `"${cid}.${asCar ? "car" : "raw"}"`)
        .header("cache-control", "public, max-age=29030400, immutable")
        .header("x-content-type-options", "nosniff")
        .send(Buffer.from(bytes));
    } catch (error) {
      const { code } = error as { code?: string };
      return await reply.code(code === "InvalidContentId" ? 400 : 404).send({ error: { code: code ?? "ContentNotFound" } });
    }
  });
}

/** Content from any trustless gateway; nothing is believed that does not hash to its id. Redirects are not followed. */
export class IpfsGatewayClient {
  readonly name: string;
  readonly #base: string;

  /** `base`: http(s) URL of a gateway, for example https://trustless-gateway.link. */
  constructor(base: string) {
    this.#base = base.replace(/\/+$/, "");
    this.name = `gateway ${this.#base}`;
  }

  /** Throws ContentError PeerLied, ContentTooLarge, ContentNotFound, PeerRefused, PeerUnavailable. */
  async get(digest: Digest, { signal, maxBytes = DEFAULT_MAX_BYTES }: ContentLimits = {}): Promise<Uint8Array> {
    const timeout = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(`${this.#base}/ipfs/${cidOf(digest)}?format=raw`, {
      headers: { accept: RAW, "accept-encoding": "identity" },
      redirect: "manual",
      signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
    }).catch((error: unknown) => {
      signal?.throwIfAborted();
      throw new ContentError("PeerUnavailable", `${this.name} did not answer: ${(error as Error).message}`, true);
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      const code = response.status === 404 ? "ContentNotFound" : "PeerRefused";
      throw new ContentError(code, `${this.name} answered with status ${response.status}, wanted 200`, true);
    }
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > maxBytes) throw new ContentError("ContentTooLarge", `${this.name} sent more than ${maxBytes} bytes`);
      chunks.push(chunk);
    }
    const bytes = Buffer.concat(chunks, size);
    if (digestOf(bytes) !== digest) throw new ContentError("PeerLied", `${this.name} sent bytes that do not hash to ${digest}`);
    return bytes;
  }
}
