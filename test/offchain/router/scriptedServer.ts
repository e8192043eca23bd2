import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { FastifyInstance } from "fastify";
import { LocalStore } from "../../../offchain/content/localStore.ts";
import { Access } from "../../../offchain/router/access.ts";
import type { Work } from "../../../offchain/router/accounts.ts";
import { KeyStore } from "../../../offchain/router/keyStore.ts";
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
    completions: completionsOf(() => Promise.resolve({ object: "chat.completion", usage: {} })),
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
    access: new Access(new KeyStore(":memory:")),
    accounts: {
      answer: async (_about: unknown, work: Work) => {
        const context = { signal: quiet, journal: undefined as never, admit: () => undefined };
        return { reply: (await work(context)).reply, replayed: false };
      },
      usage: () => ({ day: "2026-01-31", requests: 1, promptTokens: 2, completionTokens: 3, charged: 4n, held: 5n }),
    },
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
