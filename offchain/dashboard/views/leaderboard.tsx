import type { NodeBrief } from "../../indexer/queries.ts";
import { useIndex } from "../data.ts";
import { count, percent } from "../format.ts";
import { Amount, Bar, Empty, NodeLink, Section, Show, Table } from "../parts.tsx";
import { earned } from "./nodes.tsx";

/** Nodes by reputation; recomputable by anyone from events. */
export function Leaderboard() {
  const found = useIndex<{ nodes: NodeBrief[] }>("/index/leaderboard", (news) => news.tasks.length + news.nodes.length > 0);
  return (
    <>
      <h1>Leaderboard</h1>
      <p class="lead">
        By reputation, then by accepted answers. Level, streaks and shares follow from events: whoever replays them gets this table.
      </p>
      <Section title="Nodes">
        <Show of={found}>
          {({ nodes }) =>
            nodes.length === 0 ? (
              <Empty title="No node has registered yet" />
            ) : (
              <Table
                label="Leaderboard"
                head={[
                  { right: "Rank" },
                  "Node",
                  "Reputation",
                  "Level",
                  { right: "Accepted" },
                  { right: "Share" },
                  { right: "Streak" },
                  { right: "Best streak" },
                  { right: "Earned" },
                ]}
              >
                {nodes.map((node, i) => (
                  <tr key={node.id} class={i < 3 ? "podium" : ""}>
                    <td class="right rank">{i + 1}</td>
                    <td>
                      <NodeLink id={node.id} />
                    </td>
                    <td class="score">
                      <Bar value={node.score} most={10_000} label={`${node.score} of 10,000`} />
                      <span>{count(node.score)}</span>
                    </td>
                    <td class="score">
                      <Bar value={node.level} most={10} label={`level ${node.level} of 10`} />
                      <span>{node.level}</span>
                    </td>
                    <td class="right">{count(node.accepted)}</td>
                    <td class="right">{percent(node.accepted, node.accepted + node.outliers)}</td>
                    <td class="right">{count(node.streak)}</td>
                    <td class="right">{count(node.best_streak)}</td>
                    <td class="right">
                      <Amount value={earned(node)} digits={3} />
                    </td>
                  </tr>
                ))}
              </Table>
            )
          }
        </Show>
      </Section>
    </>
  );
}
