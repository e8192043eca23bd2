import type { SessionView } from "../chain/views.ts";
import type { Clock } from "../protocol/phases.ts";

/** What decides about a session's lease. */
export interface LeaseSight {
  session: Pick<SessionView, "closed" | "lease" | "leaseUntil" | "leaseNodes" | "seedBlock" | "reservedSeconds" | "reserveBy" | "rules">;
  /** Nodes that a draw could pick from now. */
  eligible: number;
  /** Whether the session's lease still holds its members, lapsed or not. */
  held: boolean;
}

export interface LeaseAction {
  kind: "reserve" | "drawLease" | "cancelReservation" | "collect" | "wait";
  reason: string;
  /** True where somebody should know: tasks cannot be taken, or will not be soon. */
  short?: boolean;
}

/** A lease is renewed after this part of it. */
export const RENEW_SHARE = 0.7;

/** Whether `decideLease` could want anything but wait; where not, eligible nodes need not be counted. */
export function leaseNeedsCare(
  { closed, lease, leaseUntil, seedBlock, reservedSeconds, rules }: LeaseSight["session"],
  next: Clock,
): boolean {
  if (closed || !rules.leased) return false;
  return seedBlock !== 0 || lease === 0 || next.timestamp >= leaseUntil - reservedSeconds * (1 - RENEW_SHARE);
}

/** What keeps a session's lease alive. Pure; `next` as in `decide`. */
export function decideLease({ session, eligible, held }: LeaseSight, next: Clock): LeaseAction {
  const { lease, leaseUntil, leaseNodes, seedBlock, reserveBy } = session;
  const wait = (reason: string): LeaseAction => ({ kind: "wait", reason });
  if (!leaseNeedsCare(session, next)) return wait("nothing is due");
  const enough = eligible >= leaseNodes;
  const short = `found ${eligible} free nodes, wanted ${leaseNodes}`;
  if (seedBlock !== 0) {
    if (next.blockNumber <= seedBlock) return wait("the seed block is not mined yet");
    if (enough) return { kind: "drawLease", reason: "the seed is known" };
    if (next.timestamp > reserveBy) return { kind: "cancelReservation", reason: `${short} in time`, short: true };
    return { kind: "wait", reason: short, short: true };
  }
  if (enough) return { kind: "reserve", reason: lease === 0 ? "the session has no lease" : "the lease ends soon" };
  const lapsed = lease !== 0 && next.timestamp > leaseUntil;
  if (lapsed && held) return { kind: "collect", reason: "the lease has lapsed, and its nodes are wanted again" };
  return { kind: "wait", reason: short, short: true };
}
