import type { Part } from "./parts.ts";

const BPS = 10_000n;
const MOST_16 = 0xffff;
const MOST_24 = 0xffffff;

/** The parameters an epoch opened with; `budget` is what was set aside. Amounts in COR base units, shares in 1/10,000. */
export interface RewardParameters {
  budget: bigint;
  perPrompt: bigint;
  livenessBps: bigint;
  healthBps: bigint;
  serviceBps: bigint;
  betaBps: bigint;
  commitGateBps: bigint;
  totalGateBps: bigint;
}

/** What a node did in an epoch; weights in 1/10,000 of a point. */
export interface Tally {
  liveness: bigint;
  health: bigint;
  service: bigint;
  prompts: number;
  asked: number;
  begun: number;
  done: number;
  claimed: boolean;
}

/** An epoch: its parameters, the sums of all weights, the nodes in it, and what was paid out of it. */
export interface RewardEpoch {
  parameters: RewardParameters;
  liveness: bigint;
  health: bigint;
  service: bigint;
  claimed: bigint;
  lapsed: boolean;
  tallies: Map<number, Tally>;
}

/** What a node earned of an epoch, line by line, base units. */
export interface Earned {
  liveness: bigint;
  health: bigint;
  service: bigint;
}

const NOTHING: Earned = { liveness: 0n, health: 0n, service: 0n };

/** An epoch that opens with its first point. */
export const newEpoch = (parameters: RewardParameters): RewardEpoch => ({
  parameters,
  liveness: 0n,
  health: 0n,
  service: 0n,
  claimed: 0n,
  lapsed: false,
  tallies: new Map(),
});

/** A node's tally in an epoch, made where there is none. */
export function tallyOf(epoch: RewardEpoch, node: number): Tally {
  const known = epoch.tallies.get(node);
  if (known !== undefined) return known;
  const fresh = { liveness: 0n, health: 0n, service: 0n, prompts: 0, asked: 0, begun: 0, done: 0, claimed: false };
  epoch.tallies.set(node, fresh);
  return fresh;
}

/** Points at a level: each level adds `betaBps`. */
export const weightOf = (points: number, level: number, betaBps: bigint): bigint => BigInt(points) * (BPS + BigInt(level) * betaBps);

/** Counts a part for the epoch; changes `epoch`. The twin of `Rewards.count`. */
export function countPart(epoch: RewardEpoch, part: Part): void {
  const tally = tallyOf(epoch, part.node);
  if (tally.asked !== MOST_16) {
    tally.asked += 1;
    if (part.conduct !== "silent") tally.begun += 1;
    if ((part.conduct === "opened" || part.conduct === "excused") && part.mark !== "miss") tally.done += 1;
  }
  const weight = weightOf(part.points, part.level, epoch.parameters.betaBps);
  const line = part.line === "liveness" ? "liveness" : "health";
  tally[line] += weight;
  epoch[line] += weight;
}

/** Counts accepted prompts for the epoch; changes `epoch`. The twin of `Rewards.countService`. */
export function countPrompts(epoch: RewardEpoch, node: number, prompts: number, level: number): void {
  if (prompts === 0) return;
  const tally = tallyOf(epoch, node);
  const counted = Math.min(prompts, MOST_24 - tally.prompts);
  const weight = weightOf(counted, level, epoch.parameters.betaBps);
  tally.prompts += counted;
  tally.service += weight;
  epoch.service += weight;
}

/**
 * What an epoch that is over pays a node; the twin of `Rewards.claimable`.
 * @param uptimeBps share of the epoch's windows in which the node pinged, 1/10,000, as `uptimeOf` gives it
 */
export function claimableOf(epoch: RewardEpoch, node: number, uptimeBps: bigint): Earned {
  const tally = epoch.tallies.get(node);
  if (tally === undefined || tally.claimed || epoch.lapsed) return NOTHING;
  const { budget, perPrompt, livenessBps, healthBps, serviceBps, commitGateBps, totalGateBps } = epoch.parameters;
  const asked = BigInt(tally.asked);
  if (BigInt(tally.begun) * BPS < asked * commitGateBps || BigInt(tally.done) * BPS < asked * totalGateBps) return NOTHING;
  const share = (lineBps: bigint, weight: bigint, all: bigint) => (all === 0n ? 0n : (((budget * lineBps) / BPS) * weight) / all);
  const most = perPrompt * BigInt(tally.prompts);
  const service = share(serviceBps, tally.service, epoch.service);
  return {
    liveness: (share(livenessBps, tally.liveness, epoch.liveness) * uptimeBps) / BPS,
    health: (share(healthBps, tally.health, epoch.health) * uptimeBps) / BPS,
    service: ((service < most ? service : most) * uptimeBps) / BPS,
  };
}

/** Share of an epoch's windows in which a node pinged, 1/10,000. `pinged` holds `window:node` of every ping. */
export function uptimeOf(pinged: ReadonlySet<string>, epoch: number, node: number, windows: number): bigint {
  let found = 0n;
  for (let i = 0; i < windows; i++) if (pinged.has(`${epoch * windows + i}:${node}`)) found += 1n;
  return (found * BPS) / BigInt(windows);
}
