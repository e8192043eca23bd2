import { readFileSync } from "node:fs";
import path from "node:path";
import { deploymentOf } from "../chain/boot.ts";
import { connectPool } from "../chain/rpcPool.ts";
import { deploymentFromRuntime } from "../chain/deployment.ts";
import type { RawBlock } from "../chain/blockHeader.ts";
import { watchHeads } from "../chain/headFeed.ts";
import { crashPoint } from "../runtime/crashPoint.ts";
import { EXIT, Fatal } from "../runtime/exit.ts";
import { createLog } from "../runtime/log.ts";
import { operatorKey } from "../runtime/operatorKey.ts";
import { LOCAL_CHAIN } from "../runtime/settings.ts";
import { shutdownOnSignals } from "../runtime/shutdown.ts";
import type { NodeConfig } from "./config.ts";
import { Engines } from "./engines.ts";
import { Metrics } from "./metrics.ts";
import { NodeRun, type NodePlace, type SharedParts } from "./nodeRun.ts";

/** Wires the nodes of a process together and runs them until it is told to end. */
export async function start(config: NodeConfig): Promise<void> {
  const log = createLog({ name: "node", level: config.logLevel, file: config.logFile });
  const shutdown = shutdownOnSignals();
  const keys = await operatorKeys(config);
  const places = keys.map((wallet, i): NodePlace => ({
    wallet,
    folder: keys.length === 1 ? config.data : path.join(config.data, wallet.address),
    listen: { host: config.listen.host, port: config.listen.port === 0 ? 0 : config.listen.port + i },
  }));
  const engines = new Engines(config.threads);
  const metrics = new Metrics();
  const onHead: SharedParts["onHead"] = new Set();
  const shared = { config, engines, shutdown, log, metrics, onHead, version: version() } as SharedParts;
  const runs: NodeRun[] = [];
  try {
    for (const place of places) runs.push(await NodeRun.open(shared, place));
    const { rpc: urls, chainId } = config;
    shared.endpoint = await connectPool({
      urls,
      ...(chainId !== 0n && { chainId }),
      signal: shutdown.stopping,
      onEvent: (event) => {
        metrics.onPool(event);
        log[event.kind === "back" ? "info" : "warn"]({ rpc: event.url, reason: event.reason }, `RPC server ${event.kind}`);
      },
    });
    metrics.watch(shared.endpoint);
    refusePlainKeys(config, shared.endpoint.chainId);
    const first = await deploymentOf(config, shared.endpoint);
    shared.deployment = async () => await deploymentFromRuntime(shared.endpoint, first.addresses.Runtime, first.blockNumber);
    const tell = (block: RawBlock) => onHead.forEach((told) => told(block, urls.length === 1));
    for (const url of urls) watchHeads(url, tell, shutdown.stopping);
    crashPoint("boot");
    const all = runs.map(async (run) => await run.run());
    await Promise.all(all).catch(async (error: unknown) => {
      // One node that cannot go on ends the process; the others open what they have committed.
      if (runs.length > 1 && !shutdown.draining.aborted) shutdown.drain();
      await Promise.allSettled(all);
      throw error;
    });
  } finally {
    for (const run of runs) await run.close();
    await engines.closeAll();
    shared.endpoint?.close();
    shutdown.close();
  }
}

async function operatorKeys({ key, keyFile, keyPasswordFile, chainId }: NodeConfig) {
  const known = chainId === 0n ? LOCAL_CHAIN : chainId;
  const settings = key?.map((one) => ({ key: one })) ?? keyFile!.map((one) => ({ keyFile: one }));
  return await Promise.all(settings.map(async (one) => await operatorKey({ ...one, keyPasswordFile, chainId: known })));
}

/** Plain keys belong on a local chain; which chain it is may be known only once it answers. */
function refusePlainKeys({ key, poison, substitute }: NodeConfig, chainId: bigint): void {
  if (chainId === LOCAL_CHAIN) return;
  if (key !== undefined) throw new Fatal(EXIT.configInvalid, `found --key on chain ${chainId}, wanted a keystore; use --key-file`);
  if (substitute !== undefined) throw new Fatal(EXIT.configInvalid, `found --substitute on chain ${chainId}, wanted chain ${LOCAL_CHAIN}`);
  if (poison !== undefined) throw new Fatal(EXIT.configInvalid, `found --poison on chain ${chainId}, wanted chain ${LOCAL_CHAIN}`);
}

function version(): string {
  const file = new URL("../../package.json", import.meta.url);
  return (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
}
