import { useContext, useEffect, useState } from "preact/hooks";
import type { TaskDetail } from "../../indexer/queries.ts";
import { applyChanges, decodeAnswers } from "../answers.ts";
import { contentOf, textOf } from "../content.ts";
import { NetworkContext, useIndex } from "../data.ts";
import { Events } from "../eventTable.tsx";
import { count, seconds, taskName } from "../format.ts";
import { HeatMap } from "../heatMap.tsx";
import { Amount, Empty, Facts, Hash, NodeLink, Section, SessionLink, Show, Status, Stranger, Table, Time, TxLink } from "../parts.tsx";
import { type Step, Timeline } from "../timeline.tsx";
import { BundleButton, VerifyButton } from "../verifyButton.tsx";

/** A task's life: what was asked, who answered, how far the answers lie apart, what was paid, and the proof. */
export function Task({ id }: { id: string }) {
  const found = useIndex<TaskDetail>(/^\d{1,20}$/.test(id) ? `/index/tasks/${id}` : "/index/tasks/none", (news) => news.tasks.includes(id));
  return <Show of={found}>{(task) => <Life task={task} />}</Show>;
}

const sketchesOf = (task: TaskDetail, prompt: number) =>
  task.seats
    .filter(({ attempt, seat }) => attempt === task.attempt && (task.opened >> seat) & 1)
    .map((seat) => ({ ...seat, answer: decodeAnswers(applyChanges(task.base ?? "0x", seat.changes))[prompt] }))
    .filter((seat) => seat.answer !== undefined);

function Life({ task }: { task: TaskDetail }) {
  const [prompt, setPrompt] = useState(0);
  const outcome = task.outcomes[prompt];
  const opened = sketchesOf(task, prompt);
  const canonical = opened.find(({ seat }) => seat === outcome?.canonicalSeat)?.answer;
  return (
    <>
      <p class="crumb">
        <a href="#/tasks">Tasks</a> / <SessionLink id={task.session} />
      </p>
      <h1>
        Task <span class="mono">{taskName(task.id)}</span> <Status status={task.status} />
      </h1>
      <Phases task={task} />
      {task.prompts > 1 && (
        <div class="filter" role="group" aria-label="Prompt">
          {Array.from({ length: Math.min(task.prompts, 64) }, (_, i) => (
            <button key={i} type="button" aria-pressed={i === prompt} onClick={() => setPrompt(i)}>
              prompt {i + 1}
            </button>
          ))}
        </div>
      )}
      <div class="two">
        <Exchange task={task} prompt={prompt} digest={canonical?.digest} />
        <Section title="How far apart">
          {opened.length === 0 ? (
            <Empty title="Nothing to compare yet">Answers are hidden until every seat has committed.</Empty>
          ) : (
            <HeatMap
              seats={opened.map(({ node }) => `node ${node}`)}
              sketches={opened.map(({ answer }) => answer!.sketch)}
              threshold={task.rules.threshold}
            />
          )}
        </Section>
      </div>
      <Committee task={task} prompt={prompt} />
      {task.verdicts.length > 0 && <Verdicts task={task} />}
      <Section
        title="Proof"
        aside={
          <span class="actions">
            <BundleButton task={task} />
          </span>
        }
      >
        <p class="explain">
          Your browser reads this task from the chain, not from this server: it hashes the text, replays the draw from the block that
          decided it, and judges the sketches anew.
        </p>
        <VerifyButton task={task} prompt={prompt} digest={canonical?.digest} />
      </Section>
      <Terms task={task} />
      <Events of="one thing" events={task.events} />
    </>
  );
}

function Phases({ task }: { task: TaskDetail }) {
  const commits = task.seats.filter(({ attempt, committed_at }) => attempt === task.attempt && committed_at !== null);
  const committedAt = Math.max(0, ...commits.map(({ committed_at }) => committed_at!));
  const revealed = task.events.filter(({ name }) => name === "ResultRevealed");
  const steps: Step[] = [
    {
      name: "Submitted",
      at: task.queued_at,
      by: task.queued_in,
      text: `${count(task.prompts)} prompt${task.prompts === 1 ? "" : "s"}, locked until settled`,
    },
    {
      name: "Drawn",
      at: task.seed === null ? null : task.queued_at,
      by: task.lease?.drawn_in ?? null,
      text: task.seed === null ? `block ${count(task.seed_block)} decides` : `by block ${count(task.seed_block)}`,
    },
    {
      name: "Committed",
      at: commits.length === 0 ? null : committedAt,
      by: commits.at(-1)?.committed_in ?? null,
      text: `${commits.length} of ${task.redundancy} seats`,
    },
    {
      name: "Revealed",
      at: revealed.at(-1)?.time ?? task.settled_at,
      by: revealed.at(-1)?.transaction_hash ?? (task.opened === 0 ? null : task.settled_in),
      text: revealed.length > 0 ? `${revealed.length} by own transactions` : task.opened === 0 ? "no opening" : "with the settlement",
    },
    {
      name: "Settled",
      at: task.settled_at,
      by: task.settled_in,
      text: task.settled_at === null ? `at the latest after its windows` : `${seconds(task.settled_at - task.queued_at)} after submission`,
    },
  ];
  return <Timeline label="Phases of the task" steps={steps} />;
}

interface Manifest {
  prompts?: { messages?: { role?: string; content?: string }[] }[];
}

function Exchange({ task, prompt, digest }: { task: TaskDetail; prompt: number; digest: string | undefined }) {
  const [asked, setAsked] = useState<string>();
  const [answered, setAnswered] = useState<string>();
  useEffect(() => {
    setAsked(undefined);
    contentOf(task.manifest)
      .then((bytes) => setAsked(bytes === undefined ? "" : (lastMessage(JSON.parse(textOf(bytes)) as Manifest, prompt) ?? "")))
      .catch(() => setAsked(""));
  }, [task.manifest, prompt]);
  useEffect(() => {
    setAnswered(undefined);
    if (digest === undefined) return;
    contentOf(digest)
      .then((bytes) => setAnswered(bytes === undefined ? "" : textOf(bytes)))
      .catch(() => setAnswered(""));
  }, [digest]);
  return (
    <Section title="Question and answer">
      <div class="exchange">
        <div class="asked">
          {asked === undefined ? (
            <span class="dim">…</span>
          ) : asked === "" ? (
            <span class="dim">The prompt is not held by this server.</span>
          ) : (
            <Stranger text={asked} lines />
          )}
        </div>
        <div class="answered">
          {digest === undefined ? (
            <span class="dim">{task.status === 1 ? "No answer yet." : "No answer was agreed on."}</span>
          ) : answered === undefined ? (
            <span class="dim">…</span>
          ) : answered === "" ? (
            <span class="dim">The answer is not held by this server; its digest is on chain.</span>
          ) : (
            <Stranger text={answered} lines />
          )}
          {digest !== undefined && (
            <p class="digest">
              sha256 <Hash value={digest} />
            </p>
          )}
        </div>
      </div>
    </Section>
  );
}

const lastMessage = (manifest: Manifest, prompt: number) => manifest.prompts?.[prompt]?.messages?.at(-1)?.content;

const Committee = ({ task, prompt }: { task: TaskDetail; prompt: number }) => (
  <Section title="Committee" aside={task.lease !== null && <TxLink hash={task.lease.drawn_in}>lease {task.lease.id}</TxLink>}>
    {task.seats.length === 0 ? (
      <Empty title="Nobody has committed yet" />
    ) : (
      <Table
        label="Committee"
        head={["Seat", "Node", "Committed", "Opened", "Prompt", { right: "Tokens paid" }, { right: "Earned" }, { right: "Score after" }]}
      >
        {task.seats.map((seat) => {
          const accepted = ((task.outcomes[prompt]?.accepted ?? 0) >> seat.seat) & 1 && seat.conduct === "opened";
          const kind = seat.conduct === null ? "waiting" : seat.conduct !== "opened" ? seat.conduct : accepted ? "agreed" : "outlier";
          return (
            <tr key={`${seat.attempt} ${seat.seat} ${seat.node}`}>
              <td>
                {seat.seat}
                {task.attempt > 0 && <span class="dim"> attempt {seat.attempt + 1}</span>}
              </td>
              <td>
                <NodeLink id={seat.node} />
              </td>
              <td>
                {seat.committed_in === null ? (
                  "–"
                ) : (
                  <TxLink hash={seat.committed_in}>
                    <Time at={seat.committed_at!} short />
                  </TxLink>
                )}
              </td>
              <td>{seat.opened_in === null ? "–" : <TxLink hash={seat.opened_in} />}</td>
              <td>
                <span class={`status ${kind}`}>{kind}</span>
              </td>
              <td class="right">{count(seat.tokens)}</td>
              <td class="right">
                <Amount value={seat.net} />
              </td>
              <td class="right">{seat.score === null ? "–" : count(seat.score)}</td>
            </tr>
          );
        })}
      </Table>
    )}
  </Section>
);

const Verdicts = ({ task }: { task: TaskDetail }) => (
  <Section title="Validators">
    <Table label="Validators" head={["Round", "Seat", "Validator", "Committed", "Opened", "Verdict"]}>
      {task.verdicts.map((one) => (
        <tr key={`${one.round} ${one.seat}`}>
          <td>{one.round === 0 ? "first" : "appeal"}</td>
          <td>{one.seat}</td>
          <td>
            <NodeLink id={one.validator} />
          </td>
          <td>{one.committed_in === null ? "–" : <TxLink hash={one.committed_in} />}</td>
          <td>{one.revealed_in === null ? "–" : <TxLink hash={one.revealed_in} />}</td>
          <td>{one.verdict === null ? "–" : <VerdictWords word={BigInt(one.verdict)} seats={task.redundancy} />}</td>
        </tr>
      ))}
    </Table>
  </Section>
);

const FINDINGS = ["genuine", "not genuine", "mismatch", "unavailable"];
const VerdictWords = ({ word, seats }: { word: bigint; seats: number }) => (
  <ul class="plain">
    {Array.from({ length: seats }, (_, seat) => {
      const part = word >> BigInt(22 * seat);
      return (
        <li key={seat}>
          seat {seat}: {FINDINGS[Number(part & 3n)]}, usefulness {Number((part >> 2n) & 15n)} of 10
        </li>
      );
    })}
  </ul>
);

function Terms({ task }: { task: TaskDetail }) {
  const network = useContext(NetworkContext);
  const { rules } = task;
  return (
    <Section title="Terms">
      <Facts
        of={[
          ["Model", <Hash key="model" value={task.model} />],
          ["Answers", `${rules.redundancy}, of which ${rules.quorum} must agree`],
          ["Agreement", rules.comparison === 0 ? "equal bytes" : `at most ${rules.threshold} of 256 bits`],
          [
            "Price",
            <>
              <Amount key="price" value={rules.price} /> a 1,000 tokens and answer
            </>,
          ],
          ["Windows", `${seconds(rules.commitWindow)} to commit, ${seconds(rules.revealWindow)} to reveal`],
          ["Charged", <Amount key="charged" value={task.charged} digits={6} />],
          ["Router", BigInt(task.router) === 0n ? "none: submitted by the owner" : <Hash key="router" value={task.router} />],
          ["Client's mark", <Hash key="mark" value={task.client_reference} />],
          ["Queue", <Hash key="queue" value={network?.addresses["SessionQueue"] ?? "0x"} />],
          [
            "Validators",
            task.assurance === null
              ? "none: agreement only"
              : `${task.assurance.validators} on ${task.assurance.sampleBps / 100}% of tasks`,
          ],
        ]}
      />
    </Section>
  );
}
