import { lazy } from "../lazy.tsx";
import { useIndex } from "../data.ts";
import { count, percent, plural, seconds } from "../format.ts";
import { Amount, Empty, Figure, Section, Show, Status, Table, TaskLink, Time, TxLink } from "../parts.tsx";
import type { ChartProps } from "../chart.tsx";
import type { Overview as OverviewData, TaskBrief } from "../../indexer/queries.ts";

export const Chart = lazy<ChartProps>(async () => (await import("../chart.tsx")).Chart, "chart");

/** The network at a glance: work, speed, agreement, money, and what happened last. */
export function Overview() {
  const overview = useIndex<OverviewData>("/index/overview?span=7200");
  const latest = useIndex<{ tasks: TaskBrief[] }>("/index/tasks?limit=8", (news) => news.tasks.length > 0);
  return (
    <>
      <h1>
        Language models, <em>corroborated</em>
      </h1>
      <p class="lead">
        Independent nodes answer the same prompt. A contract compares their answers and pays those that agree. This is what it saw.
      </p>
      <Show of={overview}>{(value) => <Figures {...value} />}</Show>
      <Section title="Latest tasks" aside={<a href="#/tasks">all tasks</a>}>
        <Show of={latest}>
          {({ tasks }) =>
            tasks.length === 0 ? (
              <Empty title="No task yet">Ask something under Chat, and it appears here.</Empty>
            ) : (
              <TaskTable tasks={tasks} />
            )
          }
        </Show>
      </Section>
    </>
  );
}

function Figures({ totals, counts, money, minutes }: OverviewData) {
  const { queued, settled, accepted, latency, opened, agreed } = Object.fromEntries(
    Object.entries(totals ?? {}).map(([name, value]) => [name, value ?? 0]),
  ) as Record<string, number>;
  const at = minutes.map((one) => one.at);
  const perMinute = minutes.map(({ settled: done, span }) => (done * 60) / span);
  const waits = minutes.map(({ latency: sum, settled: done }) => (done === 0 ? null : sum / done));
  const agreement = minutes.map(({ agreed: same, opened: given }) => (given === 0 ? null : (100 * same) / given));
  const spent = minutes.map(({ charged }) => Number(BigInt(charged) / 10n ** 12n) / 1e6);
  return (
    <>
      <dl class="figures">
        <Figure label="Tasks settled" value={count(settled!)} note={`${count(counts?.["open"] ?? 0)} open of ${count(queued!)}`} />
        <Figure label="Accepted" value={percent(accepted!, settled!)} note={`${count(accepted!)} with a majority`} />
        <Figure label="Time to settlement" value={settled === 0 ? "–" : seconds(latency! / settled!)} note="mean, from block times" />
        <Figure label="Answers that agree" value={percent(agreed!, opened!)} note={`of ${count(opened!)} opened`} />
        <Figure
          label="Paid by sessions"
          value={<Amount value={money.charged} digits={2} />}
          note={
            <>
              nodes <Amount value={money.nodes} digits={2} />
            </>
          }
        />
        <Figure
          label="Staked"
          value={<Amount value={money.staked} digits={0} />}
          note={`${plural(counts?.["nodes"] ?? 0, "node")}, ${plural(counts?.["sessions"] ?? 0, "session")}`}
        />
      </dl>
      <div class="charts">
        <Panel title="Tasks a minute">
          <Chart
            label="Tasks settled in a minute"
            at={at}
            series={[{ label: "settled", values: perMinute, colour: "--accent", bars: true }]}
          />
        </Panel>
        <Panel title="Seconds to settlement">
          <Chart
            label="Seconds from submission to settlement"
            at={at}
            unit=" s"
            series={[{ label: "mean", values: waits, colour: "--blue", fill: true }]}
          />
        </Panel>
        <Panel title="Answers that agree">
          <Chart
            label="Share of opened answers that agree"
            at={at}
            unit="%"
            range={[0, 105]}
            series={[{ label: "share", values: agreement, colour: "--accent", fill: true }]}
          />
        </Panel>
        <Panel title="COR paid">
          <Chart label="COR paid by sessions" at={at} series={[{ label: "COR", values: spent, colour: "--gold", bars: true }]} />
        </Panel>
      </div>
      <Section title="Where the money went">
        <Split money={money} />
      </Section>
    </>
  );
}

const Panel = ({ title, children }: { title: string; children: preact.ComponentChildren }) => (
  <figure class="panel">
    <figcaption>{title}</figcaption>
    {children}
  </figure>
);

const PARTS = [
  ["nodes", "Answers", "--accent"],
  ["leases", "Nodes' time", "--blue"],
  ["routers", "Routers", "--gold"],
  ["protocol", "Protocol", "--violet"],
  ["bounties", "Whoever settles", "--ink-3"],
] as const;

function Split({ money }: Pick<OverviewData, "money">) {
  const total = PARTS.reduce((sum, [name]) => sum + BigInt(money[name]), 0n);
  let from = 0;
  return (
    <div class="split">
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        {PARTS.map(([name, , colour]) => {
          const width = total === 0n ? 0 : Number((BigInt(money[name]) * 100_000n) / total) / 1_000;
          const x = from;
          from += width;
          return <rect key={name} x={x} width={Math.max(0, width - 0.25)} height="4" fill={`var(${colour})`} />;
        })}
      </svg>
      <ul>
        {PARTS.map(([name, label, colour]) => (
          <li key={name}>
            <svg viewBox="0 0 10 10" width="10" height="10" aria-hidden="true">
              <rect width="10" height="10" rx="2" fill={`var(${colour})`} />
            </svg>
            <span>{label}</span>
            <Amount value={money[name]} digits={3} />
          </li>
        ))}
      </ul>
    </div>
  );
}

export const TaskTable = ({ tasks }: { tasks: TaskBrief[] }) => (
  <Table
    label="Tasks"
    head={[
      "Task",
      "Status",
      "Submitted",
      { right: "Settled after" },
      { right: "Seats that agree" },
      { right: "Prompts" },
      { right: "Charged" },
    ]}
  >
    {tasks.map((task) => (
      <tr key={task.id}>
        <td>
          <TaskLink id={task.id} />
        </td>
        <td>
          <Status status={task.status} />
        </td>
        <td>
          <TxLink hash={task.queued_in}>
            <Time at={task.queued_at} />
          </TxLink>
        </td>
        <td class="right">
          {task.settled_at === null ? "…" : <TxLink hash={task.settled_in!}>{seconds(task.settled_at - task.queued_at)}</TxLink>}
        </td>
        <td class="right">
          <Seats task={task} />
        </td>
        <td class="right">{task.prompts}</td>
        <td class="right">
          <Amount value={task.charged} />
        </td>
      </tr>
    ))}
  </Table>
);

/** The first prompt's seats as dots: agreed, opened otherwise, silent. */
export function Seats({ task }: { task: Pick<TaskBrief, "redundancy" | "outcomes" | "opened"> }) {
  const accepted = task.outcomes[0]?.accepted ?? 0;
  const seats = Array.from({ length: task.redundancy }, (_, seat) =>
    (accepted >> seat) & 1 ? "agreed" : (task.opened >> seat) & 1 ? "odd" : "silent",
  );
  const agreed = seats.filter((one) => one === "agreed").length;
  return (
    <span class="seats" role="img" aria-label={`${agreed} of ${task.redundancy}`}>
      {seats.map((kind, i) => (
        <i key={i} class={kind} />
      ))}
    </span>
  );
}
