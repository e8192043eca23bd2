import { type Contract, Interface, type JsonRpcProvider, type Log } from "ethers";
import { applyChanges, decodeAnswers, decodeOutcomes } from "../../offchain/protocol/answers.ts";
import { answersDiffer, resultsCommitted, taskQueued, taskSettled } from "../../offchain/protocol/events.ts";
import { Status } from "../../offchain/protocol/types.ts";
import { artifactOf, type DeploymentRecord } from "../deploy.ts";
import { contractOf } from "./setUp.ts";

/** One step of a task's life, for people. */
export interface LifeStep {
  step: "submitted" | "drawn" | "committed" | "revealed" | "settled";
  text: string;
  atMs: number;
}

/** How a task ended on chain. */
export interface Ending {
  task: bigint;
  status: Status;
  charged: bigint;
  transaction: string;
  /** Node in each seat. */
  committee: number[];
  /** Nodes whose answer to the first prompt was accepted. */
  accepted: number[];
  /** sha256 of the canonical answer to the first prompt; null without quorum. */
  digest: string | null;
}

/** Follows the first task that is born after `fromBlock` until it is settled, telling every step as it happens. */
export async function followTask(
  provider: JsonRpcProvider,
  record: DeploymentRecord,
  fromBlock: number,
  tell: (step: LifeStep) => void,
  signal: AbortSignal,
): Promise<Ending> {
  const queue = contractOf(record, "SessionQueue", provider);
  const abi = new Interface(artifactOf("SessionQueue").abi);
  const started = performance.now();
  const say = (step: LifeStep["step"], text: string) => tell({ step, text, atMs: Math.round(performance.now() - started) });
  let task: bigint | undefined;
  let committee: number[] = [];
  const seen = new Set<string>();
  const changes = new Map<number, string>();
  while (!signal.aborted) {
    const logs = await provider.getLogs({ address: record.addresses.SessionQueue, fromBlock, toBlock: "latest" });
    for (const log of logs) {
      const key = `${log.transactionHash} ${log.index}`;
      const event = abi.parseLog(log);
      if (seen.has(key) || event === null) continue;
      seen.add(key);
      const args = event.args as unknown as Record<string, unknown>;
      if (event.name === "TaskQueued" && task === undefined) {
        const born = taskQueued(args);
        task = born.task;
        say("submitted", `task ${task} in block ${log.blockNumber}; block ${born.seedBlock} will draw its committee`);
      } else if (task === undefined || args["task"] !== task) {
        continue;
      } else if (event.name === "ResultsCommitted") {
        if (committee.length === 0) committee = await drawn(queue, task, say);
        for (const { seat, node } of resultsCommitted(args).commitments) say("committed", `seat ${seat}: node ${node}`);
      } else if (event.name === "ResultRevealed") {
        say("revealed", `seat ${String(args["seat"])}: node ${String(args["node"])} by its own transaction`);
      } else if (event.name === "AnswersDiffer") {
        const differing = answersDiffer(args);
        changes.set(differing.seat, differing.changes);
      } else if (event.name === "TaskSettled") {
        return end(log, taskSettled(args), { committee, changes }, say);
      }
    }
    if (task !== undefined && committee.length === 0) {
      committee = await drawn(queue, task, say).catch(() => []);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error("stopped before the task was settled");
}

function end(
  log: Log,
  settled: ReturnType<typeof taskSettled>,
  { committee, changes }: { committee: number[]; changes: Map<number, string> },
  say: (step: "revealed" | "settled", text: string) => void,
): Ending {
  const opened = committee.filter((_, seat) => (settled.seats >> seat) & 1);
  if (opened.length > 0) say("revealed", `nodes ${opened.join(", ")}`);
  const first = decodeOutcomes(settled.outcomes)[0];
  const accepted = committee.filter((_, seat) => ((first?.accepted ?? 0) >> seat) & 1);
  const status = Object.entries(Status).find(([, value]) => value === settled.status)?.[0] ?? "unknown";
  say("settled", `${status} in block ${log.blockNumber}: nodes ${accepted.join(", ") || "none"} agree`);
  const seat = first?.canonicalSeat ?? null;
  const digest = seat === null ? null : decodeAnswers(applyChanges(settled.base, changes.get(seat) ?? "0x"))[0]!.digest;
  return {
    task: settled.task,
    status: settled.status,
    charged: settled.charged,
    transaction: log.transactionHash,
    committee,
    accepted,
    digest,
  };
}

async function drawn(queue: Contract, task: bigint, say: (step: "drawn", text: string) => void): Promise<number[]> {
  const committee = await seats(queue, task);
  say("drawn", committee.map((node, seat) => `seat ${seat}: node ${node}`).join(", "));
  return committee;
}

async function seats(queue: Contract, task: bigint): Promise<number[]> {
  const [nodes] = (await queue.getFunction("committeeOf").staticCall(task)) as unknown as [bigint[]];
  return Array.from(nodes, Number);
}
