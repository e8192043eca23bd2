import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { Head } from "../chain/cursor.ts";
import type { Endpoint } from "../chain/endpoint.ts";
import type { PoolEvent } from "../chain/rpcPool.ts";
import type { Sender } from "../chain/sender.ts";
import type { NodeView } from "../chain/views.ts";
import type { Engine } from "../inference/engine.ts";
import type { Executor } from "./execute.ts";
import { owesReveal } from "./roles/miner.ts";
import type { Observation } from "./world.ts";

/** What a node's numbers are read from when somebody asks. */
export interface MeasuredNode {
  node: number;
  engine: () => Engine;
  executor: Executor;
  sender: Sender;
  journalBytes: () => number;
}

const PREFIX = "corroborate_";
const COR = 1e18;
const SECONDS = [0.1, 0.25, 0.5, 1, 2, 5, 10, 20, 60];

/** A process's numbers for Prometheus. Labels are node ids and words of this code, never a task, a client or anybody's text. */
export class Metrics {
  readonly registry = new Registry();
  readonly #nodes = new Map<number, MeasuredNode>();
  readonly #heads = new Map<number, { head: Head; at: number }>();
  #endpoint: Endpoint | undefined;

  readonly #gauge = (name: string, help: string, labelNames: string[] = ["node"]) =>
    new Gauge({ name: PREFIX + name, help, labelNames, registers: [this.registry] });
  readonly #counter = (name: string, help: string, labelNames: string[] = ["node"]) =>
    new Counter({ name: PREFIX + name, help, labelNames, registers: [this.registry] });

  readonly #up = this.#gauge("up_info", "1 for each node that runs", ["node", "operator", "model", "version"]);
  readonly #ready = this.#gauge("ready", "1 where the node is ready for work");
  readonly #headBlock = this.#gauge("head_block", "block that the node acted on last");
  readonly #headAge = this.#gauge("head_age_seconds", "seconds since a new block was seen");
  readonly #seats = this.#gauge("seats", "tasks in which the node has a seat");
  readonly #commitsOpen = this.#gauge("commitments_open", "commitments on chain that are not opened yet");
  readonly #revealLeft = this.#gauge(
    "reveal_left_ratio",
    "share of the window left to the opening that is nearest to its end; 1 where none is due",
  );
  readonly #acts = this.#counter("acts_total", "acts that ended, by kind and outcome", ["node", "kind", "outcome"]);
  readonly #actsRunning = this.#gauge("acts_running", "acts in progress");
  readonly #transactions = this.#counter("transactions_total", "what happened to transactions", ["node", "event"]);
  readonly #pending = this.#gauge("transactions_pending", "transactions that wait to be mined");
  readonly #gasSpent = this.#counter("gas_wei_total", "gas money spent, wei");
  readonly #reorgs = this.#counter("reorgs_total", "reorganisations seen");
  readonly #reorgDepth = this.#gauge("reorg_depth_blocks", "depth of the last reorganisation");
  readonly #outages = this.#counter("chain_outages_total", "rounds in which the chain could not be read");
  readonly #balance = this.#gauge("balance_wei", "gas money of the operator, wei");
  readonly #balanceReveals = this.#gauge("balance_reveals", "how many reveals that gas money pays at today's fee");
  readonly #stake = this.#gauge("stake_cor", "stake, COR");
  readonly #owed = this.#gauge("owed_cor", "earnings to claim, COR");
  readonly #level = this.#gauge("level", "level, 0 to 10");
  readonly #leased = this.#gauge("leased", "1 where the node is in a lease");
  readonly #penalties = this.#counter("penalties_total", "slashes and jailings of this node", ["node", "kind"]);
  readonly #tokens = this.#gauge("engine_tokens", "tokens since the engine was started", ["node", "kind"]);
  readonly #engineRequests = this.#gauge("engine_requests", "requests since the engine was started", ["node", "outcome"]);
  readonly #engineRestarts = this.#gauge("engine_restarts", "times the engine's process was replaced");
  readonly #engineWaiting = this.#gauge("engine_waiting", "requests in the engine's queue");
  readonly #inference = new Histogram({
    name: `${PREFIX}inference_seconds`,
    help: "from the decision to answer to the commitment in the journal",
    labelNames: ["node"],
    buckets: SECONDS,
    registers: [this.registry],
  });
  readonly #lateness = new Histogram({
    name: `${PREFIX}log_to_inference_seconds`,
    help: "from the event in a block that was read to the start of inference",
    labelNames: ["node"],
    buckets: [0.01, 0.05, 0.1, 0.25, 0.5, 1, 5, 30],
    registers: [this.registry],
  });
  readonly #journal = this.#gauge("journal_bytes", "size of the journal");
  readonly #conflicts = this.#counter("journal_conflicts_total", "second commitments that were refused");
  readonly #sink = this.#counter("sink_results_total", "results that went to the sink", ["node", "outcome"]);
  readonly #doppelganger = this.#counter("doppelgangers_total", "other processes seen with this node's key");
  readonly #rpcState = this.#gauge("rpc_up", "1 where the RPC server is well", ["server"]);
  readonly #rpcRequests = this.#gauge("rpc_requests", "requests since the start", ["server", "outcome"]);
  readonly #rpcEvents = this.#counter("rpc_events_total", "what happened to RPC servers", ["event"]);
  readonly #diskFree = this.#gauge("disk_free_ratio", "share of the data folder's disk that is free", []);
  readonly #memory = this.#gauge("process_resident_bytes", "resident memory of the process", []);
  readonly #cpu = this.#gauge("process_cpu_seconds", "processor time of the process", []);

  attach(parts: MeasuredNode, operator: string, version: string): void {
    const node = String(parts.node);
    this.#nodes.set(parts.node, parts);
    this.#up.set({ node, operator, model: parts.engine().info().modelId, version }, 1);
    for (const counter of [this.#gasSpent, this.#reorgs, this.#outages, this.#conflicts, this.#doppelganger]) counter.inc({ node }, 0);
    for (const kind of ["slashed", "jailed"]) this.#penalties.inc({ node, kind }, 0);
  }

  detach(node: number): void {
    this.#nodes.delete(node);
  }

  watch(endpoint: Endpoint): void {
    this.#endpoint = endpoint;
  }

  onHead(node: number, head: Head): void {
    if (this.#heads.get(node)?.head.hash !== head.hash) this.#heads.set(node, { head, at: performance.now() });
    this.#headBlock.set({ node: String(node) }, head.number);
  }

  onObserved(node: number, { seats, now }: Observation): void {
    const labels = { node: String(node) };
    const due = seats.filter((sight) => owesReveal(sight, now));
    this.#seats.set(labels, seats.length);
    this.#commitsOpen.set(labels, due.length);
    const left = due.map(({ facts }) => (facts.commitsCloseAt + facts.revealWindow - now.timestamp) / facts.revealWindow);
    this.#revealLeft.set(labels, Math.min(1, ...left));
  }

  onAct(node: number, kind: string, outcome: "done" | "failed"): void {
    this.#acts.inc({ node: String(node), kind, outcome });
  }

  onInference(node: number, seconds: number): void {
    this.#inference.observe({ node: String(node) }, seconds);
  }

  onInferenceStart(node: number, secondsAfterLog: number): void {
    this.#lateness.observe({ node: String(node) }, secondsAfterLog);
  }

  onTransaction(node: number, { kind, cost }: { kind: string; cost?: bigint }): void {
    this.#transactions.inc({ node: String(node), event: kind });
    if (cost !== undefined) this.#gasSpent.inc({ node: String(node) }, Number(cost));
  }

  onReorg(node: number, depth: number): void {
    this.#reorgs.inc({ node: String(node) });
    this.#reorgDepth.set({ node: String(node) }, depth);
  }

  onOutage(node: number): void {
    this.#outages.inc({ node: String(node) });
  }

  onConflict(node: number): void {
    this.#conflicts.inc({ node: String(node) });
  }

  onPenalty(node: number, kind: "slashed" | "jailed"): void {
    this.#penalties.inc({ node: String(node), kind });
  }

  onSink(node: number, outcome: "delivered" | "failed"): void {
    this.#sink.inc({ node: String(node), outcome });
  }

  onBooks(node: number, { stake, level, lease }: NodeView, owed: bigint, balance: bigint, reveals: number): void {
    const labels = { node: String(node) };
    this.#balance.set(labels, Number(balance));
    this.#balanceReveals.set(labels, reveals);
    this.#stake.set(labels, Number(stake) / COR);
    this.#owed.set(labels, Number(owed) / COR);
    this.#level.set(labels, level);
    this.#leased.set(labels, lease === 0 ? 0 : 1);
  }

  onPool({ kind }: PoolEvent): void {
    this.#rpcEvents.inc({ event: kind });
  }

  onDisk(free: number): void {
    this.#diskFree.set(free);
  }

  /** The exposition text. `ready`: whether each node is. */
  async text(ready: (node: number) => boolean): Promise<string> {
    for (const parts of this.#nodes.values()) this.#read(parts, ready(parts.node));
    for (const { url, state, requests, failures } of this.#endpoint?.health?.() ?? []) {
      this.#rpcState.set({ server: url }, state === "ok" ? 1 : 0);
      this.#rpcRequests.set({ server: url, outcome: "answered" }, requests - failures);
      this.#rpcRequests.set({ server: url, outcome: "failed" }, failures);
    }
    this.#memory.set(process.memoryUsage.rss());
    const { user, system } = process.cpuUsage();
    this.#cpu.set((user + system) / 1e6);
    return await this.registry.metrics();
  }

  #read({ node: id, engine, executor, sender, journalBytes }: MeasuredNode, ready: boolean): void {
    const node = String(id);
    const { requests, failures, restarts, promptTokens, completionTokens, waiting } = engine().counters();
    this.#ready.set({ node }, ready ? 1 : 0);
    this.#tokens.set({ node, kind: "prompt" }, promptTokens);
    this.#tokens.set({ node, kind: "completion" }, completionTokens);
    this.#engineRequests.set({ node, outcome: "answered" }, requests - failures - waiting);
    this.#engineRequests.set({ node, outcome: "failed" }, failures);
    this.#engineRestarts.set({ node }, restarts);
    this.#engineWaiting.set({ node }, waiting);
    this.#actsRunning.set({ node }, executor.running.length);
    this.#pending.set({ node }, sender.pending.length);
    this.#journal.set({ node }, journalBytes());
    const seen = this.#heads.get(id);
    if (seen !== undefined) this.#headAge.set({ node }, (performance.now() - seen.at) / 1_000);
  }
}
