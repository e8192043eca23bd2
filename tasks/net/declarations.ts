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
    ["net", "watch"],
    "Prints what happens on the network, an event a line as it comes; with --json an object a line",
    {
      options: {
        seconds: "how long (default: until it is interrupted)",
        since: ["block to begin with (latest: what comes from now on)", "latest"],
        module: "only events of this module",
      },
    },
    () => import("./watch.ts"),
  ),
  subtask(
    ["net", "deploy"],
    "Deploys all contracts with the network's parameters and writes the deployment record",
    {
      changes: true,
      flags: { force: "Deploy again although a record exists" },
      options: { journal: "name of the journal to go on with after an interruption (default: the network's name)" },
    },
    () => import("./deploy.ts"),
  ),
  subtask(
    ["net", "verify"],
    "Compares the deployment record with the chain and the build: code, arguments, wiring, parameters, roles; exits 1 on any difference",
    { flags: { accept: "Take changed parameters, roles and wiring into the record (code never)" } },
    () => import("./verify.ts"),
  ),
];
