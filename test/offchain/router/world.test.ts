import { expect } from "chai";
import type { Batch, Head } from "../../../offchain/chain/cursor.ts";
import type { LogStore } from "../../../offchain/chain/logStore.ts";
import type { Views } from "../../../offchain/chain/views.ts";
import { World } from "../../../offchain/router/world.ts";
import { ROUTER_ADDRESS, SESSION, SESSION_VIEW } from "./routerWorld.ts";

const hashOf = (number: number) => `0x${number.toString(16).padStart(64, "0")}`;
const headAt = (number: number): Head => ({ number, hash: hashOf(number), parentHash: hashOf(number - 1), timestamp: number });
/** As an announcement proved it: without an event of a watched contract. */
const quiet = (number: number): Head => ({ ...headAt(number), logsBloom: `0x${"00".repeat(256)}` });

describe("what the router reads at each head", () => {
  it("is the sessions, once each, and not where a block provably changed none", async () => {
    const read: number[] = [];
    const session = (_: number, block?: number) => Promise.resolve((read.push(block!), SESSION_VIEW));
    const journal = { logs: () => [], subjects: () => [], prune: () => undefined } as unknown as LogStore;
    const world = new World({ views: { session } as unknown as Views, journal, sessions: [SESSION], router: ROUTER_ADDRESS, local: true });
    const at = async (head: Head) => {
      world.absorb({ head, added: [], upTo: head.number, caughtUp: true, blocks: [] } satisfies Batch);
      await world.observe(head);
    };
    for (const head of [headAt(1), headAt(1), quiet(2), quiet(3), headAt(4), quiet(6), quiet(7)]) await at(head);
    expect(read).to.deep.equal([1, 4, 6]);
    expect(world.next.blockNumber).to.equal(8);
  });
});
