import type { JsonRpcProvider } from "ethers";
import { account, ACCOUNTS } from "./accounts.ts";
import { contractOf, type LocalSetting } from "./setUp.ts";

/** What the chain owes to whom, COR base units. */
export interface Books {
  nodes: Map<number, bigint>;
  router: bigint;
  fees: bigint;
  session: bigint;
}

/** Reads every balance that a task can change. */
export async function readBooks(provider: JsonRpcProvider, { record, nodes, session }: LocalSetting): Promise<Books> {
  const payment = contractOf(record, "SessionPayment", provider);
  const router = account(ACCOUNTS.router).address;
  const [owed, balance, routerAccount] = await Promise.all([
    Promise.all(nodes.map(async (node) => (await payment.getFunction("owedToNode").staticCall(node)) as bigint)),
    payment.getFunction("balanceOf").staticCall(session) as Promise<{ available: bigint; locked: bigint }>,
    payment.getFunction("accountOf").staticCall(router) as Promise<{ owed: bigint; fees: bigint }>,
  ]);
  return {
    nodes: new Map(nodes.map((node, i) => [node, owed[i]!])),
    router: routerAccount.owed,
    fees: routerAccount.fees,
    session: balance.available + balance.locked,
  };
}

/** How much everybody gained, and what the session paid. */
export interface Movement {
  nodes: Map<number, bigint>;
  router: bigint;
  fees: bigint;
  paidBySession: bigint;
  /** Whether what the session paid is exactly what the others gained. */
  balanced: boolean;
}

/** The difference between two readings. */
export function movementOf(before: Books, after: Books): Movement {
  const nodes = new Map([...after.nodes].map(([node, owed]) => [node, owed - (before.nodes.get(node) ?? 0n)]));
  const router = after.router - before.router;
  const fees = after.fees - before.fees;
  const paidBySession = before.session - after.session;
  const gained = [...nodes.values()].reduce((sum, gain) => sum + gain, router + fees);
  return { nodes, router, fees, paidBySession, balanced: gained === paidBySession };
}
