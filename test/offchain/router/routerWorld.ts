import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { type TransactionReceipt, ZeroHash } from "ethers";
import { interfaces } from "../../../offchain/chain/abis.ts";
import type { TaskEntry } from "../../../offchain/chain/taskBook.ts";
import type { SessionView } from "../../../offchain/chain/views.ts";
import { LocalStore } from "../../../offchain/content/localStore.ts";
import type { Intent } from "../../../offchain/chain/senderStore.ts";
import { encodeTerms } from "../../../offchain/protocol/terms.ts";
import { Comparison, type TaskTerms } from "../../../offchain/protocol/types.ts";
import type { EndedTask } from "../../../offchain/router/arrivals.ts";
import { Batcher } from "../../../offchain/router/batcher.ts";
import { Completions } from "../../../offchain/router/completions.ts";
import { Lanes } from "../../../offchain/router/lanes.ts";
import { chatRequest } from "../../../offchain/router/requests.ts";
import { Rhythm } from "../../../offchain/router/rhythm.ts";
import { Submission } from "../../../offchain/router/submission.ts";
import { createLog } from "../../../offchain/runtime/log.ts";
import { PLAIN_RULES } from "../../plain.ts";

export const ROUTER_ADDRESS = "0x00000000000000000000000000000000000000A1";
export const SESSION = 1;
export const TASK = (1n << 32n) | 5n;
export const MODEL = {
  name: "toy",
  sha256: `0x${"ab".repeat(32)}`,
  price: 1_000n,
  contextTokens: 512,
  agreement: 10,
  deprecatedAt: 0,
  embedding: ZeroHash,
  quantisation: "F16",
};
export const RULES = {
  price: 1_000n,
  maxTokens: 128,
  commitWindow: 20,
  revealWindow: 20,
  protocolFeeBps: 500,
  routerFeeBps: 500,
  threshold: 10,
  redundancy: 3,
  quorum: 2,
  comparison: Comparison.Semantic,
  leased: true,
  ...PLAIN_RULES,
  bounty: 10n ** 15n,
};
export const SESSION_VIEW: SessionView = {
  owner: "0x00000000000000000000000000000000000000B1",
  tasks: 0,
  lease: 1,
  closed: false,
  leaseTasks: 2 ** 24 - 1,
  router: ROUTER_ADDRESS,
  leaseUntil: 10_000,
  queueWindow: 60,
  maxPrompts: 1,
  maxPromptTokens: 100,
  rules: RULES,
  model: MODEL.sha256,
  assurance: 0n,
  leaseNodes: 3,
  mode: 0,
  reservedTasks: 0,
  seedBlock: 0,
  reservedSeconds: 9_000,
  reserveBy: 0,
  reservedLock: 0n,
};
export const TERMS: TaskTerms = {
  model: MODEL.sha256,
  manifest: ZeroHash,
  promptTokens: "0x00000a",
  router: ROUTER_ADDRESS,
  assurance: 0n,
  ...RULES,
};
export const ENTRY: TaskEntry = {
  task: TASK,
  session: SESSION,
  clientReference: ZeroHash,
  terms: TERMS,
  lease: 1,
  seedBlock: 9,
  deadline: 1_020,
  bornIn: 1,
  attempt: 0,
  commits: [],
  openings: new Map(),
};

/** What the chain and the engine of a test say. */
export interface Script {
  tokens?: number | Error;
  session?: Partial<SessionView> | null;
  available?: bigint;
  /** What a submission meets; without it, it is mined. */
  send?: Error;
  /** How the task ends. */
  ended?: EndedTask["settled"] | Error;
}

/** Completions over scripted edges; `sent` are the transactions that were tried. */
export async function scriptedCompletions({ tokens = 10, session = {}, available = 10n ** 18n, send, ended }: Script) {
  const sent: Intent[] = [];
  const sender = {
    send: (intent: Intent): Promise<TransactionReceipt> => {
      sent.push(intent);
      if (send !== undefined) return Promise.reject(send);
      const [, request] = interfaces.Session.decodeFunctionData("submit", intent.data);
      const args = [TASK, SESSION, (request as { clientReference: string }).clientReference, encodeTerms(TERMS), 1, 9, 1_020];
      const log = interfaces.SessionQueue.encodeEventLog("TaskQueued", args);
      return Promise.resolve({ hash: "0xsubmitted", blockNumber: 8, logs: [log] } as unknown as TransactionReceipt);
    },
  };
  const world = {
    sessions: new Map(session === null ? [] : [[SESSION, { ...SESSION_VIEW, ...session }]]),
    book: { tasks: new Map() },
    next: { timestamp: 1_001, blockNumber: 9 },
    rhythm: new Rhythm(),
    arrivals: { ended: () => (ended instanceof Error ? Promise.reject(ended) : Promise.resolve({ ...ENTRY, settled: ended })) },
    knownCommittee: () => undefined,
    changesOf: () => "0x",
    committee: () => Promise.resolve([0, 1, 2].map((seat) => ({ seat, node: seat + 1, operator: `0x${"0".repeat(39)}${seat + 1}` }))),
    endpointsOf: () => [],
  } as never;
  const views = { sessionBalance: () => Promise.resolve({ available, locked: 0n }) };
  const content = await LocalStore.open(mkdtempSync(path.join(tmpdir(), "corroborate-router-")));
  const submission = new Submission({
    sender: sender,
    world,
    sent: { byId: () => undefined },
    broadcasts: { take: () => undefined },
    views,
    sessionContract: ROUTER_ADDRESS,
    session: SESSION,
  });
  const tokenCount = () => (tokens instanceof Error ? Promise.reject(tokens) : Promise.resolve(tokens));
  const log = createLog({ name: "test", level: "silent" });
  const batcher = new Batcher({ content, submission, world, limits: { windowMs: 0, size: 16 }, log });
  const lanes = new Lanes([{ session: SESSION, submission, batcher }], world);
  const engine = { tokenCount, checkFormat: () => Promise.resolve() };
  const completions = new Completions({ engine, content, lanes, world, model: MODEL });
  /** From body to answer. */
  const complete = async (body: object, signal: AbortSignal) =>
    await completions.counted(async () => await completions.chat(await completions.prepared(chatRequest(body), signal), { signal }));
  return { completions, complete, sent, content, submission, batcher };
}
