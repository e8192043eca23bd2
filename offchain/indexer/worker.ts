import { rmSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import type { Deployment } from "../chain/deployment.ts";
import { connect } from "../chain/endpoint.ts";
import { ChainError, mayPass } from "../chain/errors.ts";
import { follow, type Progress } from "./follow.ts";
import { IndexStore } from "./indexStore.ts";

/** What the thread that follows the chain is given. */
export interface WorkerSettings {
  rpc: string;
  deployment: Deployment;
  file: string;
  pollMs: number;
}

/** What it tells: the file was made anew, or blocks were taken in. */
export type WorkerNews =
  | { kind: "opened"; reason: string | undefined }
  | ({ kind: "progress" } & Omit<Progress, "head"> & { head: number; headTime: number })
  | { kind: "failed"; message: string };

/** Faults that a new index mends. */
const OUTLIVED = ["IndexOutdated", "StoreCorrupt", "StoreOfOtherChain", "ReorgTooDeep"];

const { rpc, deployment, file, pollMs } = workerData as WorkerSettings;
const port = parentPort!;
const stopping = new AbortController();
port.on("message", () => stopping.abort());
const tell = (news: WorkerNews) => port.postMessage(news);

let reason: string | undefined;
while (!stopping.signal.aborted) {
  let store: IndexStore | undefined;
  try {
    store = new IndexStore(file, deployment.chainId, deployment.addresses.SessionQueue);
    const endpoint = await connect({ url: rpc, chainId: deployment.chainId, signal: stopping.signal });
    tell({ kind: "opened", reason });
    let last = "";
    const onProgress = ({ head, ...progress }: Progress) => {
      // Where no block came since, there is nothing to tell.
      const here = `${progress.upTo} ${progress.caughtUp}`;
      if (here !== last || progress.reorganised) tell({ kind: "progress", ...progress, head: head.number, headTime: head.timestamp });
      last = here;
    };
    await follow({ endpoint, deployment, store, pollMs, signal: stopping.signal, onProgress });
    endpoint.close();
  } catch (error) {
    if (stopping.signal.aborted) break;
    reason = (error as Error).message;
    tell({ kind: "failed", message: reason });
    store?.close();
    store = undefined;
    if (error instanceof ChainError && OUTLIVED.includes(error.code))
      for (const end of ["", "-wal", "-shm"]) rmSync(`${file}${end}`, { force: true });
    else if (!mayPass(error)) break;
    await delay(1_000, undefined, { signal: stopping.signal }).catch(() => {});
  } finally {
    store?.close();
  }
}
port.close();
