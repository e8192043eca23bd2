import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

export const netTasks = [
  emptyTask("net", "The deployment as a whole").build(),
  subtask(
    ["net", "status"],
    "Shows chain, contracts, parameters, nodes, sessions and money on one screen",
    {},
    () => import("./status.ts"),
  ),
  subtask(
    ["net", "deploy"],
    "Deploys all contracts with the network's parameters and writes the deployment record",
    { changes: true, flags: { force: "Deploy again although a record exists" } },
    () => import("./deploy.ts"),
  ),
];
