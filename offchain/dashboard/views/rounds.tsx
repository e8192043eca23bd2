import { useContext } from "preact/hooks";
import type { Rounds as RoundsData } from "../../indexer/queries.ts";
import { NetworkContext, useIndex } from "../data.ts";
import { NodeLink, Empty, Section, Show, Time, TxLink } from "../parts.tsx";

type Round = RoundsData["rounds"][number];

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
            rounds.map((round) => <VirtualBlock key={round.id} round={round} />)
          )
        }
      </Show>
    </>
  );
}

function VirtualBlock({ round }: { round: Round }) {
  const closed = round.events.some(({ name }) => name === "RoundClosed");
  return (
    <Section
      title={`Round ${round.id}`}
      aside={<span class={`status ${closed ? "accepted" : "waiting"}`}>{closed ? "closed" : "running"}</span>}
    >
      <ol class="timeline seven">
        {PHASES.map(([name, names]) => {
          const events = round.events.filter((event) => names.includes(event.name));
          const last = events.at(-1);
          return (
            <li key={name} class={last === undefined ? "ahead" : "done"}>
              <b>{name}</b>
              <span>
                {last === undefined ? (
                  "waiting"
                ) : (
                  <TxLink hash={last.transaction_hash}>
                    <Time at={last.time} short />
                  </TxLink>
                )}
              </span>
              <small>
                {events.flatMap(({ node, log_index, block }) =>
                  node === null ? [] : [<NodeLink key={`${block} ${log_index}`} id={node} />, " "],
                )}
              </small>
            </li>
          );
        })}
      </ol>
    </Section>
  );
}
