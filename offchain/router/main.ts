#!/usr/bin/env node
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { Command } from "commander";
import { EventCursor } from "../chain/cursor.ts";
import { connect } from "../chain/endpoint.ts";
import type { RawBlock } from "../chain/blockHeader.ts";
import { watchHeads } from "../chain/headFeed.ts";
import { Sender } from "../chain/sender.ts";
import { createViews } from "../chain/views.ts";
import type { Digest } from "../content/contentId.ts";
import { LocalStore } from "../content/localStore.ts";
import { LlamaEngine } from "../inference/llama.ts";
import { checkBalance, deploymentOf } from "../chain/boot.ts";
import { addDashboard } from "../indexer/serve.ts";
import { Bell } from "../runtime/bell.ts";
import { LOCAL_CHAIN } from "../runtime/settings.ts";
import { exitCodeOf } from "../runtime/exitCode.ts";
import { LogStore } from "../chain/logStore.ts";
import { operatorKey } from "../runtime/operatorKey.ts";
import { addSettings, runCommand } from "../runtime/env.ts";
import { EXIT, Fatal, oneLine } from "../runtime/exit.ts";
import { lockDirectory } from "../runtime/instanceLock.ts";
import { shutdownOnSignals } from "../runtime/shutdown.ts";
import { routedSession, routerLog, servedModel } from "./boot.ts";
import { Access, type Caller } from "./access.ts";
import { Accounts } from "./accounts.ts";
import { Answering } from "./answering.ts";
import { Batcher } from "./batcher.ts";
import { CarriedItems } from "./carriedItems.ts";
import { CarriedStore } from "./carriedStore.ts";
import { Completions } from "./completions.ts";
import { type RouterConfig, routerConfig, SETTINGS } from "./config.ts";
import { Executor } from "./execute.ts";
import { FreshContent } from "./freshContent.ts";
import { RouterHealth } from "./health.ts";
import { KeyStore } from "./keyStore.ts";
import { addKeysCommand, keysFile } from "./keysCommand.ts";
import { Lanes } from "./lanes.ts";
import { LiveText } from "./liveText.ts";
import { runLoop } from "./loop.ts";
import { Payments } from "./payments.ts";
import { RequestStore } from "./requestStore.ts";
import { Seals } from "./seals.ts";
import { buildServer, listen } from "./server.ts";
import { SessionDesk } from "./sessionDesk.ts";
import { Broadcasts, referenceOf, Submission } from "./submission.ts";
import { TaskLives } from "./taskLife.ts";
import { Validation } from "./validation.ts";
import { World } from "./world.ts";

const HELP = `
Until the first API key is made (keys create), whoever reaches the port spends the session's money. Therefore only loopback addresses are
listened on, unless there is a key and --allow-remote is given as well.

Exit codes: 0 ended as asked; 2 wrong usage; 3 a setting is not valid; 4 no chain, or another one; 5 gas money is short;
6 a hash does not match, or data is damaged; 8 the key is no router of the session; 9 data folder or port in use; 1 anything else.

SIGTERM or SIGINT: takes no new requests, finishes those in progress (at most 30 s), then ends. A second signal ends it at once.`;

/** Requests that cannot be ended must not keep the router from ending. */
const CLOSE_MS = 5_000;

/** Wires a router together and runs it until it is told to end. */
async function start(config: RouterConfig): Promise<void> {
  const unlock = lockDirectory(config.data);
  const log = routerLog(config);
  const shutdown = shutdownOnSignals();
  const wallet = await operatorKey(config);
  const keys = new KeyStore(keysFile(config.data));
  if (config.allowRemote && !keys.used)
    throw new Fatal(
      EXIT.configInvalid,
      "found --allow-remote and no API key, wanted a key: without one everybody who reaches the port spends the session's money; see keys create --help",
    );
  const endpoint = await connect({ url: config.rpc, chainId: config.chainId, signal: shutdown.stopping });
  const deployment = await deploymentOf(config, endpoint);
  const { NodePool, Session, SessionQueue } = deployment.addresses;
  const views = createViews(endpoint, deployment);
  const { session: sessions, leaseSeconds, pollMs, allowRemote = false } = config;
  const found = await Promise.all(sessions.map(async (id) => await routedSession(views, wallet.address, id, config, log)));
  await checkBalance(endpoint, wallet.address, log);
  const { registered, model, embed } = await servedModel(views, found, config);
  const content = await LocalStore.open(path.join(config.data, "content"));
  const journal = new LogStore(path.join(config.data, "journal.db"), endpoint.chainId, SessionQueue);
  const store = new CarriedStore(path.join(config.data, "carried.db"), endpoint.chainId, SessionQueue);
  const addresses = { NodePool, Session, SessionQueue };
  const cursor = new EventCursor({ endpoint, addresses, store: journal.chain, fromBlock: deployment.blockNumber });
  const broadcasts = new Broadcasts();
  const onEvent = (event: { id: string; kind: string }) => {
    if (event.kind === "sent" && event.id.startsWith("submit:")) broadcasts.note(event.id);
    log.debug({ transaction: event }, `transaction ${event.kind}`);
  };
  const sender = new Sender({ endpoint, signer: wallet, store: journal.chain, onEvent, maxInFlight: 128 });
  const requests = new RequestStore(path.join(config.data, "requests.db"));
  const keptReferences = () => new Set(requests.openNames().map(referenceOf));
  const world = new World({ views, journal, sessions, router: wallet.address, keptReferences, local: config.chainId === LOCAL_CHAIN });
  const executor = new Executor({ deployment, leaseSeconds, sender, world, store, log });
  const bell = new Bell();
  const domain = { chainId: deployment.chainId, queue: SessionQueue };
  const fresh = new FreshContent(content);
  const onAnswers = (digests: Digest[]) => void fresh.warm(digests);
  const carried = new CarriedItems({ world, store, sessions, domain, onTaken: bell.ring, onAnswers });
  const engine = await LlamaEngine.start({ model, embed, threads: config.threads });
  const limits = { windowMs: config.batchWindowMs, size: config.batchSize };
  const seals = new Seals({ privateKey: wallet.privateKey, deployment, views, world });
  const laneOf = (session: number) => {
    const submission = new Submission({ sender, sent: journal.chain, broadcasts, world, views, sessionContract: Session, session });
    return { session, submission, batcher: new Batcher({ content, submission, world, limits, seals, log }) };
  };
  const lanes = new Lanes(sessions.map(laneOf), world);
  const completions = new Completions({ engine, content, fresh, lanes, world, seals, model: registered });
  const common = { router: wallet.address, sessions, chainId: config.chainId, model: registered.name };
  const health = new RouterHealth({ ...common, shutdown, engine, sender, executor, completions, lanes, world });
  const { draining, stopping } = shutdown;
  const ended = new AbortController();
  const accounts = new Accounts({ store: requests, ...lanes.any, stopping: shutdown.stopping, log });
  const access = new Access(keys, {
    trialPerDay: config.trialPerDay,
    payments: config.x402 !== undefined,
    requestsToday: (id) => accounts.usage(id).requests,
    tokensLeft: (caller) => tokensLeft(accounts, caller, [...world.sessions.values()][0]?.rules),
  });
  const live = new LiveText({ world, key: wallet.signingKey, domain });
  const answering = new Answering({ completions, accounts, access, live, model: registered, draining, stopping });
  const lives = new TaskLives({ world, journal, content });
  const threshold = () => [...world.sessions.values()][0]?.rules.threshold ?? 0;
  const validation = new Validation({ answering, lives, endpoint, deployment, engine, model: registered, threshold });
  const desk = new SessionDesk({ world, views, sessions, model: registered.name });
  const paying = { sender, views, chainId: deployment.chainId, token: deployment.addresses.COR, payTo: wallet.address };
  const now = () => world.next.timestamp;
  const payments = config.x402 === undefined ? undefined : new Payments({ ...paying, now, markupPercent: config.x402 });
  const api = {
    answering,
    completions,
    accounts,
    access,
    lives,
    validation,
    desk,
    views,
    payments,
    carried,
    world,
    model: registered,
    engine,
    embed,
    stopping,
  };
  const server = await buildServer({ ...api, content, health: () => health.report(), allowRemote, corsOrigins: config.corsOrigin, log });
  const host = { router: wallet.address, session: sessions[0]!, model: registered.name };
  if (config.dashboard) await addDashboard(server, { rpc: config.rpc, deployment, file: path.join(config.data, "index.db"), host });
  const url = await listen(server, config.listen);
  log.info({ ...common, chainId: String(config.chainId), rpc: endpoint.url, url }, "the router runs");
  const balanceTimer = setInterval(
    () => void checkBalance(endpoint, wallet.address, log).then(health.onBalance, () => health.onBalance(false)),
    60_000,
  );
  const watch = { onHead: health.onHead, onOutage: health.onOutage };
  const loop = runLoop(
    { cursor, journal, store, world, sender, executor, views, pollMs, stopping: AbortSignal.any([ended.signal, stopping]), log, ...watch },
    bell,
  );
  const onAnnounced = (block: RawBlock) => {
    cursor.announce(block);
    bell.ring();
  };
  watchHeads(config.rpc, onAnnounced, AbortSignal.any([ended.signal, stopping]));
  const ready = world.arrivals.reached(0);
  accounts.recover(({ endpoint: route, body, idempotency }) => answering.resumed(route, JSON.parse(body!), idempotency), ready);
  await Promise.race([loop, drained(draining, stopping, completions)]);
  clearInterval(balanceTimer);
  log.info({ openRequests: completions.open }, "the router ends");
  await Promise.race([server.close(), delay(CLOSE_MS, undefined, { ref: false })]);
  for (const { batcher } of lanes.all) batcher.close();
  ended.abort();
  bell.ring();
  await loop;
  await engine.close();
  endpoint.close();
  journal.close();
  store.close();
  keys.close();
  requests.close();
  shutdown.close();
  unlock();
}

/** What of a key's day is left, as output tokens of answers by these rules; undefined without a cap. */
function tokensLeft(accounts: Accounts, { id, spendPerDay }: Caller, rules: { price: bigint; redundancy: number } | undefined) {
  if (spendPerDay === undefined || rules === undefined || rules.price === 0n) return undefined;
  const { charged, held } = accounts.usage(id);
  const tokens = (amount: bigint) => Number((amount * 1_000n) / (rules.price * BigInt(rules.redundancy)));
  return { limit: tokens(spendPerDay), remaining: tokens(spendPerDay - charged - held) };
}

/** Resolves when the router was told to end and no request is open, or when it must end at once. */
async function drained(draining: AbortSignal, stopping: AbortSignal, completions: Completions): Promise<void> {
  while (!draining.aborted) await delay(1_000, undefined, { signal: draining }).catch(() => {});
  while (completions.open > 0 && !stopping.aborted) await delay(50, undefined, { signal: stopping }).catch(() => {});
}

/** Runs the command line. Ends the process; a fatal error is one line on standard error. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command("node offchain/router/main.ts").description(
    "A Corroborate router: answers OpenAI's chat requests with verified answers, and carries what nodes hand in to the chain.",
  );
  const starting = program.command("start").description("run a router until it is told to end").addHelpText("after", HELP);
  addSettings(starting, SETTINGS).action(async () => await start(routerConfig(starting.opts())));
  addKeysCommand(program);
  try {
    await runCommand(program, argv);
    process.exit(EXIT.ok);
  } catch (error) {
    process.stderr.write(`router: ${oneLine(error)}\n`);
    process.exit(error instanceof Fatal ? error.exitCode : exitCodeOf(error));
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv);
