import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

const vesting = { vesting: "address of the Vesting contract" };

export const vestingTasks = [
  emptyTask("vesting", "Allocations of COR that become their beneficiary's over time").build(),
  subtask(
    ["vesting", "create"],
    "Puts COR into a new vesting contract: linear, nothing before the cliff, revocable by nobody",
    {
      changes: true,
      options: {
        beneficiary: "address, or as in --from",
        amount: "COR",
        months: ["length, in twelfths of a year of 365 days", "48"],
        cliffMonths: ["time before which nothing is free, likewise", "0"],
        start: "when it begins, seconds since 1970 (default: now)",
      },
    },
    () => import("./create.ts"),
  ),
  subtask(
    ["vesting", "show"],
    "Shows a vesting contract: what is free, and when the rest is",
    { options: vesting },
    () => import("./show.ts"),
  ),
  subtask(
    ["vesting", "release"],
    "Anyone: sends what is free to the beneficiary",
    { changes: true, options: vesting },
    () => import("./release.ts"),
  ),
];
