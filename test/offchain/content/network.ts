import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdtemp, rm } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import Fastify from "fastify";
import { contentRoutes, type ContentRoutesOptions } from "../../../offchain/content/routes.ts";

/** Undone after each test. */
const undo: (() => Promise<unknown>)[] = [];

export async function cleanUp(): Promise<void> {
  for (const step of undo.splice(0).reverse()) await step();
}

export async function temporaryFolder(): Promise<string> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "corroborate-"));
  undo.push(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A node that serves its content over HTTP. Returns its address. */
export async function contentServer(options: ContentRoutesOptions): Promise<string> {
  const server = Fastify();
  await server.register(contentRoutes, options);
  undo.push(() => server.close());
  return await server.listen({ host: "127.0.0.1", port: 0 });
}

/** A peer that answers as the test wants it to. Returns its address. */
export async function oddPeer(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  undo.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export const text = (value: string) => new TextEncoder().encode(value);

/** The error a promise ends with. Fails when it does not. */
export async function errorOf(promise: Promise<unknown>): Promise<Error & { code?: string; retryable?: boolean }> {
  try {
    await promise;
  } catch (error) {
    return error as Error;
  }
  throw new Error("expected an error, found none");
}
