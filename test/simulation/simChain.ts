import type { Interface } from "ethers";
import { id, keccak256, Transaction, toBeHex, ZeroAddress, ZeroHash } from "ethers";
import { interfaces } from "../../offchain/chain/abis.ts";
import type { Views } from "../../offchain/chain/views.ts";
import { applyChanges } from "../../offchain/protocol/answers.ts";
import { commitmentOf } from "../../offchain/protocol/commitment.ts";
import { committee, taskSeed } from "../../offchain/protocol/draw.ts";
import { phaseOf } from "../../offchain/protocol/phases.ts";
import { popcount } from "../../offchain/protocol/sketch.ts";
import { decodeTerms, encodeTerms, type EncodedTerms } from "../../offchain/protocol/terms.ts";
import { type CommittedSeat, type Facts, Phase, State, Status, type TaskTerms } from "../../offchain/protocol/types.ts";
import type { Random } from "./random.ts";

export const CHAIN_ID = 31337n;
export const QUEUE = `0x${"aa".repeat(20)}`;
export const POOL = `0x${"bb".repeat(20)}`;
export const BLOCK_SECONDS = 6;
const LEASE = 1;
const GAS_USED = 200_000n;

interface SimTask {
  task: bigint;
  terms: TaskTerms;
  facts: Facts;
  commits: CommittedSeat[];
  revealed: Set<number>;
  /** Committed seats that were not opened in time. */
  slashed: number[];
}

interface SimLog {
  address: string;
  topics: string[];
  data: string;
  transactionHash: string;
}

interface SimState {
  tasks: Map<bigint, SimTask>;
  nonces: Map<string, number>;
}

export interface SimBlock {
  number: number;
  hash: string;
  parentHash: string;
  timestamp: number;
  baseFee: bigint;
  logs: SimLog[];
  receipts: Map<string, { status: number; from: string; nonce: number }>;
  state: SimState;
}

class Reverted extends Error {
  readonly code = "CALL_EXCEPTION";
  readonly data: string;
  constructor(name: string) {
    super(name);
    this.data = id(`${name}()`).slice(0, 10);
  }
}

/** A chain with the queue's rules for leased tasks, without the contracts' money. Blocks hold the whole state, so that any number can be taken back. */
export class SimChain {
  readonly blocks: SimBlock[] = [];
  readonly mempool = new Map<string, Transaction>();
  readonly members: number[];
  readonly operators: Map<string, number>;
  /** Seconds since the simulation began. */
  now = 0;
  baseFee = 1_000_000_000n;
  #fork = 0;
  #lastTask = 0n;
  readonly #scheduled: ((state: SimState, at: SimBlock) => void)[] = [];

  constructor(operators: string[]) {
    this.operators = new Map(operators.map((address, i) => [address.toLowerCase(), i + 1]));
    this.members = operators.map((_, i) => i + 1);
    this.#append({ tasks: new Map(), nonces: new Map() }, [], new Map());
    this.mine();
  }

  get head(): SimBlock {
    return this.blocks.at(-1)!;
  }

  /** A task is born in the next block. */
  submit(terms: TaskTerms): bigint {
    const task = (1n << 32n) | ++this.#lastTask;
    this.#scheduled.push((state, { timestamp, number, logs }) => {
      const deadline = timestamp + terms.commitWindow;
      const facts: Facts = {
        seed: BigInt(number + 1),
        lease: LEASE,
        commitsCloseAt: deadline,
        revealWindow: terms.revealWindow,
        commitWindow: terms.commitWindow,
        committed: 0,
        revealed: 0,
        redundancy: terms.redundancy,
        quorum: terms.quorum,
        generation: 0,
        state: State.Unseeded,
        attempt: 0,
        standby: false,
        stoodIn: false,
        judged: false,
        status: Status.Open,
      };
      state.tasks.set(task, { task, terms, facts, commits: [], revealed: new Set(), slashed: [] });
      logs.push(log("TaskQueued", [task, 1, ZeroHash, encodeTerms(terms), LEASE, number + 1, deadline]));
    });
    return task;
  }

  /** Takes transactions that can pay, in nonce order, and makes a block of them. */
  mine(): void {
    const before = this.head;
    const state: SimState = { tasks: new Map(before.state.tasks), nonces: new Map(before.state.nonces) };
    const receipts: SimBlock["receipts"] = new Map();
    const block = this.#append(state, [], receipts);
    for (const act of this.#scheduled.splice(0)) act(state, block);
    for (let progress = true; progress;) {
      progress = false;
      for (const [hash, transaction] of this.mempool) {
        const from = transaction.from!.toLowerCase();
        const nonce = state.nonces.get(from) ?? 0;
        if (transaction.nonce < nonce) this.mempool.delete(hash);
        if (transaction.nonce !== nonce || transaction.maxFeePerGas! < block.baseFee) continue;
        this.mempool.delete(hash);
        state.nonces.set(from, nonce + 1);
        receipts.set(hash, { status: this.#execute(state, block, transaction, hash), from, nonce });
        progress = true;
      }
    }
  }

  /** Takes the last blocks back. What they held returns to the pool, or is forgotten by it; tasks that were born in them are born again. */
  reorganise(depth: number, random: Random): void {
    const taken = this.blocks.splice(Math.max(2, this.blocks.length - depth));
    this.#fork++;
    for (const block of taken) for (const hash of block.receipts.keys()) this.#giveBack(hash, random);
    const born = taken.flatMap(({ state }) => [...state.tasks.values()]).filter(({ task }) => !this.head.state.tasks.has(task));
    const again = new Map(born.map((task) => [task.task, task.terms]));
    const counter = this.#lastTask;
    for (const [task, terms] of [...again].sort(([a], [b]) => (a < b ? -1 : 1))) {
      this.#lastTask = (task & 0xffffffffn) - 1n;
      this.submit(terms);
    }
    this.#lastTask = counter;
    for (let i = 0; i < taken.length; i++) this.mine();
  }

  readonly #known = new Map<string, Transaction>();

  #giveBack(hash: string, random: Random): void {
    const transaction = this.#known.get(hash);
    if (transaction !== undefined && random.chance(0.7)) this.mempool.set(hash, transaction);
  }

  broadcast(raw: string): string {
    const transaction = Transaction.from(raw);
    const hash = transaction.hash!;
    const from = transaction.from!.toLowerCase();
    if ((this.head.state.nonces.get(from) ?? 0) > transaction.nonce) throw new Error("nonce too low");
    const rival = [...this.mempool].find(([, other]) => other.from!.toLowerCase() === from && other.nonce === transaction.nonce);
    if (rival !== undefined && rival[0] !== hash) {
      if (transaction.maxFeePerGas! * 8n < rival[1].maxFeePerGas! * 9n) throw new Error("replacement transaction underpriced");
      this.mempool.delete(rival[0]);
    }
    this.mempool.set(hash, transaction);
    this.#known.set(hash, transaction);
    return hash;
  }

  /** Throws Reverted where the next block would. */
  simulate(from: string, data: string): void {
    const state: SimState = { tasks: new Map(this.head.state.tasks), nonces: new Map() };
    this.#run(
      state,
      { ...this.head, number: this.head.number + 1, timestamp: Math.max(this.now, this.head.timestamp + 1), logs: [] },
      from,
      data,
      "",
    );
  }

  views(blocksBehind: () => number): Pick<Views, "facts" | "seed" | "lease"> {
    const at = (number?: number) => this.blocks[Math.min(number ?? Infinity, this.blocks.length - 1 - blocksBehind())]!;
    return {
      facts: (task, number) => Promise.resolve(structuredClone(at(number).state.tasks.get(task)?.facts ?? { ...NO_FACTS })),
      seed: (task, facts, head) => {
        if (facts.state !== State.Unseeded) return Promise.resolve(facts.seed);
        const block = this.blocks[Number(facts.seed)];
        return Promise.resolve(BigInt(head.number) < facts.seed || block === undefined ? undefined : taskSeed(block.hash, task));
      },
      lease: () => Promise.resolve({ nodes: this.members, until: 2 ** 31 }),
    };
  }

  #append(state: SimState, logs: SimLog[], receipts: SimBlock["receipts"]): SimBlock {
    const number = this.blocks.length;
    const parentHash = this.blocks.at(-1)?.hash ?? ZeroHash;
    const hash = keccak256(new TextEncoder().encode(`${number} ${this.#fork} ${parentHash}`));
    const timestamp = Math.max((this.blocks.at(-1)?.timestamp ?? 1_000_000) + 1, 1_000_000 + this.now);
    const block = { number, hash, parentHash, timestamp, baseFee: this.baseFee, logs, receipts, state };
    this.blocks.push(block);
    return block;
  }

  #execute(state: SimState, block: SimBlock, transaction: Transaction, hash: string): number {
    if (transaction.data === "0x") return 1;
    const logs = block.logs.length;
    try {
      this.#run(state, block, transaction.from!, transaction.data, hash);
      return 1;
    } catch (error) {
      if (!(error instanceof Reverted)) throw error;
      block.logs.length = logs;
      return 0;
    }
  }

  #run(state: SimState, block: SimBlock, from: string, data: string, hash: string): void {
    const call = interfaces.SessionQueue.parseTransaction({ data });
    if (call === null) throw new Reverted("Unknown");
    const handover = call.args[0] as { task: bigint };
    const task = call.name === "commit" ? (call.args[0] as bigint) : handover.task;
    const known = state.tasks.get(task);
    if (known === undefined) throw new Reverted("SessionQueueNoTask");
    const mine: SimTask = {
      ...known,
      facts: { ...known.facts },
      commits: [...known.commits],
      revealed: new Set(known.revealed),
      slashed: [...known.slashed],
    };
    state.tasks.set(task, mine);
    const clock = { timestamp: block.timestamp, blockNumber: block.number };
    const phase = phaseOf(mine.facts, clock);
    if (call.name === "commit") this.#commit(mine, phase, block, from, Number(call.args[1]), String(call.args[2]), hash);
    else if (call.name === "reveal" || call.name === "settle") this.#reveal(mine, phase, block, call.args[0] as DecodedHandover, hash);
    else throw new Reverted("Unknown");
  }

  #commit(mine: SimTask, phase: Phase, block: SimBlock, from: string, seat: number, commitment: string, hash: string): void {
    if (phase !== Phase.Committing) throw new Reverted("SessionQueueWrongPhase");
    const { facts, task, terms } = mine;
    if (facts.state === State.Unseeded) {
      facts.seed = taskSeed(this.blocks[Number(facts.seed)]!.hash, task);
      facts.state = State.Seeded;
    }
    const node = committee(this.members, facts.seed, terms.redundancy)[seat];
    if (node === undefined || this.operators.get(from.toLowerCase()) !== node) throw new Reverted("SessionQueueUnauthorized");
    if ((facts.committed >> seat) & 1) throw new Reverted("SessionQueueCommitted");
    facts.committed |= 1 << seat;
    mine.commits.push({ seat, node, commitment });
    if (popcount(BigInt(facts.committed)) === facts.redundancy) facts.commitsCloseAt = block.timestamp;
    block.logs.push(log("ResultsCommitted", [task, facts.seed, [{ who: BigInt(seat) | (BigInt(node) << 8n), commitment }]], hash));
  }

  #reveal(mine: SimTask, phase: Phase, block: SimBlock, handover: DecodedHandover, hash: string): void {
    if (phase !== Phase.Revealing && phase !== Phase.Closed) throw new Reverted("SessionQueueWrongPhase");
    const { facts, task } = mine;
    const terms = decodeTerms(handover.terms);
    // A decoded list throws where it is read past its end.
    const changes = Array.from(handover.changes);
    for (const [i, { who, secret, claim }] of [...handover.openings].entries()) {
      const seat = Number(who & 0xffn);
      const node = Number((who >> 8n) & 0xffffffn);
      if (((who >> 32n) & 1n) === 0n || phase === Phase.Closed || mine.revealed.has(seat)) continue;
      const answers = applyChanges(handover.base, changes[i] ?? "0x");
      const found = commitmentOf({ chainId: CHAIN_ID, queue: QUEUE }, task, node, terms, answers, claim, secret);
      if (found !== mine.commits.find((one) => one.seat === seat)?.commitment) throw new Reverted("SessionQueueOpeningMismatch");
      mine.revealed.add(seat);
      facts.revealed |= 1 << seat;
      if (facts.revealed !== facts.committed) block.logs.push(log("ResultRevealed", [task, seat, node, secret, claim, answers], hash));
    }
    if (facts.revealed !== facts.committed && phase === Phase.Revealing) return;
    const enough = popcount(BigInt(facts.revealed)) >= facts.quorum;
    facts.status = enough ? Status.Accepted : Status.Failed;
    facts.state = State.Ended;
    // Below a quorum of commitments nobody is asked to open, and nobody pays for it.
    const asked = popcount(BigInt(facts.committed)) >= facts.quorum;
    mine.slashed = asked ? mine.commits.filter(({ seat }) => !mine.revealed.has(seat)).map(({ node }) => node) : [];
    const outcomes = enough ? toBeHex(facts.revealed & 0xfff, 2) : "0x";
    block.logs.push(log("TaskSettled", [task, facts.status, 0, facts.revealed, outcomes, enough ? handover.base : "0x"], hash));
  }
}

interface DecodedHandover {
  terms: EncodedTerms;
  base: string;
  openings: { who: bigint; secret: string; claim: string }[];
  changes: string[];
}

const NO_FACTS: Facts = {
  ...{ seed: 0n, lease: 0, commitsCloseAt: 0, revealWindow: 0, commitWindow: 0, committed: 0, revealed: 0, redundancy: 0, quorum: 0 },
  ...{ generation: 0, state: State.Empty, attempt: 0, standby: false, stoodIn: false, judged: false, status: Status.None },
};

export const SIM_GAS_USED = GAS_USED;
export const ROUTER = ZeroAddress;
const QUEUE_INTERFACE: Interface = interfaces.SessionQueue;

function log(name: string, args: unknown[], transactionHash = ZeroHash): SimLog {
  const { topics, data } = QUEUE_INTERFACE.encodeEventLog(name, args);
  return { address: QUEUE, topics: topics.map(String), data, transactionHash };
}
