import { parseEther } from "ethers";
import { useContext, useState } from "preact/hooks";
import type { Governance } from "../indexer/queries.ts";
import { fundSession, openSession, signerOf } from "./chain/connection.ts";
import { NetworkContext, useIndex } from "./data.ts";
import { cor, visible } from "./format.ts";
import { Show } from "./parts.tsx";
import { useWallet, wordsOf } from "./wallet.tsx";

const textIn = (form: FormData, name: string): string => {
  const found = form.get(name);
  return typeof found === "string" ? found : "";
};

type Doing = { at: "idle" } | { at: "busy"; text: string } | { at: "failed"; text: string } | { at: "done"; text: string; link: string };

/** A form that opens a session by the wallet and funds it by permit: two or three transactions, each said beforehand. */
export function OpenSession() {
  const network = useContext(NetworkContext);
  const { provider } = useWallet();
  const governance = useIndex<Governance>("/index/governance", () => false);
  const [doing, setDoing] = useState<Doing>({ at: "idle" });
  const submit = async (event: Event, models: Governance["models"]) => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const field = (name: string) => textIn(form, name);
    const model = models.find(({ id }) => id === field("model"));
    if (network === undefined || provider === undefined || model === undefined) return;
    try {
      const redundancy = Number(field("redundancy"));
      const amount = parseEther(field("deposit"));
      setDoing({ at: "busy", text: "Confirm the session in your wallet, then its router" });
      const signer = await signerOf(network, provider);
      const session = await openSession(network, signer, {
        model: model.id,
        redundancy,
        quorum: Math.floor(redundancy / 2) + 1,
        exact: field("comparison") === "exact",
        maxTokens: Number(field("maxTokens")),
        commitWindow: Number(field("window")),
        priceCeiling: BigInt(model.price),
      });
      if (amount > 0n) {
        setDoing({ at: "busy", text: `Session ${session} is open. Sign the permit, then confirm the deposit` });
        await fundSession(network, signer, session, amount);
      }
      setDoing({
        at: "done",
        text: `Session ${session} is open${amount > 0n ? ` and holds ${cor(amount)} COR` : ""}.`,
        link: `#/sessions/${session}`,
      });
    } catch (error) {
      setDoing({ at: "failed", text: wordsOf(error) });
    }
  };
  return (
    <Show of={governance}>
      {({ models }) => (
        <form class="form" onSubmit={(event) => void submit(event, models)}>
          <label>
            Model
            <select name="model">
              {models
                .filter(({ deprecated }) => !deprecated)
                .map(({ id, name }) => (
                  <option key={id} value={id}>
                    {visible(name.slice(0, 60))}
                  </option>
                ))}
            </select>
          </label>
          <label>
            Answers a prompt
            <select name="redundancy">
              <option value="3">3, two must agree</option>
              <option value="5">5, three must agree</option>
              <option value="1">1, nothing to compare</option>
            </select>
          </label>
          <label>
            They agree when
            <select name="comparison">
              <option value="semantic">they mean the same</option>
              <option value="exact">they are equal</option>
            </select>
          </label>
          <label>
            Longest answer, tokens
            <input name="maxTokens" type="number" min="1" max="128" value="64" required />
          </label>
          <label>
            Time to commit and to reveal, seconds
            <input name="window" type="number" min="10" max="600" value="20" required />
          </label>
          <label>
            Deposit, COR
            <input name="deposit" type="text" inputMode="decimal" pattern="\d{1,9}(\.\d{1,18})?" value="100" required />
          </label>
          <div class="submit">
            <button type="submit" class="button" disabled={doing.at === "busy"}>
              Open and fund
            </button>
            <Outcome of={doing} />
          </div>
        </form>
      )}
    </Show>
  );
}

/** Adds money to a session by permit. */
export function FundSession({ session }: { session: number }) {
  const network = useContext(NetworkContext);
  const { provider } = useWallet();
  const [doing, setDoing] = useState<Doing>({ at: "idle" });
  const submit = async (event: Event) => {
    event.preventDefault();
    const amount = parseEther(textIn(new FormData(event.currentTarget as HTMLFormElement), "amount"));
    if (network === undefined || provider === undefined) return;
    try {
      setDoing({ at: "busy", text: "Sign the permit, then confirm the deposit" });
      const hash = await fundSession(network, await signerOf(network, provider), session, amount);
      setDoing({ at: "done", text: `${cor(amount)} COR are in.`, link: `#/transactions/${hash}` });
    } catch (error) {
      setDoing({ at: "failed", text: wordsOf(error) });
    }
  };
  return (
    <form class="form inline" onSubmit={(event) => void submit(event)}>
      <label>
        Amount, COR
        <input name="amount" type="text" inputMode="decimal" pattern="\d{1,9}(\.\d{1,18})?" value="50" required />
      </label>
      <div class="submit">
        <button type="submit" class="button" disabled={doing.at === "busy"}>
          Fund by permit
        </button>
        <Outcome of={doing} />
      </div>
    </form>
  );
}

function Outcome({ of }: { of: Doing }) {
  if (of.at === "idle") return <span role="status" />;
  return (
    <span role={of.at === "failed" ? "alert" : "status"} class={`outcome ${of.at}`}>
      {of.text} {of.at === "done" && <a href={of.link}>See it</a>}
    </span>
  );
}
