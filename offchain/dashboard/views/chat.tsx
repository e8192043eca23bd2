import { useContext, useEffect, useRef, useState } from "preact/hooks";
import type { SessionDetail } from "../../indexer/queries.ts";
import { ask, NetworkContext } from "../data.ts";
import { cor } from "../format.ts";
import { Amount, SessionLink, Stranger, TaskLink } from "../parts.tsx";
import { routerClient } from "../../sdk/routerClient.ts";
import type { Proof } from "../../sdk/result.ts";
import { wordsOf } from "../wallet.tsx";

interface Turn {
  question: string;
  answer: string;
  task: string | undefined;
  /** streaming: one node's words, unverified; verified: nodes agreed, and the chain says so. */
  state: "waiting" | "streaming" | "verified" | "failed";
  proof: Proof | undefined;
  fault: string | undefined;
  /** Whether the words that were shown while they came were not the accepted ones. */
  replaced: boolean;
}

/** A conversation over this server's router: words as one node writes them, then what the network agreed on. */
export function Chat() {
  const network = useContext(NetworkContext);
  const [turns, setTurns] = useState<Turn[]>([]);
  const [apiKey, setApiKey] = useState(() => sessionStorage.getItem("corroborate-key") ?? "");
  const [session, setSession] = useState<SessionDetail>();
  const aborting = useRef<AbortController>(undefined);
  const field = useRef<HTMLTextAreaElement>(null);
  const busy = turns.some(({ state }) => state === "waiting" || state === "streaming");
  const number = network?.host.session;
  useEffect(() => {
    if (number === undefined) return;
    ask<SessionDetail>(`/index/sessions/${number}`).then(setSession, () => undefined);
  }, [number, busy]);
  useEffect(() => () => aborting.current?.abort(), []);

  const change = (at: number, more: Partial<Turn>) => setTurns((list) => list.map((turn, i) => (i === at ? { ...turn, ...more } : turn)));
  const send = async (question: string) => {
    const at = turns.length;
    setTurns([...turns, { question, answer: "", task: undefined, state: "waiting", proof: undefined, fault: undefined, replaced: false }]);
    aborting.current = new AbortController();
    const before = turns.filter(({ state }) => state === "verified").slice(-3);
    const messages = [
      ...before.flatMap((turn) => [
        { role: "user" as const, content: turn.question },
        { role: "assistant" as const, content: turn.answer },
      ]),
      { role: "user" as const, content: question },
    ];
    let shown = "";
    try {
      const client = routerClient({ baseUrl: `${location.origin}/v1`, ...(apiKey !== "" && { apiKey }) });
      const result = await client.complete(
        { messages, maxTokens: 64 },
        {
          signal: aborting.current.signal,
          onEvent: (event) => {
            if (event.type === "submitted") change(at, { task: event.task });
            if (event.type === "token") change(at, { answer: (shown += event.text), state: "streaming" });
          },
        },
      );
      change(at, { answer: result.text, state: "verified", proof: result.proof, task: result.proof.task, replaced: shown !== result.text });
    } catch (error) {
      change(at, {
        state: "failed",
        fault: aborting.current.signal.aborted ? "You stopped it. What the task costs is settled on chain all the same." : wordsOf(error),
      });
    }
  };
  const submit = (event: Event) => {
    event.preventDefault();
    const question = field.current!.value.trim();
    if (question === "" || busy) return;
    field.current!.value = "";
    void send(question);
  };
  if (network !== undefined && number === undefined)
    return (
      <>
        <h1>Chat</h1>
        <p class="lead">
          This server follows the chain but is no router: it can show answers, not ask for them. Open the page of a router to chat.
        </p>
      </>
    );
  return (
    <>
      <h1>Chat</h1>
      <p class="lead">
        Words appear while one node writes them, <span class="status waiting">unverified</span>. A moment later the contract has compared
        the committee's answers, and they are <span class="status accepted">verified</span> or replaced.
      </p>
      <p class="paid">
        {number !== undefined && (
          <>
            Paid by <SessionLink id={number} />
          </>
        )}
        {session !== undefined && (
          <>
            {" "}
            · <Amount value={session.available} digits={2} /> available
          </>
        )}
      </p>
      <div class="chat" role="log" aria-live="polite" aria-label="Conversation">
        {turns.length === 0 && (
          <div class="suggest">
            {["What is the capital of France?", "What is the capital of Peru?", "What is seven plus five?"].map((text) => (
              <button key={text} type="button" onClick={() => void send(text)}>
                {text}
              </button>
            ))}
          </div>
        )}
        {turns.map((turn, i) => (
          <article key={i} class="turn">
            <div class="asked">
              <Stranger text={turn.question} lines />
            </div>
            <div class={`answered ${turn.state}`}>
              {turn.answer === "" && turn.state !== "failed" ? (
                <span class="dim">{turn.task === undefined ? "Placing the task on chain …" : "Nodes are thinking …"}</span>
              ) : (
                <Stranger text={turn.answer} lines />
              )}
              <p class="marks">
                {turn.state === "verified" && turn.proof !== undefined ? (
                  <>
                    <span class="status accepted">verified</span> {turn.proof.agreement.agreed} of {turn.proof.agreement.redundancy} nodes
                    agree · {cor(turn.proof.charged)} COR
                    {turn.replaced && <span class="status outlier">the streamed words were replaced</span>}
                  </>
                ) : turn.state === "failed" ? (
                  <span class="fault" role="alert">
                    {turn.fault}
                  </span>
                ) : (
                  <span class="status waiting">{turn.state === "streaming" ? "unverified" : "waiting"}</span>
                )}
                {turn.task !== undefined && (
                  <>
                    {" "}
                    · task <TaskLink id={turn.task} />
                  </>
                )}
              </p>
            </div>
          </article>
        ))}
      </div>
      <form class="composer" onSubmit={submit}>
        <label class="hidden" for="question">
          Your question
        </label>
        <textarea
          id="question"
          ref={field}
          rows={2}
          maxLength={4_000}
          placeholder="Ask the network"
          onKeyDown={(event) => {
            if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
          }}
        />
        {busy ? (
          <button type="button" class="button quiet" onClick={() => aborting.current?.abort()}>
            Stop
          </button>
        ) : (
          <button type="submit" class="button">
            Ask
          </button>
        )}
      </form>
      <details class="key">
        <summary>API key</summary>
        <label>
          Needed where this router has keys; kept until this tab closes
          <input
            type="password"
            autoComplete="off"
            value={apiKey}
            onInput={(event) => {
              setApiKey(event.currentTarget.value);
              sessionStorage.setItem("corroborate-key", event.currentTarget.value);
            }}
          />
        </label>
      </details>
    </>
  );
}
