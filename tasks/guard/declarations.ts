import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

const module = { module: ["NodePool, Session, Staking or all", "all"] as const };

export const guardTasks = [
  emptyTask("guard", "The guardian's pause of new work").build(),
  subtask(
    ["guard", "status"],
    "Shows which modules are paused, until when, and from when they can be again",
    {},
    () => import("./status.ts"),
  ),
  subtask(
    ["guard", "pause"],
    "Guardian: holds back registrations, stake, sessions and leases; what runs goes on",
    { changes: true, options: { ...module, hours: "how long, at most 336 (14 days)" } },
    () => import("./pause.ts"),
  ),
  subtask(["guard", "lift"], "Guardian: lifts a pause early", { changes: true, options: module }, () => import("./lift.ts")),
];
