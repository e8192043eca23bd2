import type { TaskTerms } from "../protocol/types.ts";
import { ApiError } from "./apiError.ts";
import { DeadlinePassed, type EndedTask } from "./arrivals.ts";
import { sessionOf, type World } from "./world.ts";

/** For settling and for this machine's clock, beyond the task's windows. */
const SLACK_SECONDS = 90;

/** Resolves when the task has ended, however it ended. Throws ApiError 504 once its windows have gone by, or the signal's reason. */
export async function endingOf(
  task: bigint,
  { commitWindow, revealWindow, leased }: Pick<TaskTerms, "commitWindow" | "revealWindow" | "leased">,
  world: Pick<World, "arrivals" | "sessions">,
  signal: AbortSignal,
): Promise<EndedTask> {
  const seconds = commitWindow + revealWindow + (leased ? 0 : (world.sessions.get(sessionOf(task))?.queueWindow ?? 0)) + SLACK_SECONDS;
  const timeout = AbortSignal.timeout(seconds * 1_000);
  try {
    return await world.arrivals.ended(task, AbortSignal.any([signal, timeout]));
  } catch (error) {
    if (!(error instanceof DeadlinePassed) && !timeout.aborted) throw error;
    throw new ApiError(504, `task ${task} was not settled in time; GET /v1/tasks/${task} tells how it goes on`, {
      code: "deadline_passed",
      details: { task_id: String(task) },
    });
  }
}
