import { buildHandover, encodeHandover } from "../../protocol/handover.ts";
import { encodeTerms } from "../../protocol/terms.ts";
import type { OracleAction } from "../roles/oracle.ts";
import { type ActsOf, type ActsParts, sendCall, SETTLING_HEADROOM } from "./parts.ts";

/** What keeps tasks and leases moving. */
export function keepingActs(parts: ActsParts): ActsOf<OracleAction["kind"]> {
  const { world } = parts;
  return {
    assign: async ({ task }) => {
      const entry = world.book.tasks.get(task);
      if (entry === undefined) return;
      const { terms, deadline, attempt } = entry;
      await sendCall(parts, `assign:${task}:${attempt}`, ["SessionQueue", "assign", [task, encodeTerms(terms)]], { deadline });
    },
    ask: async ({ task }) => {
      const entry = world.book.tasks.get(task);
      if (entry === undefined) return;
      const handover = encodeHandover(buildHandover(task, entry.terms, entry.commits, entry.openings));
      await sendCall(parts, `ask:${task}:${entry.attempt}`, ["SessionQueue", "reveal", [handover]]);
    },
    settle: async ({ task }) => {
      const entry = world.book.tasks.get(task);
      if (entry === undefined) return;
      const handover = encodeHandover(buildHandover(task, entry.terms, entry.commits, entry.openings));
      await sendCall(parts, `settle:${task}:${entry.attempt}`, ["SessionQueue", "settle", [handover]], { headroom: SETTLING_HEADROOM });
    },
    drawLease: async ({ session, seedBlock }) => await sendCall(parts, `draw:${session}:${seedBlock}`, ["Session", "drawLease", [session]]),
    collect: async ({ lease }) => await sendCall(parts, `collect:${lease}`, ["NodePool", "collect", [lease]]),
  };
}
