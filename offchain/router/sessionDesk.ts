import type { Views } from "../chain/views.ts";
import { decodePromptTokens } from "../protocol/answers.ts";
import type { SessionReply } from "./nativeSchemas.ts";
import type { World } from "./world.ts";

export interface DeskParts {
  world: World;
  views: Pick<Views, "sessionBalance" | "lease" | "node">;
  session: number;
  /** The model's name. */
  model: string;
}

/** What there is to say about a session: its terms, money, lease and load. */
export class SessionDesk {
  readonly #parts: DeskParts;

  constructor(parts: DeskParts) {
    this.#parts = parts;
  }

  /** Tasks that have not ended, and the prompts in them. */
  get load(): { tasks: number; prompts: number } {
    const open = [...this.#parts.world.book.tasks.values()].filter(({ settled }) => settled === undefined);
    return { tasks: open.length, prompts: open.reduce((sum, { terms }) => sum + decodePromptTokens(terms.promptTokens).length, 0) };
  }

  /** Throws what the views throw; none before the router has read the chain. */
  async sessions(): Promise<SessionReply[]> {
    const { world, views, session: id, model } = this.#parts;
    const { session } = world;
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
        open_tasks: this.load.tasks,
      },
    ];
  }

  async nodes(): Promise<{ node: number; operator: string; endpoint: string | null; sessions: number[] }[]> {
    const { world, views, session: id } = this.#parts;
    const lease = world.session?.lease ?? 0;
    if (lease === 0) return [];
    const { nodes } = await views.lease(lease);
    return await Promise.all(
      nodes.map(async (node) => ({
        node,
        operator: (await views.node(node)).operator,
        endpoint: world.endpointsOf([node])[0] ?? null,
        sessions: [id],
      })),
    );
  }
}
