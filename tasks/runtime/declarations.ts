import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

export const runtimeTasks = [
  emptyTask("runtime", "The address book on chain").build(),
  subtask(["runtime", "show"], "Lists the modules that Runtime names, against the deployment record", {}, () => import("./show.ts")),
];
