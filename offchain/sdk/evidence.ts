import { toBeHex, zeroPadValue } from "ethers";
import { interfaces } from "../chain/abis.ts";
import type { Deployment } from "../chain/deployment.ts";
import type { Endpoint } from "../chain/endpoint.ts";
import { answersDiffer, resultsCommitted, taskQueued, taskSettled, type TaskQueued } from "../protocol/events.ts";
import type { CommittedSeat } from "../protocol/types.ts";

/** Everything that the queue's events say about a task. */
export interface Evidence {
  queued: TaskQueued & { transaction: string };
  /** The 96 bits that seat the task; undefined before the first commitment. */
  seed: bigint | undefined;
  commits: CommittedSeat[];
  /** On what a seat's answers differ from the settlement's base. */
  changes: Map<number, string>;
  settled: (ReturnType<typeof taskSettled> & { transaction: string }) | undefined;
}

/** Reads a task's events from `fromBlock` on; undefined where the chain has no such task there. */
export async function evidenceOf(
  { provider }: Endpoint,
  { addresses }: Pick<Deployment, "addresses">,
  task: bigint,
  fromBlock: number,
): Promise<Evidence | undefined> {
  const topic = zeroPadValue(toBeHex(task), 32);
  const logs = await provider.getLogs({ address: addresses.SessionQueue, topics: [null, topic], fromBlock, toBlock: "latest" });
  let found: Evidence | undefined;
  for (const log of logs) {
    const event = interfaces.SessionQueue.parseLog(log);
    const args = event?.args as unknown as Record<string, unknown>;
    if (event?.name === "TaskQueued")
      found = {
        queued: { ...taskQueued(args), transaction: log.transactionHash },
        seed: undefined,
        commits: [],
        changes: new Map(),
        settled: undefined,
      };
    if (found === undefined) continue;
    if (event?.name === "ResultsCommitted") {
      const { seed, commitments } = resultsCommitted(args);
      found.seed = seed;
      found.commits.push(...commitments);
    } else if (event?.name === "AnswersDiffer") {
      const { seat, changes } = answersDiffer(args);
      found.changes.set(seat, changes);
    } else if (event?.name === "TaskSettled") found.settled = { ...taskSettled(args), transaction: log.transactionHash };
  }
  return found;
}
