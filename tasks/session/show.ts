import { Comparison } from "../../offchain/protocol/types.ts";
import { amount, instant } from "../amounts.ts";
import { sessionNumber } from "../arguments.ts";
import { command, type Context } from "../command.ts";
import { logsOf } from "../logs.ts";

export default command(async (context, args: { session?: string }) => {
  const { views } = context;
  const session = sessionNumber(args.session);
  const found = await views.session(session);
  const [balance, model, lease, routers] = await Promise.all([
    views.sessionBalance(session),
    views.model(found.model),
    found.lease === 0 ? undefined : views.lease(found.lease),
    routersOf(context, session),
  ]);
  const { rules } = found;
  return {
    session,
    owner: found.owner,
    closed: found.closed,
    tasks: found.tasks,
    money: { available: amount(balance.available), locked: amount(balance.locked) },
    terms: {
      model: found.model,
      modelName: model?.name ?? null,
      mode: rules.leased ? "leased" : "per-task",
      comparison: rules.comparison === Comparison.Exact ? "exact" : "semantic",
      redundancy: rules.redundancy,
      quorum: rules.quorum,
      threshold: rules.threshold,
      leaseNodes: found.leaseNodes,
      price: amount(rules.price),
      bounty: amount(rules.bounty),
      protocolFeeBps: rules.protocolFeeBps,
      routerFeeBps: rules.routerFeeBps,
      queueWindow: found.queueWindow,
      commitWindow: rules.commitWindow,
      revealWindow: rules.revealWindow,
      maxPrompts: found.maxPrompts,
      maxPromptTokens: found.maxPromptTokens,
      maxTokens: rules.maxTokens,
    },
    lease: lease === undefined ? null : { lease: found.lease, until: instant(found.leaseUntil), nodes: lease.nodes },
    reservation:
      found.seedBlock === 0
        ? null
        : {
            seedBlock: found.seedBlock,
            seconds: found.reservedSeconds,
            cancellableAfter: instant(found.reserveBy),
            locked: amount(found.reservedLock),
          },
    routers,
  };
});

/** The routers that are allowed now, with the endpoint each announced. */
async function routersOf(context: Context, session: number) {
  const routers = new Map<string, string>();
  for (const { args } of await logsOf(context, { module: "Session", event: "RouterChanged", indexed: [session] })) {
    const router = args.getValue("router") as string;
    if (args.getValue("allowed")) routers.set(router, args.getValue("endpoint") as string);
    else routers.delete(router);
  }
  return [...routers].map(([router, endpoint]) => ({ router, endpoint }));
}
