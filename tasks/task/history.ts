import type { DecodedLog } from "../../offchain/chain/cursor.ts";
import { TaskBook, type TaskEntry } from "../../offchain/chain/taskBook.ts";
import type { Context } from "../command.ts";
import { Refusal } from "../failure.ts";
import { logsOf } from "../logs.ts";

/** A task as its events tell it. */
export interface TaskHistory {
  entry: TaskEntry;
  logs: DecodedLog[];
}

/** Reads all events of a task. Throws Refusal where there are none. */
export async function taskHistory(context: Context, task: bigint): Promise<TaskHistory> {
  const logs = await logsOf(context, { module: "SessionQueue", indexed: [task] });
  const book = new TaskBook();
  logs.forEach((log) => book.apply(log));
  const entry = book.tasks.get(task);
  if (entry === undefined)
    throw new Refusal("TaskUnknown", `found no task ${task} on this chain, wanted one that was submitted; see task list`);
  return { entry, logs };
}
