import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

const set = { set: "name=value pairs with commas between them, as params show names them; amounts in base units" };

export const paramsTasks = [
  emptyTask("params", "Governed parameters").build(),
  subtask(["params", "show"], "Shows every governed parameter as it is in force", {}, () => import("./show.ts")),
  subtask(["params", "diff"], "Compares what is in force with scripts/parameters.ts", {}, () => import("./diff.ts")),
  subtask(
    ["params", "propose"],
    "Proposes changes to a vote",
    { changes: true, options: { ...set, why: "what it is for, in a sentence" } },
    () => import("./propose.ts"),
  ),
  subtask(
    ["params", "apply"],
    "Changes parameters at once (an administrator of the AccessManager; elsewhere params propose)",
    { changes: true, options: set },
    () => import("./apply.ts"),
  ),
];
