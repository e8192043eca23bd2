import type { NodeBrief } from "../../indexer/queries.ts";
import { useIndex } from "../data.ts";
import { count } from "../format.ts";
import { Amount, BarCell, Empty, Hash, NodeLink, Section, Show, Stranger, Table } from "../parts.tsx";

/** Where a node is in its life, from facts alone. */
export function lifeOf(node: NodeBrief, now = Date.now() / 1_000): { name: string; kind: string } {
  if (node.exit_at !== 0) return BigInt(node.stake) === 0n ? { name: "left", kind: "cancelled" } : { name: "leaving", kind: "cancelled" };
  if (node.jailed_until > now) return { name: "jailed", kind: "failed" };
  if (!node.admitted) return { name: "not admitted", kind: "cancelled" };
  if (node.lease !== 0) return { name: "leased", kind: "accepted" };
  return node.available ? { name: "in the pool", kind: "open" } : { name: "switched off", kind: "cancelled" };
}

/** Every node: life, level, reputation, earnings. */
export function Nodes() {
  const found = useIndex<{ nodes: NodeBrief[] }>("/index/nodes", (news) => news.nodes.length + news.tasks.length > 0);
  return (
    <>
      <h1>Nodes</h1>
      <p class="lead">Who may work, what they were asked, and what they delivered. No row is a claim: every one is summed from events.</p>
      <Section title="Pool">
        <Show of={found}>
          {({ nodes }) =>
            nodes.length === 0 ? (
              <Empty title="No node has registered yet" />
            ) : (
              <Table
                label="Nodes"
                head={[
                  "Node",
                  "Life",
                  { right: "Level" },
                  "Reputation",
                  { right: "Tasks" },
                  { right: "Accepted" },
                  { right: "Outlier" },
                  { right: "Silent" },
                  { right: "Earned" },
                  { right: "Stake" },
                  "Operator",
                  "Endpoint",
                ]}
              >
                {nodes.map((node) => {
                  const life = lifeOf(node);
                  return (
                    <tr key={node.id}>
                      <td>
                        <NodeLink id={node.id} />
                      </td>
                      <td>
                        <span class={`status ${life.kind}`}>{life.name}</span>
                      </td>
                      <td class="right">{node.level}</td>
                      <BarCell value={node.score} most={10_000} label={`${node.score} of 10,000`} />
                      <td class="right">{count(node.tasks)}</td>
                      <td class="right">{count(node.accepted)}</td>
                      <td class="right">{count(node.outliers)}</td>
                      <td class="right">{count(node.silent)}</td>
                      <td class="right">
                        <Amount value={earned(node)} digits={3} />
                      </td>
                      <td class="right">
                        <Amount value={node.stake} digits={0} />
                      </td>
                      <td>
                        <Hash value={node.operator} />
                      </td>
                      <td class="clip">
                        <Stranger text={node.endpoint.slice(0, 120)} />
                      </td>
                    </tr>
                  );
                })}
              </Table>
            )
          }
        </Show>
      </Section>
    </>
  );
}

export const earned = (node: NodeBrief): bigint => BigInt(node.earned_tasks) + BigInt(node.earned_leases) + BigInt(node.earned_verdicts);
