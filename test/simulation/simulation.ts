import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { keccak256, toBeHex, Wallet } from "ethers";
import { interfaces } from "../../offchain/chain/abis.ts";
import { digestOf } from "../../offchain/content/contentId.ts";
import { encodePromptTokens } from "../../offchain/protocol/answers.ts";
import { type Manifest, manifestBytes } from "../../offchain/protocol/manifest.ts";
import { Comparison, Status, type TaskTerms } from "../../offchain/protocol/types.ts";
import { PLAIN_TERMS } from "../plain.ts";
import { Random } from "./random.ts";
import { BLOCK_SECONDS, ROUTER, SimChain } from "./simChain.ts";
import { SimNode, type NodeFaults, WELL } from "./simNode.ts";
import { commitmentsIn } from "./simServer.ts";

export interface SimulationOptions {
  seed: number;
  hours: number;
  /** Without faults, the same tasks end as they should. Default true. */
  faults?: boolean;
}

/** What became of a simulation. */
export interface SimulationResult {
  seed: number;
  hours: number;
  tasks: number;
  accepted: number;
  failed: number;
  /** Seats that were silent, and commitments that were not opened; each explained by a fault that lasted. */
  silentSeats: number;
  unopened: number;
  restarts: number;
  kills: number;
  reorgs: Record<string, number>;
  faults: Record<string, number>;
  /** What must never be; empty where everything held. */
  violations: string[];
}

const NODES = 3;
const STEP_SECONDS = 3;
const WINDOW = 120;
const TASK_EVERY_S = 90;
/** A node that was unwell for so much of a window may have missed it. */
const EXCUSE_SHARE = 0.34;
const FLUSHES = 12;
const MODEL = `0x${"aa".repeat(32)}`;

type Fault = { kind: string; node: number; from: number; until: number; set: Partial<NodeFaults> };

/** Runs three nodes for some hours of virtual time under the faults that follow from the seed, then lets everything calm down, and checks. */
export async function simulate({ seed, hours, faults: faulty = true }: SimulationOptions): Promise<SimulationResult> {
  const random = new Random(seed);
  const folder = mkdtempSync(path.join(tmpdir(), `simulation-${seed}-`));
  const wallets = Array.from({ length: NODES }, (_, i) => new Wallet(keccak256(toBeHex(BigInt(i + 1), 32))));
  const chain = new SimChain(wallets.map(({ address }) => address));
  const nodes = wallets.map((wallet, i) => new SimNode(i + 1, chain, wallet, folder, new Random(seed * 31 + i)));
  const end = hours * 3_600;
  const plan = faulty ? faultsOf(random, end) : [];
  const result: SimulationResult = {
    ...{
      seed,
      hours,
      tasks: 0,
      accepted: 0,
      failed: 0,
      silentSeats: 0,
      unopened: 0,
      restarts: 0,
      kills: 0,
      reorgs: {},
      faults: {},
      violations: [],
    },
  };
  for (const { kind } of plan) result.faults[kind] = (result.faults[kind] ?? 0) + 1;
  const unwell = new Map<number, [number, number][]>(nodes.map(({ id }) => [id, []]));
  const reorgs: { at: number; depth: number }[] = [];
  const calendar = Date.now;
  Date.now = () =>
    calendar() + Math.max(0, ...nodes.map((node) => node.faults.skewMs)) + Math.min(0, ...nodes.map((node) => node.faults.skewMs));
  try {
    for (const node of nodes) node.start();
    let nextTask = TASK_EVERY_S;
    let nextBlock = BLOCK_SECONDS;
    let spikeUntil = 0;
    // After the last hour nothing goes wrong any more, and what is open must end.
    for (chain.now = 0; chain.now < end + 2 * WINDOW + 180; chain.now += STEP_SECONDS) {
      const { now } = chain;
      const calm = now >= end;
      if (now >= nextTask && !calm) {
        nextTask = now + TASK_EVERY_S;
        await submit(chain, nodes, ++result.tasks);
      }
      for (const node of nodes) {
        const active = plan.filter((fault) => fault.node === node.id && fault.from <= now && now < fault.until && !calm);
        node.faults = Object.assign({ ...WELL }, ...active.map(({ set }) => set)) as NodeFaults;
        const hinders = active.some(({ set }) => set.skewMs === undefined && set.untidy === undefined);
        if (hinders || !node.running) unwell.get(node.id)!.push([now, now + STEP_SECONDS]);
        if (!node.running && (calm || random.chance(0.1))) {
          node.faults = { ...node.faults, diskFull: false };
          node.start();
        } else if (faulty && !calm && random.chance(0.002)) {
          result.kills++;
          node.killSoon(random.whole(1, 25));
        }
      }
      if (faulty && !calm && random.chance(0.004)) {
        const depth = random.chance(0.1) ? 64 : random.chance(0.4) ? 5 : 1;
        reorgs.push({ at: 1_000_000 + now, depth });
        result.reorgs[depth] = (result.reorgs[depth] ?? 0) + 1;
        chain.reorganise(depth, random);
      }
      if (faulty && !calm && now > spikeUntil && random.chance(0.002)) {
        chain.baseFee = 10n ** BigInt(random.whole(10, 12));
        spikeUntil = now + random.whole(12, 60);
      } else if (now > spikeUntil) chain.baseFee = 1_000_000_000n;
      if (now >= nextBlock) {
        nextBlock = now + BLOCK_SECONDS;
        chain.mine();
      }
      for (const node of nodes) {
        node.wake();
        node.poll();
      }
      // Everything but the virtual clock runs on microtasks; a few turns let it come to rest.
      for (let i = 0; i < FLUSHES; i++) await new Promise((resolve) => setImmediate(resolve));
    }
    check(chain, nodes, unwell, reorgs, result);
    return result;
  } finally {
    Date.now = calendar;
    for (const node of nodes) node.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function submit(chain: SimChain, nodes: SimNode[], number: number): Promise<void> {
  const content = `question ${number}`;
  const sampling = {
    temperature: 0,
    topP: 1,
    topK: 0,
    seed: 0,
    maxTokens: 32,
    stop: [],
    frequencyPenalty: 0,
    presencePenalty: 0,
    repeatPenalty: 1,
  };
  const manifest: Manifest = { v: 1, service: "chat", prompts: [{ messages: [{ role: "user", content }] }], sampling };
  const bytes = manifestBytes(manifest);
  for (const node of nodes) await node.keep(bytes);
  const terms: TaskTerms = {
    ...{ model: MODEL, manifest: digestOf(bytes), promptTokens: encodePromptTokens([content.length]), maxTokens: 32, price: 10n ** 20n },
    ...{ bounty: 0n, router: ROUTER, protocolFeeBps: 0, routerFeeBps: 0, redundancy: NODES, quorum: 2, comparison: Comparison.Semantic },
    ...{ threshold: 73, commitWindow: WINDOW, revealWindow: WINDOW, leased: true },
    ...PLAIN_TERMS,
  };
  chain.submit(terms);
}

function faultsOf(random: Random, end: number): Fault[] {
  const kinds: { kind: string; set: () => Partial<NodeFaults>; longest: number }[] = [
    { kind: "rpc errors", set: () => ({ errors: random.pick([0.1, 0.5, 1]) }), longest: 60 },
    { kind: "rpc lag", set: () => ({ lagBlocks: random.whole(1, 10) }), longest: 60 },
    { kind: "rpc lies", set: () => ({ lies: true }), longest: 60 },
    { kind: "duplicate logs", set: () => ({ untidy: true }), longest: 600 },
    { kind: "engine crash", set: () => ({ engine: "crashes" }), longest: 60 },
    { kind: "engine hang", set: () => ({ engine: "hangs" }), longest: 60 },
    { kind: "wrong bytes", set: () => ({ content: "wrong bytes" }), longest: 60 },
    { kind: "content missing", set: () => ({ content: "missing" }), longest: 60 },
    { kind: "disk full", set: () => ({ diskFull: true }), longest: 30 },
    { kind: "clock skew", set: () => ({ skewMs: random.pick([-3_600_000, 3_600_000]) }), longest: 1_800 },
  ];
  const plan: Fault[] = [];
  for (let at = 0; at < end; at += random.whole(20, 120)) {
    const { kind, set, longest } = random.pick(kinds);
    plan.push({ kind, node: random.whole(1, NODES), from: at, until: at + random.whole(3, longest), set: set() });
  }
  return plan;
}

/** What must hold whatever went wrong. */
function check(
  chain: SimChain,
  nodes: SimNode[],
  unwell: Map<number, [number, number][]>,
  reorgs: { at: number; depth: number }[],
  result: SimulationResult,
): void {
  const { violations } = result;
  const wrong = (text: string) => violations.push(text);
  const excused = (node: number, from: number, until: number): boolean => {
    // A reorganisation that takes back more than the window is long takes the window with it.
    if (
      reorgs.some(
        ({ at, depth }) => depth * BLOCK_SECONDS * 1.5 > WINDOW / 4 && at >= from - WINDOW && at <= until + depth * BLOCK_SECONDS * 2,
      )
    )
      return true;
    const bad = unwell
      .get(node)!
      .reduce((sum, [a, b]) => sum + Math.max(0, Math.min(b + 1_000_000, until) - Math.max(a + 1_000_000, from)), 0);
    return bad > (until - from) * EXCUSE_SHARE;
  };
  for (const { task, facts, commits, slashed } of chain.head.state.tasks.values()) {
    if (facts.status === Status.Accepted) result.accepted++;
    else if (facts.status === Status.Failed) result.failed++;
    else wrong(`task ${task} has not ended (committed ${facts.committed}, revealed ${facts.revealed})`);
    const born = facts.commitsCloseAt - WINDOW;
    for (const node of chain.members) {
      if (commits.some((commit) => commit.node === node)) continue;
      result.silentSeats++;
      if (!excused(node, born, born + WINDOW)) wrong(`K10: node ${node} was silent in task ${task}, and well`);
    }
    for (const node of slashed) {
      result.unopened++;
      if (!excused(node, facts.commitsCloseAt, facts.commitsCloseAt + WINDOW))
        wrong(`K4: node ${node} did not open task ${task}, and was well`);
    }
  }
  for (const node of nodes) {
    result.restarts += node.restarts - 1;
    const parse = (data: string) => (data === "0x" ? null : interfaces.SessionQueue.parseTransaction({ data }));
    for (const [key, commitments] of commitmentsIn(node.broadcasts, parse))
      if (commitments.size > 1) wrong(`K1: node ${node.id} signed ${commitments.size} commitments for ${key}`);
    if (node.ended !== undefined) wrong(`node ${node.id} ended with ${node.ended} in calm weather`);
    const pending = node.rows("SELECT id FROM transactions WHERE state = 'pending'");
    if (pending.length > 0) wrong(`K5: node ${node.id} still waits for ${pending.map(({ id }) => String(id)).join(", ")}`);
    const used =
      chain.head.state.nonces.get(node.rows("SELECT sender FROM transactions LIMIT 1")[0]?.["sender"]?.toString().toLowerCase() ?? "") ?? 0;
    const gaps = node
      .rows("SELECT nonce FROM transactions WHERE state NOT IN ('dropped') AND state = 'mined'")
      .filter(({ nonce }) => Number(nonce) >= used);
    if (gaps.length > 0) wrong(`K5: node ${node.id} believes in nonces that the chain has not seen`);
    checkBook(chain, node, wrong);
  }
}

/** K3: what a node believes is what the canonical chain says, for every task it still remembers. */
function checkBook(chain: SimChain, node: SimNode, wrong: (text: string) => void): void {
  for (const [task, found] of node.tasks()) {
    const { status, commits } = found as { status?: number; commits: { seat: number; commitment: string }[] };
    const truth = chain.head.state.tasks.get(task);
    const same =
      truth !== undefined &&
      (status ?? Status.Open) === truth.facts.status &&
      JSON.stringify(commits.map(({ seat, commitment }) => [seat, commitment])) ===
        JSON.stringify(truth.commits.map(({ seat, commitment }) => [seat, commitment]));
    if (!same) wrong(`K3: node ${node.id} believes something else of task ${task}`);
  }
}
