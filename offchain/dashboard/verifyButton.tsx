import { useContext, useState } from "preact/hooks";
import type { TaskDetail } from "../indexer/queries.ts";
import type { Check } from "../sdk/verify.ts";
import { NetworkContext } from "./data.ts";
import { visible } from "./format.ts";
import { useWallet, wordsOf } from "./wallet.tsx";

type State = { at: "idle" } | { at: "busy" } | { at: "failed"; text: string } | { at: "checked"; ok: boolean; checks: Check[]; by: string };

const NAMES: Record<Check["name"], string> = {
  settled: "It was settled as accepted, by the transactions named here",
  text: "The text hashes to the digest that the contract accepted",
  draw: "The committee's seed follows from the block that decided it",
  committee: "The seed seats these nodes and no others",
  judging: "The sketches on chain agree under the task's terms",
};

/** Checks a task in this browser, from the chain through the SDK. */
export function VerifyButton({ task, prompt, digest }: { task: TaskDetail; prompt: number; digest: string | undefined }) {
  const network = useContext(NetworkContext);
  const { provider } = useWallet();
  const [state, setState] = useState<State>({ at: "idle" });
  if (task.status !== 2 || digest === undefined) return <p class="dim">Only an accepted answer can be checked.</p>;
  const check = async () => {
    if (network === undefined) return;
    setState({ at: "busy" });
    try {
      const { verifyTask } = await import("./chain/verifyTask.ts");
      const { ok, checks } = await verifyTask(task, prompt, digest, network, provider);
      setState({ at: "checked", ok, checks, by: provider === undefined ? network.rpc : "your wallet's chain" });
    } catch (error) {
      setState({ at: "failed", text: wordsOf(error) });
    }
  };
  return (
    <div class="verify" aria-live="polite">
      <button type="button" class="button" disabled={state.at === "busy"} onClick={() => void check()}>
        {state.at === "busy" ? "Reading the chain …" : "Verify in my browser"}
      </button>
      {state.at === "failed" && (
        <p class="fault" role="alert">
          {state.text}
        </p>
      )}
      {state.at === "checked" && (
        <>
          <p class={`verdict ${state.ok ? "yes" : "no"}`}>{state.ok ? `Verified, from ${state.by}` : "Not what it claims to be"}</p>
          <ul class="checks">
            {state.checks.map(({ name, ok, detail }) => (
              <li key={name} class={ok ? "yes" : "no"}>
                <b>{NAMES[name]}</b>
                <small>{visible(detail)}</small>
              </li>
            ))}
          </ul>
        </>
      )}
    </div>
  );
}

/** Everything about a task in one file that verifies offline: npm run audit -- verify FILE. */
export function BundleButton({ task }: { task: TaskDetail }) {
  const network = useContext(NetworkContext);
  const { provider } = useWallet();
  const [words, setWords] = useState("Download audit bundle");
  if (task.status === 1) return null;
  const save = async () => {
    if (network === undefined) return;
    setWords("Reading the chain …");
    try {
      const { bundleOf } = await import("./chain/verifyTask.ts");
      const text = await bundleOf(task, network, provider);
      const link = document.createElement("a");
      link.href = URL.createObjectURL(new Blob([text], { type: "application/json" }));
      link.download = `task-${task.id}.audit.json`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      setWords("Download audit bundle");
    } catch (error) {
      setWords(wordsOf(error));
    }
  };
  return (
    <button type="button" onClick={() => void save()}>
      {words}
    </button>
  );
}
