import { committee } from "../../protocol/draw.ts";
import { createViews } from "../../chain/views.ts";
import { exportBundle } from "../../sdk/audit.ts";
import type { TaskDetail } from "../../indexer/queries.ts";
import { type Check, verify } from "../../sdk/verify.ts";
import { contentOf, textOf } from "../content.ts";
import type { NetworkInfo } from "../data.ts";
import type { Provider } from "../wallet.tsx";
import { chainOf } from "./connection.ts";

/** Checks what this server says about a task against the chain. Throws where neither text nor chain can be had. */
export async function verifyTask(
  task: TaskDetail,
  prompt: number,
  digest: string,
  network: NetworkInfo,
  wallet: Provider | undefined,
): Promise<{ ok: boolean; checks: Check[] }> {
  const bytes = await contentOf(digest);
  if (bytes === undefined) throw new Error("the answer's text is not held by this server; ask one of the committee's nodes for it");
  const chain = chainOf(network, wallet);
  try {
    const outcome = task.outcomes[prompt]!;
    const nodes = committee(task.lease!.members, BigInt(task.seed!), task.redundancy);
    const operators = await Promise.all(
      nodes.map(async (node) => (await createViews(chain.endpoint, chain.deployment).node(node)).operator),
    );
    const proof = {
      session: task.session,
      task: task.id,
      prompt,
      transactions: { submitted: task.queued_in, settled: task.settled_in! },
      committee: nodes.map((node, seat) => ({ seat, node, operator: operators[seat]!, accepted: ((outcome.accepted >> seat) & 1) === 1 })),
      agreement: {
        redundancy: task.redundancy,
        quorum: task.quorum,
        agreed: nodes.filter((_, seat) => (outcome.accepted >> seat) & 1).length,
      },
      digest,
      charged: task.charged,
    };
    return await verify({ text: textOf(bytes), proof }, chain);
  } finally {
    chain.endpoint.close();
  }
}

/** The audit bundle of a task, as text. */
export async function bundleOf(task: TaskDetail, network: NetworkInfo, wallet: Provider | undefined): Promise<string> {
  const chain = chainOf(network, wallet);
  try {
    const bundle = await exportBundle(BigInt(task.id), { ...chain, fromBlock: task.queued_block, contentOf });
    return `${JSON.stringify(bundle, null, 2)}\n`;
  } finally {
    chain.endpoint.close();
  }
}
