import type { Network } from "./network.ts";

/** Who has what, base units. */
export interface Ledger {
  available: bigint;
  locked: bigint;
  router: bigint;
  keeper: bigint;
  fees: bigint;
  liabilities: bigint;
  nodes: Map<number, bigint>;
}

/** The books of a network's one session, its router, its keeper (with the fees that wait in its slot) and all nodes. */
export async function ledgerOf({ modules, session, router, keeper, operators }: Network): Promise<Ledger> {
  const payment = modules.SessionPayment;
  const { available, locked } = await payment.balanceOf(session);
  const { owed, fees } = await payment.accountOf(keeper.address);
  const nodes = new Map<number, bigint>();
  for (const node of operators.keys()) nodes.set(node, await payment.owedToNode(node));
  return {
    available,
    locked,
    router: await payment.owedTo(router.address),
    keeper: owed,
    fees,
    liabilities: await payment.liabilities(),
    nodes,
  };
}

/** What changed from one state of the books to another; nodes in the given order. */
export function changeOf(before: Ledger, after: Ledger, nodes: number[]) {
  return {
    available: after.available - before.available,
    locked: after.locked - before.locked,
    router: after.router - before.router,
    keeper: after.keeper - before.keeper,
    fees: after.fees - before.fees,
    liabilities: after.liabilities - before.liabilities,
    nodes: nodes.map((node) => after.nodes.get(node)! - before.nodes.get(node)!),
  };
}

export const UNCHANGED = { available: 0n, locked: 0n, router: 0n, keeper: 0n, fees: 0n, liabilities: 0n };
