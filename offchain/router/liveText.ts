import { setTimeout as delay } from "node:timers/promises";
import type { SigningKey } from "ethers";
import { type Finish, grantDigest } from "../content/live.ts";
import { readLive } from "../content/livePeer.ts";
import type { Domain } from "../protocol/commitment.ts";
import type { Place } from "./batcher.ts";
import type { World } from "./world.ts";

export interface LiveParts {
  world: World;
  /** The router's key, which grants itself what its own tasks' nodes tell. */
  key: SigningKey;
  domain: Domain;
}

/** What was shown of an answer before anybody agreed with it. */
export interface Shown {
  text: string;
  /** Whose tokens they were; undefined where no node told any. */
  seat: number | undefined;
  node: number | undefined;
  /** How the node ended its answer; undefined where it did not get so far. */
  finish: Finish | undefined;
}

const GRANT_SECONDS = 300;
const ROUNDS = 20;
const PAUSE_MS = 250;

/** A prompt's answer while one node of the committee writes it. A node that falls silent is followed by the next one that writes the same. */
export class LiveText {
  readonly #parts: LiveParts;

  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  /** Yields pieces of text; `shown` is kept up to date. Ends when a node has ended its answer, when no node tells any more, or when the signal aborts. */
  async *pieces(place: Place, shown: Shown, signal: AbortSignal): AsyncGenerator<string> {
    const members = await this.#members(place, signal);
    for (let round = 0; round < ROUNDS && !signal.aborted; round++) {
      for (const { seat, node } of members) {
        const [base] = this.#parts.world.endpointsOf([node]);
        if (base === undefined) continue;
        let told = "";
        for await (const event of readLive(base, place.task, place.prompt, this.#grant(place.task, node), signal)) {
          if ("text" in event) {
            told += event.text;
            if (!told.startsWith(shown.text) && !shown.text.startsWith(told)) break;
            const fresh = told.slice(shown.text.length);
            if (fresh === "") continue;
            Object.assign(shown, { text: told, seat, node });
            yield fresh;
          } else if (told === shown.text) {
            Object.assign(shown, { finish: event.finish, seat, node });
            return;
          }
        }
        if (signal.aborted) return;
      }
      await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  async #members({ task, seedBlock }: Place, signal: AbortSignal) {
    const { world } = this.#parts;
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    for (let block = seedBlock; !signal.aborted; block++) {
      await Promise.race([world.arrivals.reached(block), aborted]);
      const entry = world.book.tasks.get(task);
      const members = entry && (await world.committee(entry).catch(() => undefined));
      if (members !== undefined) return members;
    }
    return [];
  }

  #grant(task: bigint, node: number): string {
    const until = Math.floor(Date.now() / 1_000) + GRANT_SECONDS;
    return `${until}.${this.#parts.key.sign(grantDigest(this.#parts.domain, task, node, until)).serialized}`;
  }
}
