import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import cors from "@fastify/cors";
import websocket from "@fastify/websocket";
import Fastify, { type FastifyInstance, type FastifyPluginAsync, type FastifyRequest } from "fastify";
import type { LocalStore } from "../content/localStore.ts";
import { contentRoutes } from "../content/routes.ts";
import { EXIT, Fatal, oneLine } from "../runtime/exit.ts";
import type { Logger } from "../runtime/log.ts";
import type { Access, Caller } from "./access.ts";
import { ApiError, toApiError } from "./apiError.ts";
import { apiRoutes, type ApiParts } from "./apiRoutes.ts";
import { isLoopback } from "./config.ts";
import { documented, HEALTH_DOC, openApi } from "./openapi.ts";
import { serveSocket } from "./socket.ts";

/** What /healthz says; 200 when `status` is "ok" or "draining", else 503. */
export interface Health {
  status: "starting" | "ok" | "degraded" | "draining";
  [field: string]: unknown;
}

export interface ServerParts extends Omit<ApiParts, "callerOf"> {
  access: Access;
  content: LocalStore;
  health: () => Health;
  /** Answers requests that name another host than this machine; where false, a web page cannot reach the router by a name of its own. */
  allowRemote: boolean;
  /** Origins of web pages that may read answers, besides the router's own. */
  corsOrigins?: string[];
  /** Further routes, for example a dashboard's; registered last. */
  plugins?: FastifyPluginAsync[];
  log: Logger;
}

/** Nodes and clients may leave this much content here. */
const QUOTA_BYTES = 1024 ** 3;
const MAX_BODY_BYTES = 1024 * 1024;
const MOST_CONNECTIONS = 1_024;
const MOST_DEPTH = 64;
const EXPOSED = [
  "x-request-id",
  "x-task-id",
  "x-transaction",
  "payment-required",
  "payment-response",
  "retry-after",
  "idempotent-replayed",
  "location",
  ...["limit", "remaining", "reset"].flatMap((what) => [`x-ratelimit-${what}-requests`, `x-ratelimit-${what}-tokens`]),
];

/** The router's HTTP face, not listening yet. Every error is {error: {message, type, param, code, retryable, task_id}}; every answer has an x-request-id. */
export async function buildServer(parts: ServerParts): Promise<FastifyInstance> {
  const { content, health, access, allowRemote, corsOrigins = [], plugins = [], log } = parts;
  const server = Fastify({
    logger: false,
    bodyLimit: MAX_BODY_BYTES,
    requestTimeout: 30_000,
    keepAliveTimeout: 5_000,
    maxRequestsPerSocket: 1_000,
    forceCloseConnections: "idle",
    http: { headersTimeout: 10_000, connectionsCheckingInterval: 2_000 },
    clientErrorHandler: refuseSocket,
    genReqId: ({ headers }) => {
      const found = headers["x-request-id"];
      return typeof found === "string" && /^[\w.-]{1,128}$/.test(found) ? found : `req_${randomUUID()}`;
    },
  });
  server.server.maxConnections = MOST_CONNECTIONS;
  const parser = server.getDefaultJsonParser("error", "error");
  server.removeContentTypeParser("application/json");
  server.addContentTypeParser("application/json", { parseAs: "string" }, (request, body, done) => {
    if (tooDeep(body as string))
      return done(new ApiError(400, `found JSON of more than ${MOST_DEPTH} levels, wanted fewer`, { code: "invalid_json" }));
    return void parser(request, body as string, done);
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
    if (request.url.startsWith("/v1/socket")) return refuseOrigin(request, corsOrigins);
    if (request.method === "OPTIONS" || !/^\/(v1\/|mcp)/.test(request.url)) return;
    callers.set(request, access.caller(request.headers.authorization, request.method === "POST" ? "complete" : "read", request.ip));
  });
  // An upgrade that is refused leaves a socket that no HTTP timeout watches.
  server.addHook("onResponse", async ({ raw }) => {
    if (raw.headers.upgrade !== undefined) raw.socket.destroySoon();
    return await Promise.resolve();
  });
  if (corsOrigins.length > 0)
    await server.register(cors, {
      origin: corsOrigins,
      methods: ["GET", "HEAD", "POST", "PUT", "DELETE"],
      exposedHeaders: EXPOSED,
      maxAge: 600,
    });
  server.setErrorHandler(async (error, request, reply) => {
    const told = toApiError(error);
    // Nodes are often a block ahead and come again; that is no failure.
    if (told.status >= 500 && told.code !== "NotYet")
      log.warn({ request: request.id, status: told.status, code: told.code, error: oneLine(error) }, "a request failed");
    return await reply.code(told.status).headers(told.headers).send(told.body);
  });
  server.setNotFoundHandler(async (request, reply) => {
    const path = request.url.split("?")[0]!.slice(0, 100);
    const told = new ApiError(404, `found no route ${request.method} ${path}; see GET /docs`, {
      code: "route_not_found",
    });
    return await reply.code(404).send(told.body);
  });
  await server.register(websocket, { options: { maxPayload: MAX_BODY_BYTES, perMessageDeflate: false } });
  await openApi(server);
  for (const url of ["/healthz", "/readyz", "/health"])
    server.get(url, { schema: url === "/healthz" ? documented(HEALTH_DOC) : { hide: true } }, async (_request, reply) => {
      const body = health();
      return await reply.code(body.status === "ok" || (body.status === "draining" && url === "/healthz") ? 200 : 503).send(body);
    });
  apiRoutes(server, { ...parts, callerOf: (request) => callers.get(request)! });
  const callerOf = (authorization: string | undefined) => access.caller(authorization, "complete");
  server.get("/v1/socket", { websocket: true, schema: { hide: true } }, (socket, request) =>
    serveSocket(socket, request.headers.authorization, { ...parts, callerOf }),
  );
  await server.register(contentRoutes, { store: content, quotaBytes: QUOTA_BYTES });
  for (const plugin of plugins) await server.register(plugin);
  return server;
}

/** A web page may open a WebSocket to anybody; only the router's own pages and those that were named may do so here. Throws ApiError 403. */
function refuseOrigin({ headers }: FastifyRequest, allowed: string[]): void {
  const { origin, host } = headers;
  if (origin === undefined || allowed.includes(origin) || URL.parse(origin)?.host === host) return;
  throw new ApiError(403, "found a WebSocket from another origin, wanted this router's or one of --cors-origin", { code: "wrong_origin" });
}

/** Whether JSON nests deeper than anybody needs: what walks it later may recurse. */
function tooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (quoted) {
      if (code === 0x5c) i++;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x5b || code === 0x7b) {
      if (++depth > MOST_DEPTH) return true;
    } else if (code === 0x5d || code === 0x7d) depth--;
  }
  return false;
}

const SOCKET_ERRORS: Record<string, [status: string, code: string]> = {
  HPE_HEADER_OVERFLOW: ["431 Request Header Fields Too Large", "headers_too_large"],
  ERR_HTTP_REQUEST_TIMEOUT: ["408 Request Timeout", "request_timeout"],
};

/** What cannot be read as HTTP is answered in the form of all other errors, and the connection ended. */
function refuseSocket(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed || !socket.writable) return void socket.destroy();
  const [status, code] = SOCKET_ERRORS[error.code ?? ""] ?? ["400 Bad Request", "invalid_request"];
  const { body } = new ApiError(Number(status.slice(0, 3)), `found a request that is no HTTP/1.1 this router takes: ${status.slice(4)}`, {
    code,
  });
  const text = JSON.stringify(body);
  socket.end(
    `HTTP/1.1 ${status}\r\ncontent-type: application/json\r\nconnection: close\r\ncontent-length: ${Buffer.byteLength(text)}\r\n\r\n${text}`,
  );
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
