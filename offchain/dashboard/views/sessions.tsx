import { useState } from "preact/hooks";
import type { SessionBrief } from "../../indexer/queries.ts";
import { useIndex } from "../data.ts";
import { count } from "../format.ts";
import { Amount, Empty, Hash, Section, SessionLink, Show, Table, Time, TxLink } from "../parts.tsx";
import { lazy } from "../lazy.tsx";
import { useWallet } from "../wallet.tsx";

const OpenSession = lazy<object>(async () => (await import("../openSession.tsx")).OpenSession);

/** Funded rights to inference: everybody's, or the wallet's own. */
export function Sessions() {
  const { account } = useWallet();
  const [mine, setMine] = useState(false);
  const found = useIndex<{ sessions: SessionBrief[] }>(
    mine && account !== undefined ? `/index/sessions?owner=${account}` : "/index/sessions",
    (news) => news.sessions.length > 0,
  );
  return (
    <>
      <h1>Sessions</h1>
      <p class="lead">
        A session is a funded right to inference on agreed terms. Its money is its owner's until a task has been settled, and the rest comes
        back.
      </p>
      <Section title="Open a session">
        {account === undefined ? (
          <Empty title="No wallet connected">Connect one above to open and fund a session. Reading needs none.</Empty>
        ) : (
          <OpenSession />
        )}
      </Section>
      <Section
        title={mine ? "Yours" : "All"}
        aside={
          account !== undefined && (
            <div class="filter" role="group" aria-label="Whose">
              <button type="button" aria-pressed={!mine} onClick={() => setMine(false)}>
                all
              </button>
              <button type="button" aria-pressed={mine} onClick={() => setMine(true)}>
                yours
              </button>
            </div>
          )
        }
      >
        <Show of={found}>
          {({ sessions }) =>
            sessions.length === 0 ? (
              <Empty title="No session yet" />
            ) : (
              <Table
                label="Sessions"
                head={[
                  "Session",
                  "Owner",
                  "Opened",
                  { right: "Tasks" },
                  { right: "Available" },
                  { right: "Locked" },
                  { right: "Spent" },
                  "State",
                ]}
              >
                {sessions.map((one) => (
                  <tr key={one.id}>
                    <td>
                      <SessionLink id={one.id} />
                    </td>
                    <td>
                      <Hash value={one.owner} />
                    </td>
                    <td>
                      <TxLink hash={one.opened_in}>
                        <Time at={one.opened_at} />
                      </TxLink>
                    </td>
                    <td class="right">{count(one.tasks)}</td>
                    <td class="right">
                      <Amount value={one.available} digits={2} />
                    </td>
                    <td class="right">
                      <Amount value={one.locked} digits={2} />
                    </td>
                    <td class="right">
                      <Amount value={BigInt(one.spent_tasks) + BigInt(one.spent_leases)} digits={2} />
                    </td>
                    <td>
                      <span class={`status ${one.closed ? "cancelled" : "open"}`}>{one.closed ? "closed" : "open"}</span>
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
