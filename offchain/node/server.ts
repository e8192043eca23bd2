import cors from "@fastify/cors";
import Fastify, { type FastifyInstance } from "fastify";
import type { LocalStore } from "../content/localStore.ts";
import { ipfsGateway } from "../content/ipfs.ts";
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
  /** This node's ping of the running window, for whoever carries it; undefined before the first head. */
  ping?: () => object | undefined;
  health: () => Health;
  /** Why the node is not ready, by check; empty where it is. */
  readiness: () => Record<string, string>;
  /** The exposition text for Prometheus. */
  metrics: () => Promise<string>;
}

/** Strangers may leave this much content here. */
const QUOTA_BYTES = 256 * 1024 * 1024;

const isLoopback = (address: string | undefined) => address !== undefined && /^(::ffff:)?127\.|^::1$/.test(address);

/** The node's HTTP face: GET /healthz, /readyz, /ping and (from this machine) /metrics, and GET, HEAD and PUT /content/:cid, GET /live for routers, and what sealed tasks need. Throws Fatal (inUse) where the port is taken. */
export async function serve({
  host,
  port,
  content,
  live,
  boxes,
  ping = () => undefined,
  health,
  readiness,
  metrics,
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
  server.get("/readyz", async (_request, reply) => {
    const failing = readiness();
    const ready = Object.keys(failing).length === 0;
    return await reply
      .code(ready ? 200 : 503)
      .header("cache-control", "no-store")
      .send({ ready, failing });
  });
  // A ping says that the node lives, and only in its own window: anyone may have it.
  server.get("/ping", async (_request, reply) => {
    const signed = ping();
    return await reply
      .code(signed === undefined ? 503 : 200)
      .header("cache-control", "no-store")
      .send(signed ?? {});
  });
  server.get("/metrics", async (request, reply) => {
    // Numbers are the operator's own: a node that serves strangers shows them to its own machine only.
    if (!isLoopback(request.socket.remoteAddress)) return await reply.code(404).send();
    return await reply.type("text/plain; version=0.0.4; charset=utf-8").send(await metrics());
  });
  await server.register(liveRoutes, live);
  await server.register(keyBoxRoutes, { boxes });
  await server.register(ipfsGateway, { store: content });
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
