import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

const proposal = { proposal: "the proposal's number" };

export const governanceTasks = [
  emptyTask("governance", "Votes of COR, and what they change").build(),
  subtask(["governance", "list"], "Lists all proposals", {}, () => import("./list.ts")),
  subtask(["governance", "status"], "Shows a proposal, or without one how votes run", { options: proposal }, () => import("./status.ts")),
  subtask(
    ["governance", "propose"],
    "Proposes one call of a module",
    {
      changes: true,
      options: {
        call: "module and function, for example Session.setParameters",
        args: ["its arguments as a JSON list; amounts in base units, as texts", "[]"],
        why: "what it is for, in a sentence",
      },
    },
    () => import("./propose.ts"),
  ),
  subtask(
    ["governance", "vote"],
    "Votes with what is delegated to the sender",
    { changes: true, options: { ...proposal, support: ["for, against or abstain", "for"], reason: "why" } },
    () => import("./vote.ts"),
  ),
  subtask(
    ["governance", "queue"],
    "Anyone: hands a proposal that won to the timelock",
    { changes: true, options: proposal },
    () => import("./queue.ts"),
  ),
  subtask(
    ["governance", "execute"],
    "Anyone: carries out what has waited in the timelock",
    { changes: true, options: proposal },
    () => import("./execute.ts"),
  ),
  subtask(
    ["governance", "delegate"],
    "Says who votes with the sender's COR",
    { changes: true, options: { to: "address, or as in --from (default: the sender)" }, flags: { staked: "With the staked COR instead" } },
    () => import("./delegate.ts"),
  ),
];
