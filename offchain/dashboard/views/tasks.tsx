import { useState } from "preact/hooks";
import type { TaskBrief } from "../../indexer/queries.ts";
import { useIndex } from "../data.ts";
import { statusName } from "../format.ts";
import { Empty, Section, Show } from "../parts.tsx";
import { TaskTable } from "./overview.tsx";

const STATUSES = [1, 2, 3, 4, 5];

/** Every task, newest first, a page at a time. */
export function Tasks() {
  const [status, setStatus] = useState<number>();
  const [pages, setPages] = useState<string[]>([]);
  const before = pages.at(-1);
  const path = `/index/tasks?limit=40${before === undefined ? "" : `&before=${before}`}${status === undefined ? "" : `&status=${status}`}`;
  const found = useIndex<{ tasks: TaskBrief[]; next: string | null }>(path, (news) => before === undefined && news.tasks.length > 0);
  const choose = (one: number | undefined) => {
    setStatus(one);
    setPages([]);
  };
  return (
    <>
      <h1>Tasks</h1>
      <p class="lead">A task is one set of prompts, answered by a committee that nobody chose. It ends by itself, whoever is silent.</p>
      <Section
        title={before === undefined ? "Newest" : "Older"}
        aside={
          <div class="filter" role="group" aria-label="Status">
            <button type="button" aria-pressed={status === undefined} onClick={() => choose(undefined)}>
              all
            </button>
            {STATUSES.map((one) => (
              <button key={one} type="button" aria-pressed={status === one} onClick={() => choose(one)}>
                {statusName(one)}
              </button>
            ))}
          </div>
        }
      >
        <Show of={found}>
          {({ tasks, next }) => (
            <>
              {tasks.length === 0 ? (
                <Empty title="No such task">Nothing with this status is in the index.</Empty>
              ) : (
                <TaskTable tasks={tasks} />
              )}
              <div class="pager">
                <button type="button" disabled={pages.length === 0} onClick={() => setPages(pages.slice(0, -1))}>
                  Newer
                </button>
                <button type="button" disabled={next === null} onClick={() => setPages([...pages, next!])}>
                  Older
                </button>
              </div>
            </>
          )}
        </Show>
      </Section>
    </>
  );
}
