import { once } from "node:events";
import { Worker } from "node:worker_threads";
import { IndexQueries } from "./queries.ts";
import type { WorkerNews, WorkerSettings } from "./worker.ts";

/** Where the index stands. */
export interface Standing {
  block: number;
  head: number;
  headTime: number;
  caughtUp: boolean;
  events: number;
  reorganisations: number;
  /** What went wrong last, until it goes on. */
  fault: string | undefined;
}

/** What changed since a listener was told last. */
export interface IndexNews extends Standing {
  tasks: string[];
  nodes: number[];
  sessions: number[];
}

const TOLD_EVERY_MS = 250;

/** An index that a thread of its own keeps up to date, and this thread reads. */
export class IndexService {
  readonly standing: Standing = { block: 0, head: 0, headTime: 0, caughtUp: false, events: 0, reorganisations: 0, fault: undefined };
  readonly #worker: Worker;
  readonly #file: string;
  readonly #listeners = new Set<(news: IndexNews) => void>();
  #queries: IndexQueries | undefined;
  #changed = { tasks: new Set<string>(), nodes: new Set<number>(), sessions: new Set<number>() };
  #timer: NodeJS.Timeout | undefined;

  constructor(settings: WorkerSettings) {
    this.#file = settings.file;
    this.#worker = new Worker(new URL("./worker.ts", import.meta.url), { workerData: settings });
    this.#worker.on("message", (news: WorkerNews) => this.#take(news));
    this.#worker.on("error", (error) => (this.standing.fault = (error as Error).message));
  }

  /** What readers ask; undefined until the index is open. */
  get queries(): IndexQueries | undefined {
    return this.#queries;
  }

  /** Tells a listener of changes, several times a second at most. Returns how to stop. */
  listen(listener: (news: IndexNews) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the thread and closes the file. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    const exited = once(this.#worker, "exit");
    this.#worker.postMessage("stop");
    const forced = setTimeout(() => void this.#worker.terminate(), 5_000);
    await exited;
    clearTimeout(forced);
    this.#queries?.close();
    this.#queries = undefined;
  }

  #take(news: WorkerNews): void {
    if (news.kind === "failed") {
      this.standing.fault = news.message;
      return;
    }
    if (news.kind === "opened") {
      this.#queries?.close();
      this.#queries = new IndexQueries(this.#file);
      return;
    }
    const { upTo, head, headTime, caughtUp, events, reorganised, tasks, nodes, sessions } = news;
    Object.assign(this.standing, { block: upTo, head, headTime, caughtUp, fault: undefined });
    this.standing.events += events;
    this.standing.reorganisations += reorganised ? 1 : 0;
    for (const id of tasks) this.#changed.tasks.add(id);
    for (const id of nodes) this.#changed.nodes.add(id);
    for (const id of sessions) this.#changed.sessions.add(id);
    this.#timer ??= setTimeout(() => this.#tell(), TOLD_EVERY_MS);
  }

  #tell(): void {
    this.#timer = undefined;
    const { tasks, nodes, sessions } = this.#changed;
    // While it catches up, a list of everything would help nobody.
    const few = <T>(ids: Set<T>) => [...ids].slice(-100);
    const news = { ...this.standing, tasks: few(tasks), nodes: few(nodes), sessions: few(sessions) };
    this.#changed = { tasks: new Set(), nodes: new Set(), sessions: new Set() };
    for (const listener of this.#listeners) listener(news);
  }
}
