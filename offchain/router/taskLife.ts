import type { DecodedLog } from "../chain/cursor.ts";
import type { LogStore } from "../chain/logStore.ts";
import type { TaskEntry } from "../chain/taskBook.ts";
import type { LocalStore } from "../content/localStore.ts";
import { decodeOutcomes, decodePromptTokens } from "../protocol/answers.ts";
import { phaseOf } from "../protocol/phases.ts";
import { Phase, Status } from "../protocol/types.ts";
import type { Proof } from "../sdk/result.ts";
import { answerOf, type PromptAnswer } from "./answer.ts";
import { ApiError } from "./apiError.ts";
import type { EndedTask } from "./arrivals.ts";
import type { TaskReply } from "./replySchemas.ts";
import type { World } from "./world.ts";

export interface TaskLifeParts {
  world: World;
  journal: Pick<LogStore, "ofSubject">;
  content: LocalStore;
}

/** An event of a task. `seq` counts from 1 in the chain's order, so that it is the same to everybody and after a restart. */
export interface TaskEvent {
  seq: number;
  kind: string;
  block: number;
  transaction: string;
  [more: string]: unknown;
}

/** What is known of tasks from events and content: their lives, results and proofs. */
export class TaskLives {
  readonly #parts: TaskLifeParts;

  constructor(parts: TaskLifeParts) {
    this.#parts = parts;
  }

  /** Throws ApiError 400, 404. */
  entry(id: string): TaskEntry {
    if (!/^\d{1,20}$/.test(id))
      throw new ApiError(400, `found ${JSON.stringify(id.slice(0, 64))}, wanted a task's number`, { code: "invalid_value", param: "id" });
    const found = this.#parts.world.book.tasks.get(BigInt(id));
    if (found !== undefined && this.#parts.world.head !== undefined) return found;
    throw new ApiError(404, `found no task ${id} here, wanted a recent one of this router's session`, {
      code: "task_not_found",
      param: "id",
    });
  }

  /** Recent tasks, the newest first. */
  list(most: number): { task: string; session: number; status: string; prompts: number; block: number | null }[] {
    return [...this.#parts.world.book.tasks.values()]
      .sort((a, b) => (a.task < b.task ? 1 : -1))
      .slice(0, most)
      .map(({ task, session, terms, settled }) => ({
        task: String(task),
        session,
        status: nameIn(Status, settled?.status ?? Status.Open),
        prompts: decodePromptTokens(terms.promptTokens).length,
        block: settled?.blockNumber ?? null,
      }));
  }

  /** How a task stands. Throws ApiError 400, 404. */
  async life(id: string): Promise<TaskReply> {
    const { world } = this.#parts;
    const entry = this.entry(id);
    const { task, session, terms, seedBlock, deadline, commits, openings, settled } = entry;
    const phase =
      settled === undefined ? phaseOf(await world.facts(task), { ...world.next, timestamp: world.head!.timestamp }) : Phase.Settled;
    const committee = phase === Phase.Queued ? undefined : await world.committee(entry);
    return {
      task: String(task),
      session,
      phase: nameIn(Phase, phase),
      status: nameIn(Status, settled?.status ?? Status.Open),
      model: terms.model,
      manifest: terms.manifest,
      max_tokens: terms.maxTokens,
      redundancy: terms.redundancy,
      quorum: terms.quorum,
      seed_block: seedBlock,
      commits_until: deadline,
      committee: committee ?? null,
      committed: commits,
      revealed: [...openings.keys()],
      settled:
        settled === undefined
          ? null
          : {
              transaction: settled.transactionHash,
              block: settled.blockNumber,
              charged: String(settled.charged),
              outcomes: decodeOutcomes(settled.outcomes).map(({ canonicalSeat, accepted }) => ({
                canonical_seat: canonicalSeat,
                accepted,
              })),
            },
    };
  }

  /** A task's events after a number, as the chain ordered them. Throws ApiError 400, 404. */
  events(id: string, after = 0): TaskEvent[] {
    this.entry(id);
    return this.eventsOf(BigInt(id)).filter(({ seq }) => seq > after);
  }

  eventsOf(task: bigint): TaskEvent[] {
    return this.#parts.journal.ofSubject(`task:${task}`).map((log, index) => eventOf(log, index + 1));
  }

  /** An accepted prompt's text, and what proves it against the chain. Throws ApiError 400, 404, 409, 502. */
  async proof(id: string, prompt: number, signal: AbortSignal): Promise<{ text: string; proof: Proof }> {
    const answer = await this.#answer(this.#ended(id, prompt), prompt, signal);
    const { verification } = answer;
    const { session, task, transactions, committee, agreement, digest, charged } = verification;
    return { text: answer.choices[0]!.text, proof: { session, task, prompt, transactions, committee, agreement, digest, charged } };
  }

  /** The canonical answers of a settled task. Throws ApiError 400, 404, 409, 502. */
  async results(id: string, signal: AbortSignal) {
    const entry = this.#ended(id, 0);
    const outcomes = decodeOutcomes(entry.settled.outcomes);
    const prompts = [];
    for (const [prompt, { canonicalSeat }] of outcomes.entries()) {
      if (canonicalSeat === null) {
        prompts.push({ prompt, text: null, finish: null, answers: [] });
        continue;
      }
      const { choices, verification } = await this.#answer(entry, prompt, signal);
      const [{ text, finish }] = choices as [PromptAnswer["choices"][0]];
      // What is sealed is no text to anybody without its key.
      prompts.push({ prompt, text: text.includes("\uFFFD") ? null : text, finish, answers: verification.answers });
    }
    return { task: id, prompts };
  }

  async #answer(entry: EndedTask, prompt: number, signal: AbortSignal): Promise<PromptAnswer> {
    const { world, content, journal } = this.#parts;
    const [queued] = journal.ofSubject(`task:${entry.task}`);
    const place = {
      ...entry,
      told: { at: 0 },
      placedAt: 0,
      waited: { queue: 0, router: 0 },
      block: entry.bornIn,
      transaction: queued?.transactionHash ?? "",
      name: "",
      prompt,
      ended: Promise.resolve(entry),
    };
    return await answerOf(entry, place, 1, { content, world, signal });
  }

  #ended(id: string, prompt: number): EndedTask {
    const entry = this.entry(id);
    if (entry.settled === undefined)
      throw new ApiError(409, `task ${id} has not ended yet; try again`, { code: "task_open", retryAfter: 1, details: { task_id: id } });
    const count = decodePromptTokens(entry.terms.promptTokens).length;
    if (prompt >= count)
      throw new ApiError(400, `found prompt ${prompt}, wanted one of the ${count} of task ${id}`, {
        code: "invalid_value",
        param: "prompt",
      });
    return entry as EndedTask;
  }
}

const TYPES: Record<string, string> = {
  TaskQueued: "queued",
  TaskAssigned: "assigned",
  TaskRerun: "rerun",
  ResultsCommitted: "committed",
  ResultRevealed: "revealed",
  AnswersDiffer: "differs",
  TaskSettled: "settled",
};

function eventOf({ name, args, blockNumber, transactionHash }: DecodedLog, seq: number): TaskEvent {
  const event: TaskEvent = { seq, kind: TYPES[name] ?? name, block: blockNumber, transaction: transactionHash };
  if (name === "ResultRevealed" || name === "AnswersDiffer") event["seat"] = Number(args.getValue("seat"));
  if (name === "TaskSettled") event["status"] = nameIn(Status, Number(args.getValue("status")));
  return event;
}

export const nameIn = (names: Record<string, number>, value: number): string =>
  Object.keys(names).find((name) => names[name] === value) ?? "Unknown";
