import { useContext, useEffect, useState } from "preact/hooks";
import type { Row } from "../../indexer/schema.ts";
import { ask, type Loaded, NetworkContext, type NetworkInfo } from "../data.ts";
import { Events } from "../eventTable.tsx";
import { count } from "../format.ts";
import { Empty, Facts, Hash, Show } from "../parts.tsx";

interface Receipt {
  blockNumber: string;
  blockHash: string;
  from: string;
  to: string | null;
  gasUsed: string;
  status: string;
}

/** A transaction, as the chain itself tells it, with what the index made of its events. */
export function Transaction({ hash }: { hash: string }) {
  const network = useContext(NetworkContext);
  const [found, setFound] = useState<Loaded<{ receipt: Receipt | null; events: Row<"events">[] }>>({ state: "loading" });
  useEffect(() => {
    if (network === undefined) return;
    read(network, hash).then(
      (value) => setFound({ state: "ready", value }),
      (error: unknown) => setFound({ state: "failed", error: error as Error, again: () => location.reload() }),
    );
  }, [network, hash]);
  return (
    <>
      <h1>Transaction</h1>
      <Show of={found}>
        {({ receipt, events }) =>
          receipt === null ? (
            <Empty title="The chain has no such transaction">It may have been reorganised away; look at the task again.</Empty>
          ) : (
            <>
              <Facts
                of={[
                  ["Hash", <Hash key="hash" value={hash} />],
                  ["Block", count(Number(receipt.blockNumber))],
                  ["From", <Hash key="from" value={receipt.from} />],
                  ["To", receipt.to === null ? "a new contract" : <Hash key="to" value={receipt.to} />],
                  ["Gas", count(Number(receipt.gasUsed))],
                  ["Result", receipt.status === "0x1" ? "succeeded" : "reverted"],
                ]}
              />
              <Events of="one transaction" events={events} />
            </>
          )
        }
      </Show>
    </>
  );
}

async function read({ rpc }: NetworkInfo, hash: string): Promise<{ receipt: Receipt | null; events: Row<"events">[] }> {
  if (!/^0x[0-9a-f]{64}$/.test(hash)) throw new Error("found something else than 0x and 64 hex digits, wanted a transaction's hash");
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_getTransactionReceipt", params: [hash] });
  const response = await fetch(rpc, { method: "POST", body, headers: { "content-type": "application/json" } });
  const { result, error } = (await response.json()) as { result: Receipt | null; error?: { message: string } };
  if (error !== undefined) throw new Error(`the chain answered: ${error.message}`);
  if (result === null) return { receipt: null, events: [] };
  const { events } = await ask<{ events: Row<"events">[] }>(`/index/blocks/${Number(result.blockNumber)}`);
  return { receipt: result, events: events.filter(({ transaction_hash }) => transaction_hash === hash) };
}
