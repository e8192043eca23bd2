import { setTimeout as delay } from "node:timers/promises";
import type { SigningKey } from "ethers";
import { type Finish, grantDigest, type LiveEvent } from "../content/live.ts";
import { readLive } from "../content/livePeer.ts";
import type { Domain } from "../protocol/commitment.ts";
import { crashPoint } from "../runtime/crashPoint.ts";
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

/** A grant is used again while it holds for so much longer. */
const GRANT_LEFT_SECONDS = 120;
const MOST_GRANTS = 1_000;
/** While fewer answers than this are read, all of a committee are listened to until the first of them says something. */
const MOST_RACED = 16;
/** One for all: an error of its own for each reading that ends is dear when hundreds end in one moment. */
const HEARD_ENOUGH = new Error("enough was heard");

interface Member {
  seat: number;
  node: number;
}

/** A prompt's answer while one node of the committee writes it. A node that falls silent is followed by the next one that writes the same. */
export class LiveText {
  readonly #parts: LiveParts;
  readonly #grants = new Map<string, { until: number; grant: string }>();
  #reading = 0;

  constructor(parts: LiveParts) {
    this.#parts = parts;
  }

  /** Yields pieces of text; `shown` is kept up to date. Ends when a node has ended its answer, when no node tells any more, or when the signal aborts. */
  async *pieces(place: Place, shown: Shown, signal: AbortSignal): AsyncGenerator<string> {
    this.#reading++;
    try {
      const raced = this.#reading <= MOST_RACED;
      if (raced) this.#signAhead(place);
      const members = await this.#members(place, signal);
      for (let round = 0; round < ROUNDS && !signal.aborted; round++) {
        const groups = round === 0 && raced ? [members] : members.map((member) => [member]);
        for (const group of groups) {
          yield* this.#told(group, place, shown, signal);
          if (signal.aborted || shown.finish !== undefined) return;
        }
        await delay(PAUSE_MS, undefined, { signal }).catch(() => undefined);
      }
    } finally {
      this.#reading--;
    }
  }

  /** What the first of these nodes that says something adds to what was shown, until it ends or contradicts that. */
  async *#told(members: Member[], place: Place, shown: Shown, signal: AbortSignal): AsyncGenerator<string> {
    let told = "";
    for await (const { event, seat, node } of this.#firstOf(members, place, signal)) {
      if ("text" in event) {
        told += event.text;
        if (!told.startsWith(shown.text) && !shown.text.startsWith(told)) return;
        const fresh = told.slice(shown.text.length);
        if (fresh === "") continue;
        Object.assign(shown, { text: told, seat, node });
        yield fresh;
        crashPoint("tokenShown");
      } else if (told === shown.text) {
        Object.assign(shown, { finish: event.finish, seat, node });
        return;
      }
    }
  }

  /** Listens to all of them until one says something, then to that one alone. */
  async *#firstOf(members: Member[], { task, prompt }: Place, signal: AbortSignal): AsyncGenerator<Member & { event: LiveEvent }> {
    let listening = members.flatMap((member) => {
      const [base] = this.#parts.world.endpointsOf([member.node]);
      if (base === undefined) return [];
      const over = new AbortController();
      const events = readLive(base, task, prompt, this.#grant(task, member.node), AbortSignal.any([signal, over.signal]));
      return [{ member, over, events, next: events.next() }];
    });
    const all = listening;
    try {
      while (listening.length > 0) {
        const { one, found } = await Promise.race(listening.map(async (one) => ({ one, found: await one.next })));
        if (found.done) {
          listening = listening.filter((other) => other !== one);
          continue;
        }
        for (const other of listening) if (other !== one) other.over.abort(HEARD_ENOUGH);
        listening = [one];
        yield { ...one.member, event: found.value };
        one.next = one.events.next();
      }
    } finally {
      for (const { over } of all) over.abort(HEARD_ENOUGH);
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

  /** Grants for all who may be drawn, while the block that decides is awaited. */
  #signAhead({ task }: Place): void {
    const { tasks, leases } = this.#parts.world.book;
    for (const node of leases.get(tasks.get(task)?.lease ?? 0)?.nodes ?? []) this.#grant(task, node);
  }

  /** One signature for all prompts of a task. */
  #grant(task: bigint, node: number): string {
    const now = Math.floor(Date.now() / 1_000);
    const key = `${task}:${node}`;
    const known = this.#grants.get(key);
    if (known !== undefined && known.until - now > GRANT_LEFT_SECONDS) return known.grant;
    const until = now + GRANT_SECONDS;
    const grant = `${until}.${this.#parts.key.sign(grantDigest(this.#parts.domain, task, node, until)).serialized}`;
    this.#grants.set(key, { until, grant });
    if (this.#grants.size > MOST_GRANTS) this.#grants.delete(this.#grants.keys().next().value!);
    return grant;
  }
}
