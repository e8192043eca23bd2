import type { Head } from "../chain/cursor.ts";
import { judgingActs } from "./acts/judging.ts";
import { keepingActs } from "./acts/keeping.ts";
import { miningActs } from "./acts/mining.ts";
import type { ActsOf, ActsParts } from "./acts/parts.ts";
import type { Action } from "./decide.ts";

export type { ActsParts };

/** How each action is carried out. What goes out twice, because a process died or an answer got lost, does no harm. */
export class Acts {
  readonly #acts: ActsOf<Action["kind"]>;

  constructor(parts: ActsParts) {
    this.#acts = { ...miningActs(parts), ...keepingActs(parts), ...judgingActs(parts) };
  }

  /** Does what the action says; resolves when the chain or the carrier has it. Throws what the edges throw. */
  async act<A extends Action>(action: A, head: Head, signal: AbortSignal): Promise<void> {
    const act = this.#acts[action.kind] as (action: A, head: Head, signal: AbortSignal) => Promise<void>;
    await act(action, head, signal);
  }
}
