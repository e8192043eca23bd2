import type { NetworkConnection } from "hardhat/types/network";

type Call = Parameters<NetworkConnection["provider"]["request"]>[0];

/** Requests that may make a block. */
const MINES = new Set(["eth_sendTransaction", "eth_sendRawTransaction", "evm_mine", "hardhat_mine"]);

/**
 * Takes the machine's clock from a test's chain: a block comes one second after the last, unless the test has set its second. What is drawn,
 * which window a transaction falls into and what it costs are then the same in every run, also on a machine that stands still meanwhile.
 */
export function keepTime({ provider }: Pick<NetworkConnection, "provider">): void {
  const request = provider.request.bind(provider);
  const latest = () =>
    request({ method: "eth_getBlockByNumber", params: ["latest", false] }) as Promise<{ hash: string; timestamp: string }>;
  const setNext = (second: bigint) => request({ method: "evm_setNextBlockTimestamp", params: [`0x${second.toString(16)}`] });
  /** The test has set the second of the next block. */
  let isSet = false;
  let lane: Promise<unknown> = Promise.resolve();

  async function mine(call: Call): Promise<unknown> {
    const { hash, timestamp } = await latest();
    if (!isSet) await setNext(BigInt(timestamp) + 1n);
    try {
      return await request(call);
    } finally {
      // What was refused before it came into a block leaves the second that was set to the next.
      if ((await latest()).hash !== hash) isSet = false;
    }
  }

  provider.request = async (call) => {
    if (MINES.has(call.method)) {
      const answer = lane.then(() => mine(call));
      lane = answer.catch(() => undefined);
      return await answer;
    }
    const answer = await request(call);
    if (call.method === "evm_setNextBlockTimestamp") isSet = true;
    return answer;
  };
}
