import { mkdir, open, rename, stat } from "node:fs/promises";
import path from "node:path";
import { cidOf, type Digest } from "../content/contentId.ts";
import type { LocalStore } from "../content/localStore.ts";
import { MAX_CLAIM_BYTES } from "../protocol/claim.ts";
import { oneLine } from "../runtime/exit.ts";
import type { Logger } from "../runtime/log.ts";
import type { Delivery, Journal } from "./journal.ts";

/** Where results go besides the network: an address of the operator's, or a folder. */
export interface SinkParts {
  /** http(s) URL, or a folder. */
  target: string;
  journal: Journal;
  results: LocalStore;
  log: Logger;
  onDelivered: (outcome: "delivered" | "failed") => void;
}

const TIMEOUT_MS = 10_000;
const EVERY_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/**
 * Brings each result to the sink once. What is due is in the journal before it is brought, and marked once it is there. A folder gets one file for
 * each result, whole or not at all. An address gets a POST with an Idempotency-Key that is always the same for a result: where the process dies
 * between the address's answer and the mark, the same key comes again, and nothing else ever does.
 */
export class Sink {
  readonly #parts: SinkParts;
  readonly #stopping = new AbortController();
  #running: Promise<void> = Promise.resolve();
  #failures = 0;

  constructor(parts: SinkParts) {
    this.#parts = parts;
  }

  start(): void {
    this.#running = this.#loop();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const pause = (await this.deliver()) ? EVERY_MS : Math.min(EVERY_MS * 2 ** this.#failures, LONGEST_PAUSE_MS);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pause);
        signal.addEventListener("abort", () => (clearTimeout(timer), resolve()), { once: true });
      });
    }
  }

  /** Brings what is due; false where something could not be brought. */
  async deliver(): Promise<boolean> {
    const { journal, log, onDelivered, target } = this.#parts;
    for (const delivery of journal.deliveriesDue()) {
      if (this.#stopping.signal.aborted) return true;
      try {
        await this.#bring(delivery);
        journal.delivered(delivery);
        this.#failures = 0;
        onDelivered("delivered");
      } catch (error) {
        if (this.#stopping.signal.aborted) return true;
        this.#failures++;
        onDelivered("failed");
        const sink = URL.parse(target)?.origin ?? target;
        if (this.#failures === 1)
          log.warn({ sink, task: String(delivery.task), error: oneLine(error) }, "a result did not reach the sink; trying again");
        return false;
      }
    }
    return true;
  }

  async #bring({ task, seat, attempt, prompt, digest }: Delivery): Promise<void> {
    const { target, results } = this.#parts;
    const bytes = await results.get(digest as Digest, { maxBytes: MAX_CLAIM_BYTES });
    const name = `${task}-${attempt}-${seat}-${prompt}`;
    const record = {
      task: String(task),
      seat,
      attempt,
      prompt,
      digest,
      cid: cidOf(digest as Digest),
      result: Buffer.from(bytes).toString("base64"),
    };
    if (!/^https?:$/.test(URL.parse(target)?.protocol ?? "")) return await intoFolder(target, `${name}.json`, JSON.stringify(record));
    const response = await fetch(target, {
      method: "POST",
      headers: { "content-type": "application/json", "idempotency-key": name },
      body: JSON.stringify(record),
      redirect: "manual",
      signal: AbortSignal.any([this.#stopping.signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    await response.body?.cancel();
    // 409: it says that it has this one.
    if (!response.ok && response.status !== 409) throw new Error(`the sink answered ${response.status}, wanted 2xx`);
  }
}

/** The whole file or none; one that is there stays. */
async function intoFolder(folder: string, name: string, text: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, name);
  if ((await stat(file).catch(() => undefined)) !== undefined) return;
  const temporary = `${file}.part`;
  const handle = await open(temporary, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, file);
}
