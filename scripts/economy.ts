import { parseEther } from "ethers";

/** A twelfth of a year of 365 days, seconds. */
export const MONTH = (365 * 86_400) / 12;

/** A part of the one billion COR. Amounts in base units, times in seconds from the start. */
export interface Allocation {
  name: string;
  amount: bigint;
  /** None: free from the start. */
  vesting?: { cliff: number; duration: number };
}

/** 35 % of all COR: staking rewards by the schedule, and network work. */
export const INCENTIVES = parseEther("350000000");

/**
 * All of COR. Upstream publishes the incentives (35 %), and figures of staking that follow from 400 million in circulation first; how the
 * rest is divided is this project's own choice.
 */
export const ALLOCATIONS: readonly Allocation[] = [
  { name: "incentives", amount: INCENTIVES },
  { name: "circulation", amount: parseEther("400000000") },
  { name: "contributors", amount: parseEther("150000000"), vesting: { cliff: 12 * MONTH, duration: 48 * MONTH } },
  { name: "treasury", amount: parseEther("100000000"), vesting: { cliff: 0, duration: 48 * MONTH } },
];
