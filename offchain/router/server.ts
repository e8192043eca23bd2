import { randomUUID } from "node:crypto";
import Fastify, { type FastifyInstance, type FastifyRequest } from "fastify";
import type { LocalStore } from "../content/localStore.ts";
import { contentRoutes } from "../content/routes.ts";
import { EXIT, Fatal, oneLine } from "../runtime/exit.ts";
import type { Logger } from "../runtime/log.ts";
import type { Caller } from "./access.ts";
import { ApiError, toApiError } from "./apiError.ts";
import { apiRoutes, type ApiParts } from "./apiRoutes.ts";
import { isLoopback } from "./config.ts";
import { documented, HEALTH_DOC, openApi } from "./openapi.ts";

/** What /healthz says; 200 when `status` is "ok" or "draining", else 503. */
export interface Health {
  status: "starting" | "ok" | "degraded" | "draining";
  [field: string]: unknown;
}

export interface ServerParts extends Omit<ApiParts, "callerOf"> {
  content: LocalStore;
  health: () => Health;
  /** Answers requests that name another host than this machine; where false, a web page cannot reach the router by a name of its own. */
  allowRemote: boolean;
  log: Logger;
}

/** Nodes and clients may leave this much content here. */
const QUOTA_BYTES = 1024 ** 3;
const MAX_BODY_BYTES = 1024 * 1024;

/** The router's HTTP face, not listening yet. Every error is {error: {message, type, param, code, retryable, task_id}}; every answer has an x-request-id. */
export async function buildServer(parts: ServerParts): Promise<FastifyInstance> {
  const { content, health, allowRemote, log } = parts;
  const server = Fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: 30_000,
    keepAliveTimeout: 5_000,
    forceCloseConnections: "idle",
    http: { headersTimeout: 10_000 },
    genReqId: () => `req_${randomUUID()}`,
  });
  const callers = new WeakMap<FastifyRequest, Caller>();
  server.addHook("onRequest", async (request, reply) => {
    void reply.header("x-request-id", request.id).header("cache-control", "no-store");
    const host = URL.parse(`http://${request.headers.host ?? ""}`)?.hostname.replace(/^\[|\]$/g, "") ?? "";
    if (!allowRemote && !isLoopback(host))
      throw new ApiError(
        403,
        "found a request for another host, wanted one for this machine; use 127.0.0.1, or start with --allow-remote",
        { code: "wrong_host" },
      );
    if (request.url.startsWith("/v1/"))
      callers.set(request, parts.access.caller(request.headers.authorization, request.method === "POST" ? "complete" : "read"));
  });
  server.setErrorHandler(async (error, request, reply) => {
    const told = toApiError(error);
    // Nodes are often a block ahead and come again; that is no failure.
    if (told.status >= 500 && told.code !== "NotYet")
      log.warn({ request: request.id, status: told.status, code: told.code, error: oneLine(error) }, "a request failed");
    if (told.retryAfter !== undefined) void reply.header("retry-after", told.retryAfter);
    return await reply.code(told.status).send(told.body);
  });
  server.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split("?")[0]!.slice(0, 100);
    const told = new ApiError(404, `found no route ${request.method} ${path}; see GET /docs`, {
      code: "route_not_found",
    });
    return await reply.code(404).send(told.body);
  });
  await openApi(server);
  server.get("/healthz", { schema: documented(HEALTH_DOC) }, async (_request, reply) => {
    const body = health();
    return await reply.code(body.status === "ok" || body.status === "draining" ? 200 : 503).send(body);
  });
  apiRoutes(server, { ...parts, callerOf: (request) => callers.get(request)! });
  await server.register(contentRoutes, { store: content, quotaBytes: QUOTA_BYTES });
  return server;
}

/** Starts to listen; resolves with the base URL. Throws Fatal (inUse) where the port is taken. */
export async function listen(server: FastifyInstance, { host, port }: { host: string; port: number }): Promise<string> {
  try {
    return await server.listen({ host, port });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EADDRINUSE")
      throw new Fatal(EXIT.inUse, `found ${host}:${port} in use, wanted it free; stop what listens there or give another --listen`);
    throw new Fatal(
      EXIT.configInvalid,
      `found no way to listen on ${host}:${port} (${code}), wanted an address of this machine; give another --listen`,
    );
  }
}
