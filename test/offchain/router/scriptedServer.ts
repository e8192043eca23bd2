import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { FastifyInstance } from "fastify";
import { ZeroHash } from "ethers";
import { digestOf } from "../../../offchain/content/contentId.ts";
import { LocalStore } from "../../../offchain/content/localStore.ts";
import { encodeAnswers } from "../../../offchain/protocol/answers.ts";
import { FINISH } from "../../../offchain/protocol/types.ts";
import { Access } from "../../../offchain/router/access.ts";
import type { Work } from "../../../offchain/router/accounts.ts";
import { Answering } from "../../../offchain/router/answering.ts";
import { KeyStore } from "../../../offchain/router/keyStore.ts";
import { ApiError } from "../../../offchain/router/apiError.ts";
import { buildServer, type ServerParts } from "../../../offchain/router/server.ts";
import { TaskLives } from "../../../offchain/router/taskLife.ts";
import { Validation } from "../../../offchain/router/validation.ts";
import { createLog } from "../../../offchain/runtime/log.ts";
import { ENTRY, MODEL, ROUTER_ADDRESS, SESSION_VIEW, TASK } from "./routerWorld.ts";

/** Completions that only answer. */
export const completionsOf = (chat: () => Promise<unknown>) => ({
  counted: async (work: () => Promise<unknown>) => await work(),
  prepared: () => Promise.resolve({}),
  chat,
});

/** What may be replaced: parts of the server, and of the one way from body to answer. */
export type Changes = Partial<Record<keyof ServerParts | "draining" | "live", unknown>>;

/** A router's server over scripted parts. */
export async function serverOf(changes: Changes = {}): Promise<FastifyInstance> {
  const base = encodeAnswers([{ digest: digestOf(new TextEncoder().encode("Paris.")), sketch: ZeroHash, tokens: 3, finish: FINISH.stop }]);
  const settled = { status: 2, charged: 7n, base, outcomes: "0x1003", transactionHash: "0xsettled", blockNumber: 12 };
  const world = {
    sessions: new Map([[1, SESSION_VIEW]]),
    head: { timestamp: 1_000, number: 8 },
    next: { timestamp: 1_001, blockNumber: 9 },
    book: { tasks: new Map([[TASK, { ...ENTRY, settled }]]) },
    watchers: new Set(),
    committee: () => Promise.resolve([]),
    endpointsOf: () => [],
    knownCommittee: () => undefined,
    changesOf: () => "0x",
  };
  const quiet = new AbortController().signal;
  const content = await LocalStore.open(mkdtempSync(path.join(tmpdir(), "corroborate-router-")));
  const parts = {
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
      found: (_key: string, name: string) =>
        name === "async:req_1" ? { open: false, status: 200, reply: { object: "chat.completion" }, createdAt: 7 } : undefined,
    },
    desk: { sessions: () => Promise.resolve([SESSION_REPLY]), nodes: () => Promise.resolve([NODE_REPLY]) },
    draining: quiet,
    stopping: quiet,
    content,
    health: () => ({ status: "ok" }),
    allowRemote: false,
    log: createLog({ name: "test", level: "silent" }),
    ...changes,
  };
  const answering = new Answering(parts as never);
  const lives = new TaskLives({ world: parts.world as never, journal: { ofSubject: () => [] }, content: parts.content as LocalStore });
  const proof = { text: "Paris.", proof: PROOF };
  Object.assign(lives, { proof: () => Promise.resolve(proof) });
  const validation = new Validation({ ...(parts as never as object), answering, lives, threshold: () => 10 } as never);
  return await buildServer({ answering, lives, validation, ...parts } as never);
}

const SESSION_REPLY = {
  session: 1,
  model: "toy",
  level: 0,
  closed: false,
  redundancy: 3,
  quorum: 2,
  validators: false,
  price_per_1000_tokens: "1000",
  max_prompts: 1,
  max_prompt_tokens: 100,
  max_tokens: 128,
  lease: { lease: 1, until: 10_000, nodes: 3 },
  available: "1",
  locked: "0",
  open_tasks: 0,
};
const NODE_REPLY = { node: 1, operator: ROUTER_ADDRESS, endpoint: "http://127.0.0.1:1", sessions: [1] };
const PROOF = {
  session: 1,
  task: String(TASK),
  prompt: 0,
  transactions: { submitted: "0x1", settled: "0x2" },
  committee: [],
  agreement: { redundancy: 3, quorum: 2, agreed: 2 },
  digest: `0x${"ab".repeat(32)}`,
  charged: "7",
};
