import { existsSync, statfsSync } from "node:fs";
import path from "node:path";
import { recoverAddress, type Wallet } from "ethers";
import { checkBalance } from "../chain/boot.ts";
import type { RawBlock } from "../chain/blockHeader.ts";
import { EventCursor, type Head } from "../chain/cursor.ts";
import type { Deployment } from "../chain/deployment.ts";
import type { Endpoint } from "../chain/endpoint.ts";
import { Sender } from "../chain/sender.ts";
import { createRoundViews } from "../chain/roundViews.ts";
import { createViews, type Views } from "../chain/views.ts";
import { KeyBoxes } from "../content/keyBoxes.ts";
import { grantDigest, LiveAnswers } from "../content/live.ts";
import { LocalStore } from "../content/localStore.ts";
import { sealingKeyDigest, sealingKeyOf, sealingSecretOf } from "../content/sealing.ts";
import { Bell } from "../runtime/bell.ts";
import { oneLine } from "../runtime/exit.ts";
import { lockDirectory } from "../runtime/instanceLock.ts";
import type { Logger } from "../runtime/log.ts";
import { LOCAL_CHAIN } from "../runtime/settings.ts";
import type { Shutdown } from "../runtime/shutdown.ts";
import { Acts, type ActsParts } from "./acts.ts";
import { lookAhead } from "./acts/mining.ts";
import { registeredModels, registeredNode, substituteModel } from "./boot.ts";
import type { NodeConfig } from "./config.ts";
import type { Engines } from "./engines.ts";
import { refuseDoppelganger } from "./doppelganger.ts";
import { Executor, INFERRING } from "./execute.ts";
import { NodeHealth } from "./health.ts";
import { Journal } from "./journal.ts";
import { runLoop } from "./loop.ts";
import type { Metrics } from "./metrics.ts";
import { RoundStore } from "./roundStore.ts";
import { RoundWatch, type SignedPing, signedPing } from "./roundWatch.ts";
import { serve } from "./server.ts";
import { Sink } from "./sink.ts";
import { VerdictStore } from "./verdictStore.ts";
import { type Observation, World } from "./world.ts";

/** What the nodes of a process share. */
export interface SharedParts {
  config: NodeConfig;
  endpoint: Endpoint;
  engines: Engines;
  shutdown: Shutdown;
  log: Logger;
  /** Where the contracts are now; asked again when `Runtime` says that something moved. */
  deployment: () => Promise<Deployment>;
  metrics: Metrics;
  /** Told of every block that a server announces, and whether there is no other server. */
  onHead: Set<(block: RawBlock, only: boolean) => void>;
  /** Of the program. */
  version: string;
}

/** What is one node's own. */
export interface NodePlace {
  wallet: Wallet;
  /** Its folder: journal, results, content, lock. */
  folder: string;
  listen: { host: string; port: number };
}

const BALANCE_MS = 60_000;
/** About two and a half blocks of a slow chain. */
const DOPPELGANGER_MS = 30_000;
const GAS_OF_A_REVEAL = 1_000_000n;
const ELSEWHERE = "Runtime names other contracts";
/** How often a node asks whether it is registered with the contracts that `Runtime` names, while it is not. */
const REGISTERED_MS = 5_000;
/** A node that leaves a deployment serves what it was seated for, for so long at most; then only what it has committed. */
const RETIRE_MS = 600_000;

/** One node: a key, a folder, a port. Outlives deployments: when `Runtime` names other contracts it ends what runs and moves there. */
export class NodeRun {
  readonly health: NodeHealth;
  readonly #shared: SharedParts;
  readonly #place: NodePlace;
  readonly #unlock: () => void;
  readonly #content: LocalStore;
  readonly #results: LocalStore;
  readonly #live = new LiveAnswers();
  readonly #boxes: KeyBoxes;
  #mayRead: (task: bigint, until: number, signature: string) => boolean = () => false;
  #ping: () => SignedPing | undefined = () => undefined;
  #server: Awaited<ReturnType<typeof serve>> | undefined;
  #node = 0;

  private constructor(shared: SharedParts, place: NodePlace, unlock: () => void, content: LocalStore, results: LocalStore) {
    this.#shared = shared;
    this.#place = place;
    this.#unlock = unlock;
    this.#content = content;
    this.#results = results;
    this.#boxes = new KeyBoxes(sealingSecretOf(place.wallet.privateKey));
    this.health = new NodeHealth(place.wallet.address, () => shared.endpoint.chainId, shared.shutdown);
  }

  /** Takes folder and port. Throws Fatal (inUse, configInvalid). */
  static async open(shared: SharedParts, place: NodePlace): Promise<NodeRun> {
    const unlock = lockDirectory(place.folder);
    const [content, results] = await Promise.all([
      LocalStore.open(path.join(place.folder, "content")),
      LocalStore.open(path.join(place.folder, "results")),
    ]);
    const run = new NodeRun(shared, place, unlock, content, results);
    const reading = { answers: run.#live, allows: (...grant: Parameters<NodeRun["allows"]>) => run.allows(...grant) };
    run.#server = await serve({
      ...place.listen,
      content,
      live: reading,
      boxes: run.#boxes,
      ping: () => run.#ping(),
      health: () => run.health.report(),
      readiness: () => run.health.readiness(),
      metrics: async () => await shared.metrics.text((node) => run.#isReady(node)),
    });
    return run;
  }

  #isReady(node: number): boolean {
    return node === this.#node && Object.keys(this.health.readiness()).length === 0;
  }

  get url(): string {
    return this.#server!.url;
  }

  allows(task: bigint, until: number, signature: string): boolean {
    return this.#mayRead(task, until, signature);
  }

  /** Serves one deployment after the other until the process is told to end. Throws what cannot pass. */
  async run(): Promise<void> {
    const { shutdown, log } = this.#shared;
    for (let deployment = await this.#shared.deployment(); ;) {
      const ended = await this.#serve(deployment);
      if (ended !== "moved" || shutdown.draining.aborted) return;
      deployment = await this.#shared.deployment();
      log.info({ queue: deployment.addresses.SessionQueue }, "the node follows Runtime to other contracts");
    }
  }

  async close(): Promise<void> {
    await this.#server?.server.close();
    this.#unlock();
  }

  async #serve(deployment: Deployment): Promise<"ended" | "moved"> {
    const { config, endpoint, engines, shutdown, metrics, version, log: processLog } = this.#shared;
    const { wallet, folder } = this.#place;
    const views = createViews(endpoint, deployment);
    const { node, view } = await registeredNode(views, wallet.address, processLog);
    const log = processLog.child({ node });
    await checkBalance(endpoint, wallet.address, log);
    let models = await registeredModels(views, view, config, log);
    const journal = new Journal(journalFile(folder, deployment), endpoint.chainId, deployment.addresses.SessionQueue);
    await refuseDoppelganger({
      endpoint,
      operator: wallet.address,
      journalKnowsKey: journal.chain.nextNonce(wallet.address) > 0,
      watchMs: endpoint.chainId === LOCAL_CHAIN ? 0 : DOPPELGANGER_MS,
      signal: shutdown.stopping,
    });
    const { NodePool, Session, SessionQueue, Runtime, Validation } = deployment.addresses;
    const addresses = { NodePool, Session, SessionQueue, Runtime, Validation };
    const verdicts = new VerdictStore(path.join(folder, "verdicts.db"), endpoint.chainId, Validation);
    const store = new RoundStore(path.join(folder, "rounds.db"), endpoint.chainId, deployment.addresses.PoUW);
    const roundViews = createRoundViews(endpoint, deployment);
    const roundWatch = new RoundWatch({ views: roundViews, store, node, operator: wallet.address });
    const posing = config.substitute === undefined ? undefined : models.model.sha256;
    if (config.substitute !== undefined) models = { ...models, model: await substituteModel(config.modelsDir, config.substitute) };
    const engine = await engines.take(models);
    const cursor = new EventCursor({ endpoint, addresses, store: journal.chain, fromBlock: deployment.blockNumber });
    this.#node = node;
    const onEvent: NonNullable<ConstructorParameters<typeof Sender>[0]["onEvent"]> = ({ cost, ...event }) => {
      metrics.onTransaction(node, { kind: event.kind, ...(cost !== undefined && { cost }) });
      log.info({ transaction: event }, `transaction ${event.kind}`);
    };
    const sender = new Sender({ endpoint, signer: wallet, store: journal.chain, onEvent });
    const world = new World({ views, journal, verdicts, node, local: endpoint.chainId === LOCAL_CHAIN });
    this.#mayRead = (task, until, signature) => {
      const router = world.book.tasks.get(task)?.terms.router;
      const domain = { chainId: deployment.chainId, queue: SessionQueue };
      return router !== undefined && router === signerOf(grantDigest(domain, task, node, until), signature);
    };
    const failed = Promise.withResolvers<never>();
    const { signingKey: key } = wallet;
    const pingSeconds = await roundViews.pingWindow();
    this.#ping = () =>
      roundWatch.head === undefined ? undefined : signedPing(key, deployment, node, Math.floor(roundWatch.head.timestamp / pingSeconds));
    const publicKey = sealingKeyOf(sealingSecretOf(wallet.privateKey));
    const signed = sealingKeyDigest({ chainId: deployment.chainId, queue: SessionQueue }, node, publicKey);
    this.#boxes.announcement = { node, publicKey, signature: key.sign(signed).serialized };
    const { poison, role: roles, pollMs } = config;
    const parts: ActsParts = {
      deployment,
      node,
      engine,
      sender,
      journal,
      world,
      results: this.#results,
      content: this.#content,
      live: this.#live,
      boxes: this.#boxes,
      key,
      unopenedPenalty: view.unopenedPenalty,
      log,
      poison,
      posing,
      verdicts,
      rounds: { watch: roundWatch, store },
      genuineness: views.genuineness,
      sink: config.sink !== undefined,
      onInferenceStart: (seconds) => metrics.onInferenceStart(node, seconds),
      onInference: (seconds) => metrics.onInference(node, seconds),
    };
    const acts = new Acts(parts);
    const act: ConstructorParameters<typeof Executor>[0]["act"] = async (action, head, signal) => await acts.act(action, head, signal);
    const onFatal = (error: Error) => {
      if ((error as { code?: string }).code === "JournalConflict") metrics.onConflict(node);
      failed.reject(error);
    };
    const bell = new Bell();
    const onAct = (kind: string, outcome: "done" | "failed") => {
      metrics.onAct(node, kind, outcome);
      // An answer is there to be handed on.
      if (outcome === "done" && INFERRING.has(kind)) bell.ring();
    };
    const executor = new Executor({ act, log, onAct, onFatal });
    const measured = { node, engine: () => parts.engine, executor, sender };
    this.health.attach(measured);
    metrics.attach({ ...measured, journalBytes: () => journal.bytes }, wallet.address, version);
    const { url } = this;
    log.info(
      { operator: wallet.address, chainId: String(endpoint.chainId), rpc: endpoint.url, url, roles, model: models.model.id },
      "the node runs",
    );
    let moved = false;
    let unregistered = false;
    const leaving = new AbortController();
    let leaveTimer: NodeJS.Timeout | undefined;
    const onRuntime = async () => {
      if (moved) return;
      const next = await this.#shared.deployment();
      const { NodePool: pool } = next.addresses;
      if (next.addresses.SessionQueue === SessionQueue && pool === NodePool) return;
      if ((await createViews(endpoint, next).nodeOfOperator(wallet.address)) === 0) {
        if (!unregistered) log.error({ nodePool: pool }, `${ELSEWHERE}, and this key operates no node there; it stays here until it does`);
        unregistered = true;
        return;
      }
      moved = true;
      log.warn({ queue: SessionQueue }, `${ELSEWHERE}; the node ends what runs here and moves there`);
      leaveTimer = setTimeout(() => leaving.abort(), RETIRE_MS).unref();
    };
    const onModel = async () => {
      if (posing !== undefined) return;
      // A model that is not here must not end the tasks of the one that is; the next draw is the operator's problem, and the log says so.
      models = await this.#switched(parts, views, models).catch((error: unknown) => {
        log.error({ error: oneLine(error) }, "the chain names another model for this node, and it cannot be served");
        return models;
      });
    };
    const look = async () => {
      await checkBalance(endpoint, wallet.address, log).then(this.health.onBalance, () => this.health.onBalance(false));
      await this.#measureBooks(views, node);
      // What was to be followed may have come while no server answered.
      await onRuntime();
    };
    const registeredTimer = setInterval(() => {
      if (unregistered) void onRuntime().catch(() => undefined);
    }, REGISTERED_MS);
    const balanceTimer = setInterval(() => void look().catch(() => undefined), BALANCE_MS);
    void this.#measureBooks(views, node).catch(() => undefined);
    const sink =
      config.sink === undefined
        ? undefined
        : new Sink({ target: config.sink, journal, results: this.#results, log, onDelivered: (outcome) => metrics.onSink(node, outcome) });
    sink?.start();
    const watch = {
      onHead: (head: Head) => {
        this.health.onHead(head);
        metrics.onHead(node, head);
      },
      onOutage: (error: string) => {
        this.health.onOutage(error);
        metrics.onOutage(node);
      },
      onObserved: (observation: Observation) => metrics.onObserved(node, observation),
      onReorg: (depth: number) => metrics.onReorg(node, depth),
      onPenalty: (kind: "slashed" | "jailed") => metrics.onPenalty(node, kind),
      onRuntime,
      onModel,
      onQueued: (task: bigint) => {
        const entry = world.book.tasks.get(task);
        if (entry !== undefined && roles.includes("miner") && world.book.leases.get(entry.lease)?.nodes.includes(node))
          lookAhead(parts, entry);
      },
      leaves: () => moved,
      leaving: leaving.signal,
    };
    const onAnnounced = (block: RawBlock, only: boolean) => {
      if (only) cursor.announce(block);
      bell.ring();
    };
    this.#shared.onHead.add(onAnnounced);
    try {
      await onRuntime();
      await Promise.race([
        runLoop({ cursor, journal, world, rounds: roundWatch, sender, executor, node, roles, pollMs, shutdown, log, ...watch }, bell),
        failed.promise,
      ]);
      log.info({ forced: shutdown.stopping.aborted, moved }, "the node ends");
      return moved ? "moved" : "ended";
    } finally {
      this.#shared.onHead.delete(onAnnounced);
      clearInterval(registeredTimer);
      clearInterval(balanceTimer);
      clearTimeout(leaveTimer);
      await executor.stop();
      await sink?.stop();
      metrics.detach(node);
      await engines.release(models);
      journal.close();
      verdicts.close();
      store.close();
    }
  }

  /** Stake, earnings and gas money, for the numbers. */
  async #measureBooks(views: Views, node: number): Promise<void> {
    const { endpoint, metrics, config } = this.#shared;
    const { address } = this.#place.wallet;
    const [view, owed, balance, block] = await Promise.all([
      views.node(node),
      views.owedToNode(node),
      views.balance(address),
      endpoint.provider.getBlock("latest"),
    ]);
    const price = (block?.baseFeePerGas ?? 0n) * GAS_OF_A_REVEAL;
    metrics.onBooks(node, view, owed, balance, price === 0n ? Infinity : Number(balance / price));
    const { bavail, blocks } = statfsSync(config.data);
    metrics.onDisk(bavail / blocks);
  }

  /** The engine of the model that the node is registered with now; the old one stays until the new one runs. */
  async #switched(
    parts: ActsParts,
    views: Views,
    before: Awaited<ReturnType<typeof registeredModels>>,
  ): Promise<Awaited<ReturnType<typeof registeredModels>>> {
    const { config, engines } = this.#shared;
    const view = await views.node(parts.node);
    if (view.model === `0x${before.model.sha256}`) return before;
    // The setting names one model; what the chain says now counts.
    const models = await registeredModels(views, view, { ...config, model: undefined }, parts.log);
    parts.engine = await engines.take(models);
    await engines.release(before);
    parts.log.info({ model: models.model.id }, "the node serves another model");
    return models;
  }
}

/** The first deployment's journal has the plain name; each later one has its own. */
function journalFile(folder: string, { addresses }: Deployment): string {
  const plain = path.join(folder, "journal.db");
  const queue = addresses.SessionQueue.toLowerCase();
  const own = path.join(folder, `journal-${queue}.db`);
  if (existsSync(own)) return own;
  const bound = Journal.bindingIn(plain)?.queue;
  return bound === undefined || bound === queue ? plain : own;
}

function signerOf(digest: string, signature: string): string | undefined {
  try {
    return recoverAddress(digest, signature);
  } catch {
    return undefined;
  }
}
