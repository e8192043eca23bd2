import { useContext } from "preact/hooks";
import type { Rounds as RoundsData } from "../../indexer/queries.ts";
import { NetworkContext, useIndex } from "../data.ts";
import { count, plural, seconds } from "../format.ts";
import { Empty, NodeLink, Section, Show, Table, TxLink } from "../parts.tsx";
import { type Round, roundOf, type Seat } from "../round.ts";
import { Timeline } from "../timeline.tsx";

type Found = RoundsData["rounds"][number];

/** Phases of a round, and the events that show how far each has come. */
const PHASES: [name: string, events: string[]][] = [
  ["Request", ["RoundOpened", "RoundClaimed"]],
  ["Create", ["TopicsCreated"]],
  ["Prepare", ["QuestionsPrepared"]],
  ["Commit", ["AnswerCommitted"]],
  ["Reveal", ["AnswerRevealed"]],
  ["Score", ["ScoreCommitted", "ScoreRevealed"]],
  ["End", ["RoundClosed"]],
];

/** Network work: rounds as virtual blocks, as they run. */
export function Rounds() {
  const network = useContext(NetworkContext);
  const found = useIndex<RoundsData>("/index/rounds");
  const deployed = network?.addresses["PoUW"] !== undefined;
  return (
    <>
      <h1>Rounds</h1>
      <p class="lead">
        In a round, idle nodes prove that they are alive and capable: topics are made, questions asked, answers committed, opened and
        scored.
      </p>
      <Show of={found}>
        {({ rounds }) =>
          rounds.length === 0 ? (
            <Empty title={deployed ? "No round has been opened yet" : "This deployment has no network rounds"}>
              {deployed
                ? "The first appears here when it is opened."
                : "Its contracts serve users' tasks alone; reputation and levels come from those."}
            </Empty>
          ) : (
            rounds.map((round) => <VirtualBlock key={round.id} found={round} />)
          )
        }
      </Show>
    </>
  );
}

function VirtualBlock({ found: { id, events } }: { found: Found }) {
  const round = roundOf(id, events);
  const { ending } = round;
  const kind = ending === undefined ? "waiting" : ending === "judged" ? "accepted" : "inconclusive";
  return (
    <Section
      title={`Round ${id}`}
      aside={
        <>
          {round.kind}, level {round.tier} <span class={`status ${kind}`}>{ending ?? "running"}</span>
        </>
      }
    >
      <Timeline
        label={`Phases of round ${id}`}
        steps={PHASES.map(([name, names]) => {
          const last = events.findLast((event) => names.includes(event.name));
          const skipped = last === undefined && ending !== undefined;
          return {
            name,
            at: last?.time ?? null,
            by: last?.transaction_hash ?? null,
            text: skipped ? "" : (words(name, round, last?.time) ?? ""),
            waiting: skipped ? "left out" : "waiting",
          };
        })}
      />
      {round.answerers.length > 0 && <Members round={round} />}
    </Section>
  );
}

/** What is to be said below a phase. */
function words(phase: string, round: Round, at: number | undefined) {
  const { creator, preparer, answerers, validators } = round;
  const done = (seats: Seat[], what: "committed" | "opened") =>
    `${seats.filter((seat) => seat[what] !== undefined).length} of ${seats.length}`;
  if (phase === "Create" && creator !== undefined) return <NodeLink id={creator} />;
  if (phase === "Prepare" && preparer !== undefined) return <NodeLink id={preparer} />;
  if (phase === "Commit" && answerers.length > 0) return done(answerers, "committed");
  if (phase === "Reveal" && answerers.length > 0) return done(answerers, "opened");
  if (phase === "Score" && validators.length > 0) return done(validators, "opened");
  if (phase === "Request" && round.replaced > 0) return `${plural(round.replaced, "place")} drawn anew`;
  return phase === "End" && at !== undefined ? `after ${seconds(at - round.openedAt)}` : undefined;
}

/** Who answered and who scored. */
const Members = ({ round: { id, answerers, validators, ending } }: { round: Round }) => (
  <Table
    label={`Members of round ${id}`}
    head={["Part", "Node", "Committed", "Opened", { right: "Tokens" }, { right: "Usefulness" }, "Result"]}
  >
    {[...answerers.map((one) => ({ ...one, part: "answers" })), ...validators.map((one) => ({ ...one, part: "scores" }))].map((one) => (
      <tr key={`${one.part} ${one.seat}`}>
        <td>{one.part}</td>
        <td>
          <NodeLink id={one.node} />
        </td>
        <td>{one.committed === undefined ? "–" : <TxLink hash={one.committed} />}</td>
        <td>{one.opened === undefined ? "–" : <TxLink hash={one.opened} />}</td>
        <td class="right">{one.tokens === undefined ? "–" : count(one.tokens)}</td>
        <td class="right">{one.usefulness === undefined ? "–" : `${one.usefulness} of 10`}</td>
        <td>
          <Result of={one} ending={ending} />
        </td>
      </tr>
    ))}
  </Table>
);

function Result({ of, ending }: { of: Seat & { part: string }; ending: string | undefined }) {
  if (of.opened === undefined)
    return ending === undefined ? (
      <span class="status waiting">waiting</span>
    ) : (
      <span class="status silent">{of.committed === undefined ? "silent" : "unopened"}</span>
    );
  if (of.part === "scores") return <span class="status">opened</span>;
  if (ending !== "judged") return <span class="status">opened</span>;
  if (!of.agreed) return <span class="status outlier">outlier</span>;
  return <span class="status agreed">{of.canonical ? "agreed, the medoid" : "agreed"}</span>;
}
