import { useContext } from "preact/hooks";
import type { SessionDetail, TaskBrief } from "../../indexer/queries.ts";
import { NetworkContext, useIndex } from "../data.ts";
import { Events } from "../eventTable.tsx";
import { count, seconds } from "../format.ts";
import { lazy } from "../lazy.tsx";
import { Amount, Empty, Facts, Figure, Hash, Section, Show, Stranger, Table, Time, TxLink } from "../parts.tsx";
import { useWallet } from "../wallet.tsx";
import { TaskTable } from "./overview.tsx";

const FundSession = lazy<{ session: number }>(async () => (await import("../openSession.tsx")).FundSession);

/** One session: money, terms, routers, tasks. */
export function Session({ id }: { id: string }) {
  const number = /^\d{1,10}$/.test(id) ? Number(id) : 0;
  const found = useIndex<SessionDetail>(`/index/sessions/${number}`, (news) => news.sessions.includes(number));
  const tasks = useIndex<{ tasks: TaskBrief[] }>(`/index/tasks?limit=12&session=${number}`, (news) => news.sessions.includes(number));
  const { account } = useWallet();
  const network = useContext(NetworkContext);
  return (
    <Show of={found}>
      {(session) => (
        <>
          <p class="crumb">
            <a href="#/sessions">Sessions</a>
          </p>
          <h1>
            Session {session.id} {session.closed ? <span class="status cancelled">closed</span> : <span class="status open">open</span>}
          </h1>
          <dl class="figures">
            <Figure label="Available" value={<Amount value={session.available} digits={2} />} note="the owner's to take back" />
            <Figure label="Locked" value={<Amount value={session.locked} digits={2} />} note="for what runs" />
            <Figure
              label="Spent on answers"
              value={<Amount value={session.spent_tasks} digits={3} />}
              note={`${count(session.accepted)} of ${count(session.tasks)} tasks accepted`}
            />
            <Figure
              label="Spent on leases"
              value={<Amount value={session.spent_leases} digits={3} />}
              note={session.lease === 0 ? "no lease now" : `lease ${session.lease}`}
            />
          </dl>
          <p class="actions">
            {network?.host.session === session.id && (
              <a class="button" href="#/chat">
                Chat in this session
              </a>
            )}
          </p>
          {account !== undefined && (
            <Section title="Add money">
              <FundSession session={session.id} />
            </Section>
          )}
          <Section title="Tasks">
            <Show of={tasks}>{({ tasks: list }) => (list.length === 0 ? <Empty title="No task yet" /> : <TaskTable tasks={list} />)}</Show>
          </Section>
          <Section title="Terms">
            <Facts
              of={[
                ["Owner", <Hash key="owner" value={session.owner} />],
                ["Model", <Hash key="model" value={session.model} />],
                ["Answers", `${String(session.terms["redundancy"])}, of which ${String(session.terms["quorum"])} must agree`],
                [
                  "Windows",
                  `${seconds(Number(session.terms["commitWindow"]))} to commit, ${seconds(Number(session.terms["revealWindow"]))} to reveal`,
                ],
                ["Longest answer", `${String(session.terms["maxTokens"])} tokens`],
                [
                  "Price ceiling",
                  <>
                    <Amount key="ceiling" value={String(session.terms["priceCeiling"])} /> a 1,000 tokens and answer
                  </>,
                ],
                ["Validators", session.terms["validators"] === "0" ? "none: agreement only" : String(session.terms["validators"])],
                [
                  "Opened",
                  <TxLink key="opened" hash={session.opened_in}>
                    <Time at={session.opened_at} />
                  </TxLink>,
                ],
              ]}
            />
          </Section>
          <Section title="Routers">
            {session.routers.length === 0 ? (
              <Empty title="No router">Only the owner's wallet can submit for this session.</Empty>
            ) : (
              <Table label="Routers" head={["Router", "Endpoint (their own words)", "May submit"]}>
                {session.routers.map((router) => (
                  <tr key={router.router}>
                    <td>
                      <Hash value={router.router} />
                    </td>
                    <td>
                      <Stranger text={router.endpoint} />
                    </td>
                    <td>{router.allowed ? "yes" : "no longer"}</td>
                  </tr>
                ))}
              </Table>
            )}
          </Section>
          <Events of="one thing" events={session.events} />
        </>
      )}
    </Show>
  );
}
