import { type Conduct, decayed, SCORE_FLOOR, stepOf } from "../protocol/score.ts";
import type { Tables } from "./rows.ts";
import type { Row } from "./schema.ts";

/** The sum of an amount in a row and another. */
export const plus = (amount: string, more: bigint): string => (more === 0n ? amount : String(BigInt(amount) + more));

/** What a node did in a task, and what it is paid for it. */
export interface Due {
  conduct: Conduct;
  accepted: number;
  outliers: number;
  net: bigint;
}

/** Books one outcome in a node's account, as contracts/libraries/NodeLedger.sol does. Returns the score after it. */
export function bookNode(tables: Tables, id: number, { conduct, accepted, outliers, net }: Due, time: number): number | null {
  const node = tables.nodes.get(id);
  if (node === undefined) return null;
  const now = node.updated_at === 0 ? SCORE_FLOOR : decayed(node.score, time - node.updated_at);
  node.score = stepOf(now, conduct, accepted, outliers);
  node.updated_at = time;
  node.tasks += 1;
  node.silent += conduct === "silent" ? 1 : 0;
  node.unopened += conduct === "unopened" ? 1 : 0;
  node.accepted += accepted;
  node.outliers += outliers;
  if (accepted > outliers) node.streak += 1;
  else if (conduct !== "excused") node.streak = 0;
  node.best_streak = Math.max(node.best_streak, node.streak);
  node.owed = plus(node.owed, net);
  node.earned_tasks = plus(node.earned_tasks, net);
  tables.nodes.put(node);
  return node.score;
}

/** Pays the members of a lease in equal parts. Returns what was paid; the rest goes back to the session. */
export function payMembers(tables: Tables, lease: Row<"leases">, amount: bigint, time: number): bigint {
  const members = JSON.parse(lease.members) as number[];
  const each = amount / BigInt(members.length);
  for (const id of members) {
    const node = tables.nodes.get(id);
    if (node === undefined) continue;
    node.owed = plus(node.owed, each);
    node.earned_leases = plus(node.earned_leases, each);
    tables.nodes.put(node);
  }
  const paid = each * BigInt(members.length);
  const minute = minuteOf(tables, time);
  minute.leases = plus(minute.leases, paid);
  tables.minutes.put(minute);
  return paid;
}

/** Changes a session's row where it is known. */
export function withSession(tables: Tables, id: number, change: (session: Row<"sessions">) => void): void {
  const session = tables.sessions.get(id);
  if (session === undefined) return;
  change(session);
  tables.sessions.put(session);
}

/** The row of the minute in which a second lies. */
export function minuteOf(tables: Tables, time: number): Row<"minutes"> {
  const minute = time - (time % 60);
  const none = { queued: 0, settled: 0, accepted: 0, latency: 0, opened: 0, agreed: 0, prompts: 0 };
  const nothing = { charged: "0", nodes: "0", routers: "0", protocol: "0", bounties: "0", leases: "0" };
  return tables.minutes.get(minute) ?? { minute, ...none, ...nothing };
}
