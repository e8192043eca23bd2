import { createContext } from "preact";
import { useContext, useEffect, useRef, useState } from "preact/hooks";
import type { IndexNews } from "../indexer/service.ts";

/** Where the page is served from, and where the chain is. */
export interface NetworkInfo {
  network: string;
  chainId: string;
  fromBlock: number;
  addresses: Record<string, string>;
  rpc: string;
  host: { router?: string; session?: number; model?: string };
  standing: { block: number; head: number; headTime: number; caughtUp: boolean; fault: string | null };
}

export class RequestFailed extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** JSON of the index. Throws RequestFailed with the server's words. */
export async function ask<T>(path: string, signal?: AbortSignal): Promise<T> {
  const response = await fetch(path, { signal: signal ?? null, headers: { accept: "application/json" } });
  if (response.ok) return (await response.json()) as T;
  const body = (await response.json().catch(() => ({}))) as { error?: { message?: string } };
  throw new RequestFailed(response.status, body.error?.message ?? `the server answered ${response.status}`);
}

/** What the stream said last; undefined while it is down. */
export const LiveContext = createContext<IndexNews | undefined>(undefined);
export const NetworkContext = createContext<NetworkInfo | undefined>(undefined);

/** Follows the server's stream; the browser connects again by itself. */
export function useStream(): IndexNews | undefined {
  const [news, setNews] = useState<IndexNews>();
  useEffect(() => {
    const source = new EventSource("/index/stream");
    source.onmessage = ({ data }) => setNews(JSON.parse(data as string) as IndexNews);
    source.onerror = () => setNews(undefined);
    return () => source.close();
  }, []);
  return news;
}

export type Loaded<T> = { state: "loading" } | { state: "failed"; error: Error; again: () => void } | { state: "ready"; value: T };

/** Reads a path, and reads it again when the stream tells of something that `concerns` it (at most once a second). */
export function useIndex<T>(path: string | undefined, concerns: (news: IndexNews) => boolean = () => true): Loaded<T> {
  const [loaded, setLoaded] = useState<Loaded<T>>({ state: "loading" });
  const [turn, setTurn] = useState(0);
  const news = useContext(LiveContext);
  const last = useRef({ path: "", at: 0 });
  useEffect(() => {
    if (path === undefined) return;
    const aborting = new AbortController();
    if (last.current.path !== path) setLoaded({ state: "loading" });
    last.current = { path, at: performance.now() };
    ask<T>(path, aborting.signal).then(
      (value) => setLoaded({ state: "ready", value }),
      (error: unknown) => {
        if (!aborting.signal.aborted) setLoaded({ state: "failed", error: error as Error, again: () => setTurn((one) => one + 1) });
      },
    );
    return () => aborting.abort();
  }, [path, turn]);
  useEffect(() => {
    if (news === undefined || news.tasks.length + news.nodes.length + news.sessions.length === 0 || !concerns(news)) return;
    const wait = Math.max(0, 1_000 - (performance.now() - last.current.at));
    const timer = setTimeout(() => setTurn((one) => one + 1), wait);
    return () => clearTimeout(timer);
  }, [news]);
  return loaded;
}

/** The address after #, as a path. */
export function useRoute(): string {
  const read = () => decodeURI(location.hash.slice(1)) || "/";
  const [route, setRoute] = useState(read);
  useEffect(() => {
    const changed = () => {
      setRoute(read());
      document.getElementById("main")?.focus({ preventScroll: true });
      scrollTo(0, 0);
    };
    addEventListener("hashchange", changed);
    return () => removeEventListener("hashchange", changed);
  }, []);
  return route;
}
