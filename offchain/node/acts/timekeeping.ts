import { z } from "zod";
import type { Head } from "../../chain/cursor.ts";
import { oneLine } from "../../runtime/exit.ts";
import type { TimeAction } from "../roles/timekeeper.ts";
import { type SignedPing, signedPing } from "../roundWatch.ts";
import { type ActsOf, type ActsParts, sendCall } from "./parts.ts";

/** Pings in one transaction. */
const MOST_PINGS = 128;
/** Nodes whose prompts are counted in one transaction. */
const MOST_COUNTED = 64;
const PING_MS = 2_000;
/** Closing a round books every member, which costs more than what was simulated where another act comes first. */
const ENDING_HEADROOM = 1_500_000n;
const GAS = { headroom: ENDING_HEADROOM };

const pingSchema = z.object({
  node: z.int().min(1),
  window: z.int().min(0),
  r: z.string().regex(/^0x[0-9a-f]{64}$/),
  vs: z.string().regex(/^0x[0-9a-f]{64}$/),
});

/** What keeps rounds moving, and shows who lives. */
export function timekeepingActs(parts: ActsParts): ActsOf<TimeAction["kind"]> {
  const { rounds, engine } = parts;
  const once =
    <A extends TimeAction>(act: (action: A, signal: AbortSignal, head: Head) => Promise<void>) =>
    async (action: A, head: Head, signal: AbortSignal) => {
      await act(action, signal, head);
      rounds?.watch.did(action.kind, action.of);
    };
  return {
    openRound: once(async ({ round }) => {
      // Both kinds in turn.
      const kind = round % 2 === 1 ? 1 : 2;
      const model = `0x${parts.posing ?? engine.info().modelSha256}`;
      await sendCall(parts, `openRound:${round}`, ["PoUW", "open", [model, kind, 0]]);
    }),
    advanceRound: once(async ({ round, of }) => await sendCall(parts, `advance:${of}`, ["PoUW", "advance", [round]], GAS)),
    heartbeat: once(async ({ of }) => await sendCall(parts, `heartbeat:${of}`, ["OracleCommittee", "heartbeat", []])),
    rotate: once(async ({ of }) => await sendCall(parts, `rotate:${of}`, ["OracleCommittee", "rotate", []])),
    carryPings: once(async ({ window, all, of }, signal) => {
      const own = signedPing(parts.key, parts.deployment, parts.node, window);
      const others = all ? await gather(parts, window, signal) : [];
      const pings = [own, ...others].sort((a, b) => a.node - b.node).map(({ node, r, vs }) => ({ node, r, vs }));
      for (let from = 0; from < pings.length; from += MOST_PINGS)
        await sendCall(parts, `ping:${of}:${from}`, ["Liveness", "ping", [window, pings.slice(from, from + MOST_PINGS)]]);
    }),
    countService: once(async ({ of, all }, _signal, head) => {
      const nodes = all ? [...new Set([parts.node, ...parts.world.book.endpoints.keys()])] : [parts.node];
      const due = (await rounds?.watch.uncounted(nodes, head)) ?? [];
      for (let from = 0; from < due.length; from += MOST_COUNTED)
        await sendCall(parts, `countService:${of}:${from}`, ["Rewards", "countService", [due.slice(from, from + MOST_COUNTED)]]);
    }),
  };
}

/** The pings of all nodes that answer at the address that they announced. */
async function gather({ world, node: own, log }: ActsParts, window: number, signal: AbortSignal): Promise<SignedPing[]> {
  const asked = [...world.book.endpoints.keys()].filter((node) => node !== own);
  const answers = await Promise.all(
    asked.map(async (node) => {
      const base = world.endpointOf(node);
      if (base === undefined) return [];
      try {
        const limit = AbortSignal.any([signal, AbortSignal.timeout(PING_MS)]);
        const response = await fetch(`${base}/ping`, { signal: limit, redirect: "error" });
        const ping = pingSchema.parse(await response.json());
        return ping.node === node && ping.window === window ? [ping] : [];
      } catch (error) {
        log.debug({ node, error: oneLine(error) }, "a node gave no ping");
        return [];
      }
    }),
  );
  return answers.flat();
}
