#!/usr/bin/env node
import path from "node:path";
import { pathToFileURL } from "node:url";
import { Command } from "commander";
import { recoverAddress } from "ethers";
import { checkBalance, deploymentOf } from "../chain/boot.ts";
import { EventCursor } from "../chain/cursor.ts";
import { connect } from "../chain/endpoint.ts";
import { Sender } from "../chain/sender.ts";
import { createViews } from "../chain/views.ts";
import { LocalStore } from "../content/localStore.ts";
import { grantDigest, LiveAnswers } from "../content/live.ts";
import { LlamaEngine } from "../inference/llama.ts";
import { crashPoint } from "../runtime/crashPoint.ts";
import { addSettings, runCommand } from "../runtime/env.ts";
import { EXIT, Fatal, oneLine } from "../runtime/exit.ts";
import { lockDirectory } from "../runtime/instanceLock.ts";
import { createLog } from "../runtime/log.ts";
import { LOCAL_CHAIN } from "../runtime/settings.ts";
import { shutdownOnSignals } from "../runtime/shutdown.ts";
import { Acts } from "./acts.ts";
import { registeredModels, registeredNode } from "./boot.ts";
import { type NodeConfig, nodeConfig, SETTINGS } from "./config.ts";
import { exitCodeOf } from "../runtime/exitCode.ts";
import { Executor } from "./execute.ts";
import { NodeHealth } from "./health.ts";
import { Journal } from "./journal.ts";
import { runLoop } from "./loop.ts";
import { operatorKey } from "../runtime/operatorKey.ts";
import { serve } from "./server.ts";
import { World } from "./world.ts";

const HELP = `
Exit codes: 0 ended as asked; 2 wrong usage; 3 a setting is not valid; 4 no chain, or another one; 5 gas or stake is short;
6 a hash does not match, or data is damaged; 8 the key operates no registered node; 9 data folder or port in use; 1 anything else.

SIGTERM or SIGINT: takes no new work, opens what it has committed (at most 30 s), then ends. A second signal ends it at once.`;

/** Wires a node together and runs it until it is told to end. */
async function start(config: NodeConfig): Promise<void> {
  const unlock = lockDirectory(config.data);
  const log = createLog({ name: "node", level: config.logLevel, file: config.logFile });
  const shutdown = shutdownOnSignals();
  const wallet = await operatorKey(config);
  const [content, results] = await Promise.all([
    LocalStore.open(path.join(config.data, "content")),
    LocalStore.open(path.join(config.data, "results")),
  ]);
  const health = new NodeHealth(wallet.address, config.chainId, shutdown);
  const live = new LiveAnswers();
  let mayRead: (task: bigint, until: number, signature: string) => boolean = () => false;
  const reading = { answers: live, allows: (...grant: Parameters<typeof mayRead>) => mayRead(...grant) };
  const { server, url } = await serve({ ...config.listen, content, live: reading, health: () => health.report() });
  const endpoint = await connect({ url: config.rpc, chainId: config.chainId, signal: shutdown.stopping });
  const deployment = await deploymentOf(config, endpoint);
  const views = createViews(endpoint, deployment);
  const { node, view } = await registeredNode(views, wallet.address, log);
  await checkBalance(endpoint, wallet.address, log);
  crashPoint("boot");
  const models = await registeredModels(views, view, config, log);
  const journal = new Journal(path.join(config.data, "journal.db"), endpoint.chainId, deployment.addresses.SessionQueue);
  const engine = await LlamaEngine.start({ ...models, threads: config.threads });
  const { NodePool, Session, SessionQueue } = deployment.addresses;
  const cursor = new EventCursor({
    endpoint,
    addresses: { NodePool, Session, SessionQueue },
    store: journal.chain,
    fromBlock: deployment.blockNumber,
  });
  const onEvent = (event: { id: string; kind: string }) => log.info({ transaction: event }, `transaction ${event.kind}`);
  const sender = new Sender({ endpoint, signer: wallet, store: journal.chain, onEvent });
  const world = new World({ views, journal, node, local: config.chainId === LOCAL_CHAIN });
  const domain = { chainId: deployment.chainId, queue: SessionQueue };
  mayRead = (task, until, signature) => {
    const router = world.book.tasks.get(task)?.terms.router;
    return router !== undefined && router === signerOf(grantDigest(domain, task, node, until), signature);
  };
  const failed = Promise.withResolvers<never>();
  const { signingKey: key } = wallet;
  const { poison } = config;
  const acts = new Acts({ deployment, node, engine, sender, journal, world, results, content, live, key, log, poison });
  const executor = new Executor({
    act: async (action, head, signal) => await acts.act(action, head, signal),
    log,
    onFatal: failed.reject,
  });
  health.attach({ node, engine, executor, sender });
  log.info(
    {
      node,
      operator: wallet.address,
      chainId: String(endpoint.chainId),
      rpc: endpoint.url,
      url,
      roles: config.role,
      model: models.model.id,
    },
    "the node runs",
  );
  const { pollMs, role: roles } = config;
  const watch = { onHead: health.onHead, onOutage: health.onOutage };
  const balanceTimer = setInterval(
    () => void checkBalance(endpoint, wallet.address, log).then(health.onBalance, () => health.onBalance(false)),
    60_000,
  );
  await Promise.race([runLoop({ cursor, journal, world, sender, executor, roles, pollMs, shutdown, log, ...watch }), failed.promise]);
  clearInterval(balanceTimer);
  log.info({ forced: shutdown.stopping.aborted }, "the node ends");
  await executor.stop();
  await server.close();
  await engine.close();
  endpoint.close();
  journal.close();
  shutdown.close();
  unlock();
}

function signerOf(digest: string, signature: string): string | undefined {
  try {
    return recoverAddress(digest, signature);
  } catch {
    return undefined;
  }
}

/** Runs the command line. Ends the process; a fatal error is one line on standard error. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command("node offchain/node/main.ts").description(
    "A Corroborate node: answers tasks with a local model, and keeps time.",
  );
  const starting = program.command("start").description("run a node until it is told to end").addHelpText("after", HELP);
  addSettings(starting, SETTINGS).action(async () => await start(nodeConfig(starting.opts())));
  try {
    await runCommand(program, argv);
    process.exit(EXIT.ok);
  } catch (error) {
    process.stderr.write(`node: ${oneLine(error)}\n`);
    process.exit(error instanceof Fatal ? error.exitCode : exitCodeOf(error));
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv);
