import { expect } from "chai";
import { refuseDoppelganger } from "../../../offchain/node/doppelganger.ts";
import type { Endpoint } from "../../../offchain/chain/endpoint.ts";

/** An account whose counts a test sets. */
function account(counts: { latest: number; pending: number }) {
  const provider = { getTransactionCount: (_address: string, tag: "latest" | "pending") => Promise.resolve(counts[tag]) };
  return { provider } as unknown as Pick<Endpoint, "provider">;
}
const watch = async (counts: { latest: number; pending: number }, journalKnowsKey = false) =>
  await refuseDoppelganger({
    endpoint: account(counts),
    operator: "0x1",
    journalKnowsKey,
    watchMs: 60,
    everyMs: 10,
    signal: new AbortController().signal,
  }).then(
    () => undefined,
    (error: unknown) => error,
  );

describe("4b two agents, same key: a node with an empty journal", () => {
  it("starts where nobody sends with its key, and at once where the key is fresh or the journal its own", async () => {
    expect(await watch({ latest: 5, pending: 5 })).to.equal(undefined);
    const began = performance.now();
    expect(await watch({ latest: 0, pending: 0 })).to.equal(undefined);
    expect(await watch({ latest: 5, pending: 6 }, true)).to.equal(undefined);
    expect(performance.now() - began).to.be.lessThan(50);
  });

  it("refuses, K1, where the key's nonce moves while it watches, or a transaction waits that it has not sent", async () => {
    const counts = { latest: 5, pending: 5 };
    setTimeout(() => (counts.latest = counts.pending = 6), 25);
    expect(await watch(counts)).to.include({ exitCode: 9 });
    expect(await watch({ latest: 5, pending: 6 })).to.include({ exitCode: 9 });
  });
});
