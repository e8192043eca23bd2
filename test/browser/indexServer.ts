import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import Fastify, { type FastifyInstance } from "fastify";
import type { Deployment } from "../../offchain/chain/deployment.ts";
import type { Endpoint } from "../../offchain/chain/endpoint.ts";
import { follow } from "../../offchain/indexer/follow.ts";
import { IndexStore } from "../../offchain/indexer/indexStore.ts";
import { pageRoutes } from "../../offchain/indexer/page.ts";
import { IndexQueries } from "../../offchain/indexer/queries.ts";
import { indexRoutes } from "../../offchain/indexer/routes.ts";
import type { IndexService, Standing } from "../../offchain/indexer/service.ts";

/** Where the chain would be: nobody listens there. */
const NO_CHAIN = "http://127.0.0.1:1";

/** A server of page and index over a chain that stands still. */
export interface IndexServer {
  base: string;
  queries: IndexQueries;
  server: FastifyInstance;
  close: () => Promise<void>;
}

export interface IndexServerOptions {
  endpoint: Endpoint;
  deployment: Deployment;
  standing?: Partial<Standing>;
  host?: Record<string, unknown>;
  /** What is changed in the index before it is served. */
  change?: (store: IndexStore) => void;
  /** Further routes. */
  routes?: (server: FastifyInstance) => void;
}

/** Indexes a chain and serves what was found. */
export async function serveIndex({ endpoint, deployment, standing, host, change, routes }: IndexServerOptions): Promise<IndexServer> {
  const folder = mkdtempSync(path.join(tmpdir(), "corroborate-page-"));
  const file = path.join(folder, "index.db");
  const store = new IndexStore(file, deployment.chainId, deployment.addresses.SessionQueue);
  let block = 0;
  let events = 0;
  await follow({
    endpoint,
    deployment,
    store,
    pollMs: 0,
    onProgress: (progress) => {
      block = progress.upTo;
      events += progress.events;
    },
  });
  change?.(store);
  store.close();
  const queries = new IndexQueries(file);
  const here: Standing = { block, head: block, headTime: 0, caughtUp: true, events, reorganisations: 0, fault: undefined, ...standing };
  const index = { queries, standing: here, listen: () => () => false } as unknown as IndexService;
  const server = Fastify({ forceCloseConnections: true });
  await server.register(indexRoutes, { index, deployment, rpc: NO_CHAIN, ...(host && { host }) });
  await server.register(pageRoutes, { rpc: NO_CHAIN });
  routes?.(server);
  const base = await server.listen({ host: "127.0.0.1", port: 0 });
  const close = async () => {
    await server.close();
    queries.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { base, queries, server, close };
}
