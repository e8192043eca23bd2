import type { ComponentType } from "preact";
import { useEffect, useErrorBoundary, useState } from "preact/hooks";
import { ask, LiveContext, type NetworkInfo, NetworkContext, useRoute, useStream } from "./data.ts";
import { count } from "./format.ts";
import { Empty, Failure } from "./parts.tsx";
import { type Theme, useTheme } from "./theme.ts";
import { Overview } from "./views/overview.tsx";
import { Tasks } from "./views/tasks.tsx";
import { Task } from "./views/task.tsx";
import { Sessions } from "./views/sessions.tsx";
import { Session } from "./views/session.tsx";
import { Nodes } from "./views/nodes.tsx";
import { Node } from "./views/node.tsx";
import { Leaderboard } from "./views/leaderboard.tsx";
import { Rounds } from "./views/rounds.tsx";
import { Governance } from "./views/governance.tsx";
import { Transaction } from "./views/transaction.tsx";
import { Chat } from "./views/chat.tsx";
import { WalletButton, WalletProvider } from "./wallet.tsx";

const VIEWS: { path: string; name: string; view: ComponentType; one?: ComponentType<{ id: string }> }[] = [
  { path: "/", name: "Overview", view: Overview },
  { path: "/chat", name: "Chat", view: Chat },
  { path: "/tasks", name: "Tasks", view: Tasks, one: Task },
  { path: "/sessions", name: "Sessions", view: Sessions, one: Session },
  { path: "/nodes", name: "Nodes", view: Nodes, one: Node },
  { path: "/leaderboard", name: "Leaderboard", view: Leaderboard },
  { path: "/rounds", name: "Rounds", view: Rounds },
  { path: "/governance", name: "Governance", view: Governance },
];

export function App() {
  const route = useRoute();
  const news = useStream();
  const [network, setNetwork] = useState<NetworkInfo>();
  const [fault, setFault] = useState<Error>();
  useEffect(() => {
    ask<NetworkInfo>("/index/network").then(setNetwork, setFault);
  }, []);
  const { theme, choose } = useTheme();
  const [, path = "", id] = /^(\/[a-z]*)(?:\/(.*))?$/.exec(route) ?? [];
  const here = VIEWS.find((one) => one.path === path);
  useEffect(() => {
    document.title = `${here?.name ?? "Corroborate"}${id === undefined ? "" : ` ${id}`} · Corroborate`;
  }, [route]);
  return (
    <NetworkContext.Provider value={network}>
      <LiveContext.Provider value={news}>
        <WalletProvider>
          <a class="skip" href="#main" onClick={skip}>
            Skip to content
          </a>
          <header class="top">
            <a class="mark" href="#/">
              <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
                <g fill="none" stroke="currentColor" stroke-width="2.2">
                  <circle cx="12" cy="12" r="8" />
                  <circle cx="20" cy="12" r="8" />
                  <circle cx="16" cy="20" r="8" />
                </g>
              </svg>
              Corroborate
            </a>
            <nav aria-label="Views">
              {VIEWS.map(({ path: to, name }) => (
                <a key={to} href={`#${to}`} aria-current={to === path ? "page" : undefined}>
                  {name}
                </a>
              ))}
            </nav>
            <div class="tools">
              <Standing network={network} />
              <ThemeButton theme={theme} choose={choose} />
              <WalletButton />
            </div>
          </header>
          <main id="main" tabIndex={-1} key={`${path}/${id ?? ""}`}>
            {fault !== undefined ? <Failure error={fault} /> : <Guarded path={path} id={id} />}
          </main>
          <footer>
            Everything here follows from the chain's events. What a number claims, its transaction shows; what a server says, your browser
            can check.
          </footer>
        </WalletProvider>
      </LiveContext.Provider>
    </NetworkContext.Provider>
  );
}

/** A view's own failure leaves the rest of the page standing. */
function Guarded({ path, id }: { path: string; id: string | undefined }) {
  const [error, reset] = useErrorBoundary() as [Error | undefined, () => void];
  if (error !== undefined) return <Failure error={error} again={reset} />;
  if (path === "/transactions" && id !== undefined) return <Transaction hash={id} />;
  const here = VIEWS.find((one) => one.path === path);
  if (here === undefined || (id !== undefined && here.one === undefined))
    return <Empty title="There is no such page">Choose a view above.</Empty>;
  if (id !== undefined) {
    const One = here.one!;
    return <One id={id} />;
  }
  const View = here.view;
  return <View />;
}

function skip(event: Event): void {
  event.preventDefault();
  document.getElementById("main")?.focus();
}

function Standing({ network }: { network: NetworkInfo | undefined }) {
  return (
    <LiveContext.Consumer>
      {(news) => {
        const fault = news?.fault ?? undefined;
        const state = news === undefined ? "away" : fault !== undefined ? "fault" : news.caughtUp ? "live" : "behind";
        const words = { away: "connecting", fault: "chain unreachable", live: "live", behind: "catching up" }[state];
        return (
          <span class={`standing ${state}`} role="status" title={fault ?? `${network?.network ?? ""}, chain ${network?.chainId ?? ""}`}>
            <i aria-hidden="true" />
            {words}
            {news !== undefined && <span class="block">block {count(news.block)}</span>}
          </span>
        );
      }}
    </LiveContext.Consumer>
  );
}

const NEXT: Record<Theme, Theme> = { system: "light", light: "dark", dark: "system" };

const ThemeButton = ({ theme, choose }: { theme: Theme; choose: (theme: Theme) => void }) => (
  <button
    type="button"
    class="icon"
    aria-label={`Theme: ${theme}. Change to ${NEXT[theme]}`}
    title={`Theme: ${theme}`}
    onClick={() => choose(NEXT[theme])}
  >
    <svg viewBox="0 0 20 20" width="18" height="18" aria-hidden="true">
      <circle cx="10" cy="10" r="7" fill="none" stroke="currentColor" stroke-width="1.6" />
      <path
        d={
          theme === "light"
            ? "M10 6.5a3.5 3.5 0 1 1 0 7a3.5 3.5 0 1 1 0-7"
            : theme === "dark"
              ? "M10 3a7 7 0 0 1 0 14z M10 3a7 7 0 0 0 0 14z"
              : "M10 3a7 7 0 0 1 0 14z"
        }
        fill="currentColor"
      />
    </svg>
  </button>
);
