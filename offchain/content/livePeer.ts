import { z } from "zod";
import type { LiveEvent } from "./live.ts";

const eventSchema = z.union([z.strictObject({ text: z.string().max(65_536) }), z.strictObject({ finish: z.enum(["stop", "length"]) })]);

const SILENCE_MS = 15_000;
const LONGEST_LINE = 128 * 1024;

/**
 * What a node tells of an answer while it writes it. The node is not trusted: lines are bounded and checked, silence ends it, no redirect is
 * followed. Ends without an error wherever the node stops telling. `grant`: the value after "Stream " in the header.
 */
export async function* readLive(base: string, task: bigint, prompt: number, grant: string, signal: AbortSignal): AsyncGenerator<LiveEvent> {
  const silent = new AbortController();
  const watchdog = setTimeout(() => silent.abort(), SILENCE_MS);
  try {
    const response = await fetch(`${base}/live/${task}/${prompt}`, {
      headers: { authorization: `Stream ${grant}`, "accept-encoding": "identity" },
      redirect: "manual",
      signal: AbortSignal.any([signal, silent.signal]),
    });
    if (response.status !== 200) return await response.body?.cancel();
    const decoder = new TextDecoder();
    let held = "";
    for await (const chunk of (response.body ?? []) as AsyncIterable<Uint8Array>) {
      watchdog.refresh();
      const parts = (held + decoder.decode(chunk, { stream: true })).split("\n");
      held = parts.pop()!;
      if (held.length > LONGEST_LINE) return;
      for (const line of parts) {
        if (line === "") continue;
        const event = eventSchema.parse(JSON.parse(line));
        yield event;
        if ("finish" in event) return;
      }
    }
  } catch {
    // Whatever the node did instead of telling: the next one is asked, and the verdict does not depend on it.
  } finally {
    clearTimeout(watchdog);
  }
}
