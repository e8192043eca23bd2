import type { TaskDefinition } from "hardhat/types/tasks";
import { anchorTasks } from "./anchor/declarations.ts";
import { governanceTasks } from "./governance/declarations.ts";
import { guardTasks } from "./guard/declarations.ts";
import { imageTasks } from "./image/declarations.ts";
import { modelTasks } from "./model/declarations.ts";
import { netTasks } from "./net/declarations.ts";
import { nodeTasks } from "./node/declarations.ts";
import { paramsTasks } from "./params/declarations.ts";
import { paymentTasks } from "./payment/declarations.ts";
import { roundTasks } from "./round/declarations.ts";
import { rolesTasks } from "./roles/declarations.ts";
import { runtimeTasks } from "./runtime/declarations.ts";
import { sessionTasks } from "./session/declarations.ts";
import { stakingTasks } from "./staking/declarations.ts";
import { taskTasks } from "./task/declarations.ts";
import { treasuryTasks } from "./treasury/declarations.ts";
import { upgradeTasks } from "./upgrade/declarations.ts";
import { vestingTasks } from "./vesting/declarations.ts";

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
  ...imageTasks,
  ...stakingTasks,
  ...treasuryTasks,
  ...vestingTasks,
  ...governanceTasks,
  ...paramsTasks,
  ...guardTasks,
  ...rolesTasks,
  ...anchorTasks,
  ...upgradeTasks,
];
