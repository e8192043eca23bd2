import type { Endpoint } from "../../offchain/chain/endpoint.ts";
import { startNetwork } from "../contract/network.ts";
import { answer, digestOf, Kind, RoundDriver, verdict } from "../contract/rounds.ts";
import { type IndexServer, serveIndex } from "./indexServer.ts";

/** Bits in which an outlier's sketch differs from the others': many more than the threshold. */
const APART = 90;

/**
 * The page over the real contracts, after five rounds of network work: two judged ones of the first kind (the second with an outlier and a
 * silent answerer), one of the second kind with validators, one that nobody claimed, and one that waits for its openings.
 */
export async function roundsScene(): Promise<IndexServer> {
  const net = await startNetwork({ nodes: 8, leased: false });
  const { ethers, domain, record, networkHelpers } = net;
  const fresh = await RoundDriver.open(net, Kind.Liveness);
  await fresh.run();
  const odd = await RoundDriver.open(net, Kind.Liveness);
  const seats = await odd.start();
  const given = [answer(0), answer(1, 3), answer(2, APART)].slice(0, seats.length);
  await odd.commit(given);
  await networkHelpers.time.increase(1);
  await odd.reveal(given);
  const scored = await RoundDriver.open(net, Kind.Capability);
  await scored.run(undefined, [verdict([8, 7, 3]), verdict([9, 7, 4])]);
  const unclaimed = await RoundDriver.open(net, Kind.Liveness);
  await unclaimed.draw();
  for (let tries = 0; tries < 10 && (await unclaimed.phase()) < 8; tries++) {
    await unclaimed.expire();
    await unclaimed.advance();
    if ((await unclaimed.phase()) < 8) await unclaimed.draw().catch(() => undefined);
  }
  const running = await RoundDriver.open(net, Kind.Liveness);
  await running.start();
  await running.commit([answer(0), answer(1)]);
  // Two node images, one of which nodes declare: what the leaderboard ranks.
  const { COR, ImageRegistry } = net.modules;
  await (await COR.transfer(net.client.address, 10n ** 22n)).wait();
  await (await COR.connect(net.client).approve(ImageRegistry.target, 10n ** 22n)).wait();
  for (const [i, source] of ["https://images.example/node-1.4", "https://images.example/node-1.3"].entries())
    await (await ImageRegistry.connect(net.client).publish(digestOf(`image ${i}`), 0, source)).wait();
  for (const node of [1, 2, 3]) await (await ImageRegistry.connect(net.operators.get(node)).declare(node, digestOf("image 0"))).wait();
  const endpoint = { provider: ethers.provider, chainId: domain.chainId, url: "test", close: () => {} } as unknown as Endpoint;
  const deployment = { network: "rounds", chainId: domain.chainId, blockNumber: 0, addresses: record.addresses };
  return await serveIndex({ endpoint, deployment });
}
