import type { FastifyInstance } from "fastify";
import type { Deployment } from "../chain/deployment.ts";
import { pageRoutes } from "./page.ts";
import { indexRoutes } from "./routes.ts";
import { IndexService } from "./service.ts";

export interface DashboardOptions {
  rpc: string;
  deployment: Deployment;
  /** Where the index lies; made where it is missing, and safe to delete. */
  file: string;
  pollMs?: number;
  host?: Record<string, unknown>;
}

/** Adds index and page to a server that does not listen yet. Its closing ends the index. */
export async function addDashboard(
  server: FastifyInstance,
  { rpc, deployment, file, pollMs = 500, host }: DashboardOptions,
): Promise<IndexService> {
  const index = new IndexService({ rpc, deployment, file, pollMs });
  server.addHook("onClose", async () => await index.close());
  await server.register(indexRoutes, { index, deployment, rpc, ...(host && { host }) });
  await server.register(pageRoutes, { rpc });
  return index;
}
