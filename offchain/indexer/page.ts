import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import fastifyStatic from "@fastify/static";
// Tells the type checker of `hide`.
import type {} from "@fastify/swagger";
import type { FastifyInstance } from "fastify";

/** Where scripts/buildDashboard.mjs leaves the page. */
export const PAGE_FOLDER = fileURLToPath(new URL("../../cache/dashboard", import.meta.url));

const MISSING =
  "<!doctype html><meta charset=utf-8><title>Corroborate</title><p>The page is not built. Run <code>npm run dashboard</code>, then load this again.";

/** Nothing but this server and the chain is ever asked; no script or style that is not a file of the build runs. */
const policy = (rpcOrigin: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    `connect-src 'self' ${rpcOrigin}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");

/** Fastify plugin: the page under /. */
export async function pageRoutes(server: FastifyInstance, { rpc, folder = PAGE_FOLDER }: { rpc: string; folder?: string }): Promise<void> {
  const csp = policy(new URL(rpc).origin);
  mkdirSync(path.join(folder, "assets"), { recursive: true });
  server.addHook("onRequest", async (_request, reply) => {
    void reply
      .header("content-security-policy", csp)
      .header("x-content-type-options", "nosniff")
      .header("referrer-policy", "no-referrer")
      .header("cross-origin-opener-policy", "same-origin")
      .header("permissions-policy", "camera=(), microphone=(), geolocation=()");
  });
  await server.register(fastifyStatic, {
    root: path.join(folder, "assets"),
    prefix: "/assets/",
    preCompressed: true,
    immutable: true,
    maxAge: "365d",
    index: false,
    decorateReply: true,
    schemaHide: true,
  });
  server.get("/", { schema: { hide: true } }, async (_request, reply) => {
    if (!existsSync(path.join(folder, "index.html"))) return await reply.code(503).type("text/html; charset=utf-8").send(MISSING);
    return await reply.header("cache-control", "no-cache").sendFile("index.html", folder, { cacheControl: false, immutable: false });
  });
}
