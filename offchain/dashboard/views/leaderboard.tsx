import type { Leaderboard as LeaderboardData } from "../../indexer/queries.ts";
import { useIndex } from "../data.ts";
import { count, percent } from "../format.ts";
import { Amount, BarCell, Empty, Hash, NodeLink, Section, Show, Stranger, Table } from "../parts.tsx";
import { earned } from "./nodes.tsx";

/** Nodes by reputation; recomputable by anyone from events. */
export function Leaderboard() {
  const found = useIndex<LeaderboardData>("/index/leaderboard", (news) => news.tasks.length + news.nodes.length > 0);
  return (
    <>
      <h1>Leaderboard</h1>
      <p class="lead">
        By reputation, then by accepted answers. Level, streaks and shares follow from events: whoever replays them gets this table.
      </p>
      <Show of={found}>
        {({ nodes, images }) => (
          <>
            <Section title="Nodes">
              {nodes.length === 0 ? (
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
                      <BarCell value={node.score} most={10_000} label={`${node.score} of 10,000`} />
                      <BarCell value={node.level} most={10} label={`level ${node.level} of 10`} />
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
              )}
            </Section>
            <Section title="Node images">
              {images.length === 0 ? (
                <Empty title="No image is published">
                  Publishers register the digests of node builds; nodes declare which they run, and builds are ranked by what their nodes
                  deliver.
                </Empty>
              ) : (
                <Table
                  label="Node images"
                  head={[
                    { right: "Rank" },
                    "Image",
                    "Publisher",
                    "Source (their own words)",
                    { right: "Nodes" },
                    { right: "Mean reputation" },
                    { right: "Accepted" },
                    { right: "Outliers" },
                  ]}
                >
                  {images.map((image, i) => (
                    <tr key={image.id}>
                      <td class="right rank">{i + 1}</td>
                      <td>
                        <Hash value={image.id} />
                        {image.retired === 1 && <span class="status cancelled">retired</span>}
                      </td>
                      <td>
                        <Hash value={image.publisher} />
                      </td>
                      <td class="clip">
                        <Stranger text={image.source.slice(0, 120)} />
                      </td>
                      <td class="right">{count(image.nodes)}</td>
                      <td class="right">{image.score === null ? "–" : count(Math.round(image.score))}</td>
                      <td class="right">{count(image.accepted)}</td>
                      <td class="right">{count(image.outliers)}</td>
                    </tr>
                  ))}
                </Table>
              )}
            </Section>
          </>
        )}
      </Show>
    </>
  );
}
