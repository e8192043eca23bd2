import { type BlockTag, type Log, toBeHex, zeroPadValue } from "ethers";
import { interfaces } from "../chain/abis.ts";
import type { Endpoint } from "../chain/endpoint.ts";
import { applyChanges } from "../protocol/answers.ts";
import { decidingBlock, membersOf, taskSeed } from "../protocol/draw.ts";
import { answersDiffer, resultsCommitted, taskAssigned, taskQueued, taskRerun, taskSettled } from "../protocol/events.ts";
import { decodeTerms, type EncodedTerms } from "../protocol/terms.ts";
import type { TaskTerms } from "../protocol/types.ts";

/** What the chain says about a task, in the form in which an audit bundle carries it. */

/** One log as the chain has it. */
export interface BundleLog {
  module: string;
  address: string;
  block: number;
  index: number;
  transaction: string;
  topics: string[];
  data: string;
}

/** A transaction that handed openings over. */
export interface BundleCall {
  transaction: string;
  to: string;
  input: string;
}

type Args = Record<string, unknown>;

/** What a task's events say of its last attempt. */
export interface TaskFacts {
  terms: TaskTerms;
  lease: number;
  seedBlock: number;
  seed: bigint | undefined;
  attempt: number;
  commits: { seat: number; node: number; commitment: string }[];
  firstCommit: number | undefined;
  changes: Map<number, string>;
  settled: (ReturnType<typeof taskSettled> & { transaction: string }) | undefined;
}

/** What the task's events say of its last attempt. */
export function factsIn(logs: BundleLog[]): TaskFacts | undefined {
  let facts: TaskFacts | undefined;
  for (const log of logs) {
    if (log.module !== "SessionQueue") continue;
    const event = interfaces["SessionQueue"].parseLog(log);
    const args = event?.args as unknown as Args;
    if (event?.name === "TaskQueued") {
      const { terms, lease, seedBlock } = taskQueued(args);
      facts = {
        terms,
        lease,
        seedBlock,
        seed: undefined,
        attempt: 0,
        commits: [],
        firstCommit: undefined,
        changes: new Map(),
        settled: undefined,
      };
    }
    if (facts === undefined) continue;
    if (event?.name === "TaskAssigned") facts.lease = taskAssigned(args).lease;
    if (event?.name === "TaskRerun")
      Object.assign(facts, {
        seedBlock: taskRerun(args).seedBlock,
        lease: 0,
        seed: undefined,
        attempt: 1,
        commits: [],
        firstCommit: undefined,
      });
    if (event?.name === "ResultsCommitted") {
      const { seed, commitments } = resultsCommitted(args);
      facts.seed = seed;
      facts.firstCommit ??= log.block;
      facts.commits.push(...commitments);
    }
    if (event?.name === "AnswersDiffer") {
      const { seat, changes } = answersDiffer(args);
      facts.changes.set(seat, changes);
    }
    if (event?.name === "TaskSettled") facts.settled = { ...taskSettled(args), transaction: log.transaction };
  }
  return facts;
}

export async function taskLogs(
  { provider }: Endpoint,
  addresses: Record<string, string>,
  task: bigint,
  fromBlock: number,
): Promise<BundleLog[]> {
  const topic = zeroPadValue(toBeHex(task), 32);
  const filter = {
    address: [addresses["SessionQueue"]!, addresses["Validation"]!],
    topics: [null, topic],
    fromBlock,
    toBlock: "latest" as BlockTag,
  };
  const logs = await provider.getLogs(filter);
  const about = await provider.getLogs({ ...filter, address: addresses["Validation"]!, topics: [null, null, topic] });
  const all = [...logs, ...about].map((log) => plainLog(log, addresses));
  return all.sort((a, b) => a.block - b.block || a.index - b.index);
}

export async function leaseLog(
  { provider }: Endpoint,
  addresses: Record<string, string>,
  lease: number,
  fromBlock: number,
): Promise<{ id: number; log: BundleLog } | null> {
  const { topicHash } = interfaces["NodePool"].getEvent("LeaseDrawn")!;
  const topics = [topicHash, zeroPadValue(toBeHex(lease), 32)];
  const [log] = await provider.getLogs({ address: addresses["NodePool"]!, topics, fromBlock, toBlock: "latest" });
  return log === undefined ? null : { id: lease, log: plainLog(log, addresses) };
}

export function membersIn(log: BundleLog): number[] {
  const { args } = interfaces["NodePool"].parseLog(log)!;
  return membersOf(args["members"] as bigint, Number(args["size"]));
}

/** The block whose hash gives the task's seed; null where no seed is known, or none gives it. */
export async function deciding(
  { provider }: Endpoint,
  { seedBlock, seed, firstCommit }: TaskFacts,
  task: bigint,
): Promise<{ block: number; hash: string } | null> {
  if (seed === undefined) return null;
  for (const number of new Set([seedBlock, decidingBlock(seedBlock, firstCommit ?? seedBlock + 1)])) {
    const block = await provider.getBlock(number);
    if (block?.hash != null && taskSeed(block.hash, task) === seed) return { block: number, hash: block.hash };
  }
  return null;
}

export async function callsOf({ provider }: Endpoint, logs: BundleLog[], queue: string): Promise<BundleCall[]> {
  const opening = logs.filter(
    (log) =>
      log.module === "SessionQueue" &&
      ["ResultRevealed", "TaskSettled", "TaskRerun"].includes(interfaces["SessionQueue"].parseLog(log)?.name ?? ""),
  );
  const calls: BundleCall[] = [];
  for (const hash of new Set(opening.map(({ transaction }) => transaction))) {
    const sent = await provider.getTransaction(hash);
    if (sent?.to?.toLowerCase() === queue.toLowerCase()) calls.push({ transaction: hash, to: sent.to, input: sent.data });
  }
  return calls;
}

interface CallOpening {
  seat: number;
  node: number;
  opened: boolean;
  secret: string;
  claim: string;
  answers: string;
  terms: TaskTerms;
}

/** The openings that a call hands over for a task. */
export function openingsIn(input: string, task: bigint): CallOpening[] {
  const call = interfaces["SessionQueue"].parseTransaction({ data: input });
  if (call === null || !["reveal", "settle", "revealMany"].includes(call.name)) return [];
  type Passed = {
    task: bigint;
    terms: EncodedTerms;
    base: string;
    openings: Iterable<{ who: bigint; secret: string; claim: string }>;
    changes: string[];
  };
  const handovers = (call.name === "revealMany" ? Array.from(call.args[0] as Iterable<Passed>) : [call.args[0] as Passed]).filter(
    (one) => one.task === task,
  );
  return handovers.flatMap(({ terms, base, openings, changes }) => {
    // A decoded list throws where it ends, an array does not.
    const differing = Array.from(changes);
    return Array.from(openings, ({ who, secret, claim }, i) => ({
      seat: Number(who & 0xffn),
      node: Number((who >> 8n) & 0xffffffn),
      opened: who >> 32n === 1n,
      secret,
      claim,
      answers: applyChanges(base, differing[i] ?? "0x"),
      terms: decodeTerms(terms),
    }));
  });
}

function plainLog({ address, blockNumber, index, transactionHash, topics, data }: Log, addresses: Record<string, string>): BundleLog {
  const module = Object.keys(addresses).find((name) => addresses[name]!.toLowerCase() === address.toLowerCase()) ?? "unknown";
  return { module, address, block: blockNumber, index, transaction: transactionHash, topics: [...topics], data };
}
