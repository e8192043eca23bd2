import type { TaskDefinition } from "hardhat/types/tasks";
import { modelTasks } from "./model/declarations.ts";
import { netTasks } from "./net/declarations.ts";
import { nodeTasks } from "./node/declarations.ts";
import { paymentTasks } from "./payment/declarations.ts";
import { roundTasks } from "./round/declarations.ts";
import { runtimeTasks } from "./runtime/declarations.ts";
import { sessionTasks } from "./session/declarations.ts";
import { taskTasks } from "./task/declarations.ts";

/** The command line of this project: `npx hardhat <scope> <verb>`. Actions are loaded when they run. */
export const tasks: TaskDefinition[] = [
  ...netTasks,
  ...runtimeTasks,
  ...modelTasks,
  ...nodeTasks,
  ...sessionTasks,
  ...taskTasks,
  ...roundTasks,
  ...paymentTasks,
];
