import type { Row } from "../indexer/schema.ts";
import { fieldsOf } from "./fields.ts";
import { count } from "./format.ts";
import { Empty, NodeLink, Section, SessionLink, Table, TaskLink, Time, TxLink } from "./parts.tsx";

type Event = Row<"events">;

/** Arguments that other columns show. */
const SUBJECTS = ["task", "session", "node"];
const MOST_WORDS = 400;

/** Events that the chain logged, with their arguments. `of` says what all of them are about: that column is left out. */
export function Events({
  title = "Events",
  events,
  of,
}: {
  title?: string;
  events: Event[];
  of: "one thing" | "many things" | "one transaction";
}) {
  const [several, when] = [of !== "one thing", of !== "one transaction"];
  const about = several && events.some(({ task, node, session }) => task !== null || node !== null || session !== null);
  // Tasks' events have tables of their own instead of arguments.
  const says = events.some(({ detail }) => detail !== null);
  const head = [
    "Event",
    ...(about ? ["About"] : []),
    ...(says ? ["What it says"] : []),
    ...(when ? [{ right: "Block" }, "Time", "Transaction"] : []),
  ];
  return (
    <Section title={title}>
      {events.length === 0 ? (
        <Empty title="None that the index keeps" />
      ) : (
        <Table label={title} head={head}>
          {events.map((event) => (
            <tr key={`${event.block} ${event.log_index}`}>
              <td>
                {several && <span class="dim">{event.module}.</span>}
                {event.name}
              </td>
              {about && (
                <td>
                  <About event={event} />
                </td>
              )}
              {says && <td class="says">{wordsOf(event)}</td>}
              {when && (
                <>
                  <td class="right">{count(event.block)}</td>
                  <td>
                    <Time at={event.time} />
                  </td>
                  <td>
                    <TxLink hash={event.transaction_hash} />
                  </td>
                </>
              )}
            </tr>
          ))}
        </Table>
      )}
    </Section>
  );
}

function About({ event: { task, node, session } }: { event: Event }) {
  if (task !== null) return <TaskLink id={task} />;
  if (node !== null) return <NodeLink id={node} />;
  return session === null ? <>–</> : <SessionLink id={session} />;
}

function wordsOf({ detail }: Event): string {
  if (detail === null) return "";
  return fieldsOf(JSON.parse(detail) as Record<string, unknown>, SUBJECTS)
    .join(" · ")
    .slice(0, MOST_WORDS);
}
