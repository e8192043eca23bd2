import { type SigningKey, Signature, TypedDataEncoder } from "ethers";
import type { Network } from "./network.ts";

const TYPES = {
  Ping: [
    { name: "node", type: "uint24" },
    { name: "window", type: "uint40" },
  ],
};

/** A ping signed by a node's operator (or another key). */
export function signedPing(net: Network, node: number, window: bigint, key: SigningKey = net.operators.get(node)!.signingKey) {
  const domain = {
    name: "Corroborate",
    version: "1",
    chainId: net.domain.chainId,
    verifyingContract: net.modules.Liveness.target as string,
  };
  const { r, yParityAndS } = Signature.from(key.sign(TypedDataEncoder.hash(domain, TYPES, { node, window })));
  return { node, r, vs: yParityAndS };
}

/** Carries pings of the running window of these nodes (default: all) in one transaction. */
export async function ping(net: Network, nodes: number[] = [...net.operators.keys()]) {
  // The chain's clock moves by itself: the transaction's second is fixed, so that its window is.
  const second = BigInt((await net.networkHelpers.time.latest()) + 1);
  const window = second / (await net.modules.Liveness.WINDOW());
  await net.networkHelpers.time.setNextBlockTimestamp(second);
  return await net.modules.Liveness.connect(net.keeper).ping(
    window,
    nodes.map((node) => signedPing(net, node, window)),
  );
}

/** Pings in every window until the end of an epoch, then moves past it. Returns the epoch. */
export async function liveThroughEpoch(net: Network, nodes?: number[]): Promise<bigint> {
  const { Rewards, Liveness } = net.modules;
  const epoch = await Rewards.currentEpoch();
  while ((await Rewards.currentEpoch()) === epoch) {
    await ping(net, nodes);
    await net.networkHelpers.time.increaseTo(((await Liveness.currentWindow()) + 1n) * (await Liveness.WINDOW()));
  }
  return epoch;
}

/** Moves to the first second of the next epoch. */
export async function nextEpoch(net: Network): Promise<bigint> {
  const { Rewards } = net.modules;
  const next = (await Rewards.currentEpoch()) + 1n;
  await net.networkHelpers.time.increaseTo(next * (await Rewards.EPOCH()));
  return next;
}
