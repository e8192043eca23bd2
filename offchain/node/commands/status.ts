import { formatEther } from "ethers";
import { oneLine } from "../../runtime/exit.ts";
import type { NodeConfig } from "../config.ts";
import { operatorWallet, withChain } from "./context.ts";
import type { Report } from "./output.ts";

/** How the node does: what its process says, and what the chain says. Neither needs the other. */
export async function status(config: NodeConfig): Promise<Report> {
  const { host, port } = config.listen;
  const operator = (await operatorWallet(config)).address;
  const process = await fetch(`http://${host}:${port}/healthz`, { signal: AbortSignal.timeout(2_000) }).then(
    async (answer) => (await answer.json()) as Record<string, unknown>,
    () => undefined,
  );
  const chain = await withChain(config, async ({ views }) => {
    const node = await views.nodeOfOperator(operator);
    const gas = await views.balance(operator);
    if (node === 0) return { node, gas };
    const [view, owed] = await Promise.all([views.node(node), views.owedToNode(node)]);
    const { stake, lease, level, admitted, available, exitAt, jailedUntil } = view;
    return { node, gas, owed, stake, lease, level, admitted, available, exitAt, jailedUntil };
  }).catch((error: unknown) => ({ error: oneLine(error) }));
  return { data: { operator, process: process ?? null, chain }, lines: [...processLines(process), ...chainLines(chain)] };
}

function processLines(health: Record<string, unknown> | undefined): string[] {
  if (health === undefined) return ["process   does not run (start)"];
  const head = health["head"] as { number: number; seenMsAgo: number } | null | undefined;
  const engine = health["engine"] as { modelId: string; completionTokens: number; waiting: number } | undefined;
  return [
    `process   ${String(health["status"])}${head ? `, block ${head.number}, ${Math.round(head.seenMsAgo / 1_000)} s ago` : ""}`,
    ...(engine === undefined
      ? []
      : [`model     ${engine.modelId}, ${engine.completionTokens} tokens written, ${engine.waiting} requests in the queue`]),
  ];
}

function chainLines(chain: Record<string, unknown>): string[] {
  if (chain["error"] !== undefined) return [`chain     ${chain["error"] as string}`];
  if (chain["node"] === 0) return ["chain     not registered (register)"];
  const amount = (name: string) => formatEther(chain[name] as bigint);
  const state =
    chain["exitAt"] !== 0
      ? "leaving"
      : chain["jailedUntil"] !== 0
        ? "jailed"
        : chain["lease"] === 0
          ? "free"
          : `in lease ${String(chain["lease"])}`;
  return [
    `node      ${String(chain["node"])}, ${state}, level ${String(chain["level"])}`,
    `earned    ${amount("owed")} COR to claim`,
    `stake     ${amount("stake")} COR`,
    `gas       ${amount("gas")}`,
  ];
}
