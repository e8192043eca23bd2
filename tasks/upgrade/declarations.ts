import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

/** A new version of a module beside the old one, and the vote that switches to it. */
export const upgradeTasks = [
  emptyTask("upgrade", "A new version of a module, beside the old one until a vote switches to it").build(),
  subtask(
    ["upgrade", "deploy"],
    "Creates the build's version of a module, and of all that know it by its address, beside those in use; resumable",
    { changes: true, options: { module: "the module, for example Judge" } },
    () => import("./deploy.ts"),
  ),
  subtask(
    ["upgrade", "propose"],
    "Proposes to a vote that Runtime names what upgrade deploy has created",
    { changes: true, options: { why: "what it is for, in a sentence" } },
    () => import("./propose.ts"),
  ),
  subtask(["upgrade", "adopt"], "Takes an upgrade that Runtime names into the deployment record", {}, () => import("./adopt.ts")),
  subtask(
    ["governance", "enact"],
    "Local chain only: votes for a proposal and moves the chain's clock until it is carried out",
    { changes: true, options: { proposal: "the proposal's number (default: the last one)" } },
    () => import("./enact.ts"),
  ),
];
