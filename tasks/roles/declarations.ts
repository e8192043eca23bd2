import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

export const rolesTasks = [
  emptyTask("roles", "Who may do what").build(),
  subtask(["roles", "show"], "Shows every role of the AccessManager: its members and its functions", {}, () => import("./show.ts")),
];
