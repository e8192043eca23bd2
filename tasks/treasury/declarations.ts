import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

export const treasuryTasks = [
  emptyTask("treasury", "The protocol's own money").build(),
  subtask(["treasury", "show"], "Shows what the treasury has and is owed", {}, () => import("./show.ts")),
  subtask(["treasury", "collect"], "Anyone: brings the fees that SessionPayment owes it", { changes: true }, () => import("./collect.ts")),
  subtask(["treasury", "observe"], "Anyone: notes the price that bounds later trades", { changes: true }, () => import("./observe.ts")),
  subtask(
    ["treasury", "buyback"],
    "Buys COR for the quote token (governance; else see governance propose)",
    { changes: true, options: { amount: "of the quote token, 18 decimals" } },
    () => import("./buyback.ts"),
  ),
  subtask(
    ["treasury", "pay"],
    "Pays COR out of the treasury (governance; else see governance propose)",
    { changes: true, options: { to: "receiver: address, or as in --from", amount: "COR" } },
    () => import("./pay.ts"),
  ),
];
