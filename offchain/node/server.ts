import cors from "@fastify/cors";
import Fastify, { type FastifyInstance } from "fastify";
import type { LocalStore } from "../content/localStore.ts";
import { type KeyBoxes, keyBoxRoutes } from "../content/keyBoxes.ts";
import { liveRoutes, type LiveRoutesOptions } from "../content/liveRoutes.ts";
import { contentRoutes } from "../content/routes.ts";
import { EXIT, Fatal } from "../runtime/exit.ts";

/** What /healthz says; 200 when `status` is "ok" or "draining", else 503. */
export interface Health {
  status: "starting" | "ok" | "degraded" | "draining";
  [field: string]: unknown;
}

export interface ServerOptions {
  host: string;
  port: number;
  /** Only what everybody may read. */
  content: LocalStore;
  live: LiveRoutesOptions;
  boxes: KeyBoxes;
  health: () => Health;
}

/** Strangers may leave this much content here. */
const QUOTA_BYTES = 256 * 1024 * 1024;

/** The node's HTTP face: GET /healthz, and GET, HEAD and PUT /content/:cid, GET /live for routers, and what sealed tasks need. Throws Fatal (inUse) where the port is taken. */
export async function serve({
  host,
  port,
  content,
  live,
  boxes,
  health,
}: ServerOptions): Promise<{ server: FastifyInstance; url: string }> {
  const server = Fastify({
    logger: false,
    connectionTimeout: 30_000,
    requestTimeout: 30_000,
    keepAliveTimeout: 5_000,
    maxRequestsPerSocket: 1_000,
    forceCloseConnections: true,
    http: { headersTimeout: 10_000 },
  });
  server.get("/healthz", async (_request, reply) => {
    const body = health();
    const healthy = body.status === "ok" || body.status === "draining";
    return await reply
      .code(healthy ? 200 : 503)
      .header("cache-control", "no-store")
      .send(body);
  });
  // Wallet clients in a browser talk to nodes themselves; nothing here is by cookie.
  await server.register(cors, { origin: "*", methods: ["GET", "HEAD", "PUT"] });
  await server.register(liveRoutes, live);
  await server.register(keyBoxRoutes, { boxes });
  await server.register(contentRoutes, { store: content, quotaBytes: QUOTA_BYTES });
  try {
    const url = await server.listen({ host, port });
    return { server, url };
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
