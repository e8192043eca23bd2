import { decodePromptTokens } from "../protocol/answers.ts";
import { ApiError } from "./apiError.ts";
import type { Batcher } from "./batcher.ts";
import { costOf, fits, isReady, type Offer, ranked, type Requirements, unmet, type Workload } from "./choice.ts";
import type { Submission } from "./submission.ts";
import { sessionOf, type World } from "./world.ts";

/** One session's way to the chain. */
export interface Lane {
  session: number;
  submission: Submission;
  batcher: Batcher;
}

/** The sessions of a router, and which of them a request takes. */
export class Lanes {
  readonly all: readonly Lane[];
  readonly #world: Pick<World, "sessions" | "book">;

  constructor(all: readonly Lane[], world: Pick<World, "sessions" | "book">) {
    this.all = all;
    this.#world = world;
  }

  /** Any lane, for what does not depend on the session. */
  get any(): Lane {
    return this.all[0]!;
  }

  /** Tasks submitted by all lanes, and the prompts in them. */
  get counters(): { tasks: number; prompts: number } {
    const sum = (what: "tasks" | "prompts") => this.all.reduce((total, { batcher }) => total + batcher.counters[what], 0);
    return { tasks: sum("tasks"), prompts: sum("prompts") };
  }

  /** The lane of a task. */
  of(task: bigint): Lane {
    return this.all.find(({ session }) => session === sessionOf(task)) ?? this.any;
  }

  /** The lane for a workload. Throws ApiError 400 where no session meets the requirements. */
  choose(requirements: Requirements, workload: Workload): Lane {
    const offers = this.#offers();
    if (offers.length === 0) return this.any;
    const [best] = ranked(offers, requirements, workload);
    if (best !== undefined) return this.#lane(best.session);
    const why = offers.map((offer) => `session ${offer.session}: ${unmet(offer, requirements)}`).join("; ");
    throw new ApiError(400, `found no session that meets the requirements: ${why}`, { code: "no_session_fits", param: "verification" });
  }

  /** Lanes for the parts of a list, in order: the first one, and those that are just like it, as their queues allow. */
  spread(first: Lane, parts: Workload[], requirements: Requirements): Lane[] {
    const offers = this.#likes(first, requirements, parts[0]!);
    return parts.map((part) => {
      const [best] = ranked(offers, { ...requirements, sort: "latency" }, part);
      if (best === undefined) return first;
      best.openPrompts += part.prompts;
      best.openTasks++;
      return this.#lane(best.session);
    });
  }

  /** Another lane just like one whose nodes did not answer; the same one where there is no other. */
  instead(failed: Lane, requirements: Requirements, workload: Workload): Lane {
    const others = this.#likes(failed, requirements, workload).filter(({ session }) => session !== failed.session);
    const [best] = ranked(others, { ...requirements, sort: "latency" }, workload);
    return best === undefined ? failed : this.#lane(best.session);
  }

  /** Sessions that cost the same, hold the workload and can begin. */
  #likes(lane: Lane, requirements: Requirements, workload: Workload): Offer[] {
    const offers = this.#offers();
    const own = offers.find(({ session }) => session === lane.session);
    if (own === undefined) return [];
    const alike = (offer: Offer) =>
      costOf(offer) === costOf(own) && offer.redundancy === own.redundancy && fits(offer, workload) && isReady(offer);
    return offers.filter((offer) => alike(offer) && unmet(offer, requirements) === undefined);
  }

  #lane(session: number): Lane {
    return this.all.find((lane) => lane.session === session)!;
  }

  #offers(): Offer[] {
    const { sessions, book } = this.#world;
    const load = new Map<number, { tasks: number; prompts: number }>();
    for (const { session, settled, terms } of this.all.length > 1 ? book.tasks.values() : []) {
      if (settled !== undefined) continue;
      const { tasks, prompts } = load.get(session) ?? { tasks: 0, prompts: 0 };
      load.set(session, { tasks: tasks + 1, prompts: prompts + decodePromptTokens(terms.promptTokens).length });
    }
    return this.all.flatMap(({ session, batcher }) => {
      const found = sessions.get(session);
      if (found === undefined) return [];
      const { rules, lease, leaseNodes, closed, maxPromptTokens } = found;
      const { tasks, prompts } = load.get(session) ?? { tasks: 0, prompts: 0 };
      const { price, redundancy, level, maxTokens } = rules;
      const nodes = lease === 0 ? 0 : leaseNodes;
      const waiting = this.all.length > 1 ? batcher.waiting : 0;
      return [
        { session, closed, level, price, redundancy, maxPromptTokens, maxTokens, nodes, openTasks: tasks, openPrompts: prompts + waiting },
      ];
    });
  }
}
