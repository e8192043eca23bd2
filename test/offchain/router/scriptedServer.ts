import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { FastifyInstance } from "fastify";
import { LocalStore } from "../../../offchain/content/localStore.ts";
import { ApiError } from "../../../offchain/router/apiError.ts";
import { buildServer, type ServerParts } from "../../../offchain/router/server.ts";
import { createLog } from "../../../offchain/runtime/log.ts";
import { ENTRY, MODEL, SESSION_VIEW, TASK } from "./routerWorld.ts";

/** Completions that only answer. */
export const completionsOf = (chat: () => Promise<unknown>) => ({
  counted: async (work: () => Promise<unknown>) => await work(),
  prepared: () => Promise.resolve({}),
  chat,
});

/** A router's server over scripted parts. */
export async function serverOf(changes: Partial<Record<keyof ServerParts, unknown>> = {}): Promise<FastifyInstance> {
  const settled = { status: 2, charged: 7n, outcomes: "0x1003", transactionHash: "0xsettled", blockNumber: 12 };
  const world = {
    session: SESSION_VIEW,
    head: { timestamp: 1_000, number: 8 },
    book: { tasks: new Map([[TASK, { ...ENTRY, settled }]]) },
    committee: () => Promise.resolve([]),
  };
  const quiet = new AbortController().signal;
  const server = await buildServer({
    completions: completionsOf(() => Promise.resolve({ object: "chat.completion" })),
    carried: {
      takeCommitment: () => Promise.resolve(),
      takeOpening: () => {
        throw new ApiError(503, "not on chain yet", { code: "NotYet", retryAfter: 1 });
      },
    },
    world,
    model: MODEL,
    embed: { id: "embedder", sha256: "cd".repeat(32), contextTokens: 512, quantisation: "Q8_0" },
    engine: {},
    draining: quiet,
    stopping: quiet,
    content: await LocalStore.open(mkdtempSync(path.join(tmpdir(), "corroborate-router-"))),
    health: () => ({ status: "ok" }),
    allowRemote: false,
    log: createLog({ name: "test", level: "silent" }),
    ...changes,
  } as never);
  return server;
}
