import type { Views } from "../chain/views.ts";
import type { SessionReply } from "./nativeSchemas.ts";
import type { World } from "./world.ts";

export interface DeskParts {
  world: World;
  views: Pick<Views, "sessionBalance" | "lease" | "node">;
  sessions: readonly number[];
  /** The model's name. */
  model: string;
}

/** What there is to say about sessions: their terms, money, leases and load. */
export class SessionDesk {
  readonly #parts: DeskParts;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** Throws what the views throw; none before the router has read the chain. */
  async sessions(): Promise<SessionReply[]> {
    return (await Promise.all(this.#parts.sessions.map(async (id) => await this.#session(id)))).flat();
  }

  async #session(id: number): Promise<SessionReply[]> {
    const { world, views, model } = this.#parts;
    const session = world.sessions.get(id);
    if (session === undefined) return [];
    const { rules, lease, leaseUntil, leaseNodes } = session;
    const { available, locked } = await views.sessionBalance(id);
    return [
      {
        session: id,
        model,
        level: rules.level,
        closed: session.closed,
        redundancy: rules.redundancy,
        quorum: rules.quorum,
        validators: rules.assured,
        price_per_1000_tokens: String(rules.price),
        max_prompts: session.maxPrompts,
        max_prompt_tokens: session.maxPromptTokens,
        max_tokens: rules.maxTokens,
        lease: lease === 0 ? null : { lease, until: leaseUntil, nodes: leaseNodes },
        available: String(available),
        locked: String(locked),
        open_tasks: [...world.book.tasks.values()].filter((task) => task.session === id && task.settled === undefined).length,
      },
    ];
  }

  async nodes(): Promise<{ node: number; operator: string; endpoint: string | null; sessions: number[] }[]> {
    const { world, views, sessions } = this.#parts;
    const held = new Map<number, number[]>();
    for (const id of sessions) {
      const lease = world.sessions.get(id)?.lease ?? 0;
      for (const node of lease === 0 ? [] : (await views.lease(lease)).nodes) held.set(node, [...(held.get(node) ?? []), id]);
    }
    return await Promise.all(
      [...held].map(async ([node, ids]) => ({
        node,
        operator: (await views.node(node)).operator,
        endpoint: world.endpointsOf([node])[0] ?? null,
        sessions: ids,
      })),
    );
  }
}
