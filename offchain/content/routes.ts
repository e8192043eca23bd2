import type { FastifyInstance, FastifyReply } from "fastify";
import { cidOf, digestOf, digestOfCid } from "./contentId.ts";
import type { LocalStore } from "./localStore.ts";
import { DEFAULT_MAX_BYTES } from "./store.ts";

export interface ContentRoutesOptions {
  /** Only the node's own store: a store that asks peers would let nodes ask each other in a ring. */
  store: LocalStore;
  /** Largest content served or taken. */
  maxBytes?: number;
  /** Strangers' content is refused once the store holds this much, so that the node's own results always find room. */
  quotaBytes?: number;
}

type Refusal = "InvalidContentId" | "ContentNotFound" | "ContentTooLarge" | "ContentMismatch" | "StoreFull" | "BadRequest";
const STATUS: Record<Refusal, number> = {
  InvalidContentId: 400,
  BadRequest: 400,
  ContentNotFound: 404,
  ContentTooLarge: 413,
  ContentMismatch: 422,
  StoreFull: 507,
};

/** Content that is not here may come, and a full store may find room. */
const RETRYABLE: Refusal[] = ["ContentNotFound", "StoreFull"];

const DEFAULT_QUOTA_BYTES = 1024 ** 3;

/** Fastify plugin: GET, HEAD and PUT /content/:cid over a local store. Errors have the form of OpenAI's: {error: {message, type, param, code, retryable, task_id}}. */
// eslint-disable-next-line @typescript-eslint/require-await -- Fastify waits for a promise where a plugin takes no callback.
export async function contentRoutes(
  server: FastifyInstance,
  { store, maxBytes = DEFAULT_MAX_BYTES, quotaBytes = DEFAULT_QUOTA_BYTES }: ContentRoutesOptions,
): Promise<void> {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser("*", { parseAs: "buffer", bodyLimit: maxBytes }, (_request, body, done) => done(null, body));

  server.setErrorHandler((error: Error & { code?: string; statusCode?: number }, _request, reply) => {
    const code = error.code === "FST_ERR_CTP_BODY_TOO_LARGE" ? "ContentTooLarge" : error.code;
    // The store's own words name its folder, which is nobody's business.
    if (code === "ContentNotFound" || code === "ContentCorrupt") return refuse(reply, "ContentNotFound", "found no content under this id");
    if (code !== undefined && code in STATUS) return refuse(reply, code as Refusal, error.message);
    if (error.statusCode !== undefined && error.statusCode < 500) return refuse(reply, "BadRequest", error.message);
    throw error;
  });

  server.get<{ Params: { cid: string } }>("/content/:cid", async (request, reply) => {
    const bytes = await store.get(digestOfCid(request.params.cid), { maxBytes });
    return await reply
      .header("content-type", "application/octet-stream")
      .header("cache-control", "public, max-age=31536000, immutable")
      .header("etag", `"${request.params.cid}"`)
      .header("x-content-type-options", "nosniff")
      .send(bytes);
  });

  server.put<{ Params: { cid: string } }>("/content/:cid", { bodyLimit: maxBytes }, async (request, reply) => {
    const wanted = digestOfCid(request.params.cid);
    const bytes = request.body instanceof Uint8Array ? request.body : new Uint8Array();
    const found = digestOf(bytes);
    if (found !== wanted)
      return await refuse(
        reply,
        "ContentMismatch",
        `found bytes of ${cidOf(found)}, wanted those of ${request.params.cid}; put them under their own id`,
      );
    if (await store.has(wanted)) return await reply.code(200).send({ cid: request.params.cid });
    if (store.usedBytes + bytes.length > quotaBytes)
      return await refuse(reply, "StoreFull", `the store holds ${store.usedBytes} of ${quotaBytes} bytes; put the content elsewhere`);
    await store.put(bytes);
    return await reply.code(201).send({ cid: request.params.cid });
  });
}

function refuse(reply: FastifyReply, code: Refusal, message: string): FastifyReply {
  const status = STATUS[code];
  const type = status < 500 ? "invalid_request_error" : "server_error";
  const error = { message, type, param: null, code, retryable: RETRYABLE.includes(code), task_id: null };
  return reply.code(status).header("cache-control", "no-store").send({ error });
}
