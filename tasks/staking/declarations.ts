import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

const position = { position: "the position's number" };
const to = { to: "receiver: address, or as in --from (default: the sender)" };
const days = { days: ["length of the lock: 28, 56 or 84", "28"] as const };

export const stakingTasks = [
  emptyTask("staking", "COR that holders lock, and what it earns").build(),
  subtask(
    ["staking", "show"],
    "Shows the totals, or an account's positions, earnings, votes and allowance",
    { options: { account: "address, or as in --from" } },
    () => import("./show.ts"),
  ),
  subtask(
    ["staking", "stake"],
    "Locks COR, which then earns",
    { changes: true, options: { amount: "COR", ...days } },
    () => import("./stake.ts"),
  ),
  subtask(
    ["staking", "relock"],
    "Begins another lock, with earnings settled",
    { changes: true, options: { ...position, ...days } },
    () => import("./relock.ts"),
  ),
  subtask(
    ["staking", "unstake"],
    "Takes principal back after its lock",
    { changes: true, options: { ...position, ...to } },
    () => import("./unstake.ts"),
  ),
  subtask(
    ["staking", "claim"],
    "Takes what the sender has earned",
    { changes: true, options: { positions: "numbers with commas between them (default: all of the sender's)", ...to } },
    () => import("./claim.ts"),
  ),
  subtask(["staking", "fund"], "Anyone: brings rewards from the incentives, a year ahead", { changes: true }, () => import("./fund.ts")),
];
