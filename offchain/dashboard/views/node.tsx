import type { NodeDetail } from "../../indexer/queries.ts";
import { useIndex } from "../data.ts";
import { Events } from "../eventTable.tsx";
import { count, percent } from "../format.ts";
import { Amount, Empty, Facts, Figure, Hash, Section, Show, Stranger, Table, TaskLink, Time, TxLink } from "../parts.tsx";
import { lifeOf } from "./nodes.tsx";
import { Chart } from "./overview.tsx";

const ROLES = ["none", "miner", "validator", "miner, validator"];

/** One node: its life, how its reputation moved, and what it earned by line. */
export function Node({ id }: { id: string }) {
  const number = /^\d{1,9}$/.test(id) ? Number(id) : 0;
  const found = useIndex<NodeDetail>(`/index/nodes/${number}`);
  return (
    <Show of={found}>
      {(node) => {
        const life = lifeOf(node);
        const series = node.series;
        return (
          <>
            <p class="crumb">
              <a href="#/nodes">Nodes</a>
            </p>
            <h1>
              Node {node.id} <span class={`status ${life.kind}`}>{life.name}</span>
            </h1>
            <dl class="figures">
              <Figure label="Reputation" value={count(node.score)} note="of 10,000; 1,000 is unknown" />
              <Figure label="Level" value={`${node.level}`} note="0 to 10, earned" />
              <Figure
                label="Accepted"
                value={percent(node.accepted, node.accepted + node.outliers)}
                note={`${count(node.accepted)} answers, ${count(node.outliers)} outliers`}
              />
              <Figure
                label="Delivered"
                value={percent(node.tasks - node.silent - node.unopened, node.tasks)}
                note={`${count(node.silent)} silent, ${count(node.unopened)} unopened`}
              />
              <Figure
                label="Owed now"
                value={<Amount value={node.owed} digits={3} />}
                note={
                  <>
                    withdrawn <Amount value={node.withdrawn} digits={2} />
                  </>
                }
              />
              <Figure label="Streak" value={count(node.streak)} note={`best ${count(node.best_streak)}`} />
            </dl>
            <Section title="Reputation, task by task">
              {series.length < 2 ? (
                <Empty title="Too little to draw">A line appears with the second task.</Empty>
              ) : (
                <Chart
                  label="Reputation after each task"
                  at={series.map((one, i) => one.ended_at! + i / 1_000)}
                  range={[0, 10_000]}
                  height={190}
                  series={[{ label: "score", values: series.map((one) => one.score), colour: "--accent", fill: true }]}
                />
              )}
            </Section>
            <Section title="Earned, by line">
              <Facts
                of={[
                  ["Answers", <Amount key="tasks" value={node.earned_tasks} digits={6} />],
                  ["Time on lease", <Amount key="leases" value={node.earned_leases} digits={6} />],
                  ["Verdicts", <Amount key="verdicts" value={node.earned_verdicts} digits={6} />],
                  ["Network rewards: liveness", <Amount key="liveness" value={node.rewards_liveness} digits={6} />],
                  ["Network rewards: health", <Amount key="health" value={node.rewards_health} digits={6} />],
                  ["Network rewards: service", <Amount key="service" value={node.rewards_service} digits={6} />],
                  ["Taken from its stake", <Amount key="slashed" value={node.slashed} digits={6} />],
                ]}
              />
            </Section>
            <Section title="Identity">
              <Facts
                of={[
                  ["Owner (cold key)", <Hash key="owner" value={node.owner} />],
                  ["Operator (hot key)", <Hash key="operator" value={node.operator} />],
                  ["Model", <Hash key="model" value={node.model} />],
                  ["Stake", <Amount key="stake" value={node.stake} />],
                  ["Roles", ROLES[node.roles] ?? String(node.roles)],
                  ["Dedicated to", node.dedicated_to === 0 ? "nobody: in the common pool" : `session ${node.dedicated_to}`],
                  ["Image", node.image === "" || BigInt(node.image) === 0n ? "none declared" : <Hash key="image" value={node.image} />],
                  ["Endpoint (its own words)", <Stranger key="endpoint" text={node.endpoint} />],
                  [
                    "Registered",
                    <TxLink key="registered" hash={node.registered_in}>
                      <Time at={node.registered_at} />
                    </TxLink>,
                  ],
                ]}
              />
            </Section>
            <Section title="Last tasks">
              {series.length === 0 ? (
                <Empty title="It sat in no task yet" />
              ) : (
                <Table
                  label="Tasks of this node"
                  head={["Task", "Ended", "Conduct", { right: "Accepted" }, { right: "Earned" }, { right: "Score after" }]}
                >
                  {series
                    .slice(-20)
                    .reverse()
                    .map((one) => (
                      <tr key={`${one.task} ${one.seat}`}>
                        <td>
                          <TaskLink id={one.task} />
                        </td>
                        <td>
                          <Time at={one.ended_at!} />
                        </td>
                        <td>
                          <span class={`status ${conductOf(one)}`}>{conductOf(one)}</span>
                        </td>
                        <td class="right">{one.accepted}</td>
                        <td class="right">
                          <Amount value={one.net} />
                        </td>
                        <td class="right">{count(one.score ?? 0)}</td>
                      </tr>
                    ))}
                </Table>
              )}
            </Section>
            <Events of="one thing" events={node.events} />
          </>
        );
      }}
    </Show>
  );
}

/** What it did, as people say it: an opened answer agreed with the others' or did not. */
function conductOf({ conduct, accepted, outliers }: NodeDetail["series"][number]): string {
  if (outliers > accepted) return "outlier";
  return conduct === "opened" && accepted > 0 ? "agreed" : (conduct ?? "waiting");
}
