import { amount, instant } from "../amounts.ts";
import { command } from "../command.ts";
import { Detail } from "../output.ts";
import { registeredModels } from "../model/reference.ts";

export default command(async (context) => {
  const { views, contracts, endpoint, deployment, network, deploymentFile } = context;
  const { NodePool, Session, SessionPayment, COR } = contracts;
  const [head, pool, terms, totals, nodes, sessions, liabilities, held, supply, models] = await Promise.all([
    endpoint.provider.getBlock("latest"),
    views.poolParameters(),
    views.sessionParameters(),
    NodePool.totals(),
    views.nodeCount(),
    Session.sessionCount(),
    SessionPayment.liabilities(),
    views.corBalance(deployment.addresses.SessionPayment),
    COR.totalSupply(),
    registeredModels(context),
  ]);
  return {
    network,
    rpc: endpoint.url,
    chainId: Number(endpoint.chainId),
    block: head!.number,
    time: instant(head!.timestamp),
    deployment: new Detail(
      { file: deploymentFile, sinceBlock: deployment.blockNumber, ...deployment.addresses },
      `${deploymentFile}, since block ${deployment.blockNumber} (addresses: runtime show)`,
    ),
    pool: {
      open: pool.open,
      minStake: amount(pool.minStake),
      unopenedPenalty: amount(pool.unopenedPenalty),
      thawSeconds: pool.thaw,
    },
    prices: {
      protocolFeeBps: terms.protocolFeeBps,
      routerFeeBps: terms.routerFeeBps,
      bounty: amount(terms.bounty),
      leaseNodeSecond: amount(terms.leaseRate),
    },
    counts: { nodes, sessions: Number(sessions) },
    money: {
      staked: amount(totals.staked),
      slashed: amount(totals.slashed),
      liabilities: amount(liabilities),
      heldForThem: amount(held),
      supply: amount(supply),
    },
    models: await Promise.all(
      models.map(async ({ id, name, price, deprecatedAt }) => ({
        name,
        price: amount(price),
        eligibleNodes: await views.eligibleCount(id),
        deprecated: deprecatedAt !== 0,
      })),
    ),
  };
});
