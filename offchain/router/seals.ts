import { hkdfSync } from "node:crypto";
import type { Deployment } from "../chain/deployment.ts";
import type { Views } from "../chain/views.ts";
import type { Digest } from "../content/contentId.ts";
import { KeyHandover, LeasedNodes } from "../sdk/nodes.ts";
import type { Submitted } from "./submission.ts";
import type { World } from "./world.ts";

export interface SealsParts {
  /** The router's private key, 0x hex. */
  privateKey: string;
  deployment: Deployment;
  views: Views;
  world: World;
}

const PREFIX = "sealed-";
const LOOK_EVERY_MS = 500;

/** Keys of sealed tasks. They follow from the router's own key and the task's name, so that nothing readable lies on disk and a restart loses none. */
export class Seals {
  readonly #parts: SealsParts;

  constructor(parts: SealsParts) {
    this.#parts = parts;
  }

  /** A name for a submission, which says by itself that its task is sealed. */
  static nameFor(id: string): string {
    return `${PREFIX}${id}`;
  }

  /** The key of a submission; undefined for one that is not sealed. */
  keyOf(name: string): Uint8Array | undefined {
    if (!name.startsWith(PREFIX)) return undefined;
    const secret = Buffer.from(this.#parts.privateKey.slice(2), "hex");
    return new Uint8Array(hkdfSync("sha256", secret, "corroborate/router-seal/1", name, 32));
  }

  /** Hands a task's key to the nodes that are drawn, until it ends. Never rejects. */
  async handOver({ task, terms }: Pick<Submitted, "task" | "terms">, key: Uint8Array, ended: Promise<unknown>): Promise<void> {
    const { world, views, deployment } = this.#parts;
    let over = false;
    const end = ended.then(
      () => void (over = true),
      () => void (over = true),
    );
    let handover: KeyHandover | undefined;
    while (!over) {
      const entry = world.book.tasks.get(task);
      const members = (entry && (await world.committee(entry).catch(() => undefined))) ?? [];
      if (members.length > 0) {
        const bases = new Map(members.flatMap(({ node }) => world.endpointsOf([node]).map((base): [number, string] => [node, base])));
        handover ??= new KeyHandover(views, deployment, new LeasedNodes(bases), key, terms.manifest as Digest);
        await handover.hand(members.map(({ node }) => node));
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, LOOK_EVERY_MS);
      await Promise.race([promise, end]);
      clearTimeout(timer);
    }
  }
}
