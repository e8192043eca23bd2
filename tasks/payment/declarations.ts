import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

const to = { to: "receiver: address, or as in --from (default: the sender)" };

export const paymentTasks = [
  emptyTask("payment", "COR in sessions, and what is owed to nodes and accounts").build(),
  subtask(
    ["payment", "show"],
    "Shows the money of a session, a node or an account",
    { options: { session: "the session's number", node: "the node's number", account: "address, or as in --from" } },
    () => import("./show.ts"),
  ),
  subtask(
    ["payment", "deposit"],
    "Pays COR into a session",
    { changes: true, options: { session: "the session's number", amount: "COR" } },
    () => import("./deposit.ts"),
  ),
  subtask(
    ["payment", "withdraw"],
    "Takes all that is owed to the sender, or to a node it owns",
    { changes: true, options: { node: "the node's number", ...to } },
    () => import("./withdraw.ts"),
  ),
  subtask(
    ["payment", "transfer"],
    "Sends COR to an account",
    { changes: true, options: { to: "receiver: address, or as in --from", amount: "COR" } },
    () => import("./transfer.ts"),
  ),
  subtask(
    ["payment", "collect"],
    "Anyone: moves protocol fees that wait beside accounts to the treasury's owed",
    { changes: true, options: { accounts: "addresses with commas between them" } },
    () => import("./collect.ts"),
  ),
];
