import { setTimeout as delay } from "node:timers/promises";
import type { Endpoint } from "../chain/endpoint.ts";
import { EXIT, Fatal } from "../runtime/exit.ts";

/** How a node that starts with an empty journal looks for another process with its key. */
export interface DoppelgangerWatch {
  endpoint: Pick<Endpoint, "provider">;
  operator: string;
  /** Whether this journal has ever sent anything; then the lock of its folder already keeps others out. */
  journalKnowsKey: boolean;
  /** How long to watch. */
  watchMs: number;
  everyMs?: number;
  signal: AbortSignal;
}

/**
 * Watches whether somebody else sends with this key. Two processes with one key make the same commitment, because salts follow from the key, but they
 * take each other's nonces. A key that never sent anything has no twin. Throws Fatal (inUse) where the key is used meanwhile.
 */
export async function refuseDoppelganger({
  endpoint,
  operator,
  journalKnowsKey,
  watchMs,
  everyMs = 1_000,
  signal,
}: DoppelgangerWatch): Promise<void> {
  if (journalKnowsKey || watchMs === 0) return;
  const { provider } = endpoint;
  const before = await provider.getTransactionCount(operator, "latest");
  if (before === 0) return;
  for (const end = performance.now() + watchMs; performance.now() < end;) {
    await delay(everyMs, undefined, { signal });
    const [now, pending] = await Promise.all([
      provider.getTransactionCount(operator, "latest"),
      provider.getTransactionCount(operator, "pending"),
    ]);
    if (now === before && pending === now) continue;
    throw new Fatal(
      EXIT.inUse,
      `found another process that sends with ${operator}, wanted this one alone; stop it, or bring its journal here (journal export, journal import)`,
    );
  }
}
