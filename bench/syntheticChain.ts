import { keccak256, type Log, toUtf8Bytes } from "ethers";
import { interfaces, MODULE_NAMES, type ModuleName } from "../offchain/chain/abis.ts";
import type { Addresses, Deployment } from "../offchain/chain/deployment.ts";
import type { Endpoint } from "../offchain/chain/endpoint.ts";
import { encodeAnswers, encodeOutcomes, encodePromptTokens } from "../offchain/protocol/answers.ts";
import { AGREEMENT_ONLY } from "../offchain/protocol/assurance.ts";
import { committee, taskSeed } from "../offchain/protocol/draw.ts";
import { whoOf } from "../offchain/protocol/commitment.ts";
import { settlementOf } from "../offchain/protocol/judging.ts";
import { encodeTerms, packRules } from "../offchain/protocol/terms.ts";
import { Comparison, Status, type TaskTerms } from "../offchain/protocol/types.ts";

/**
 * A chain of events that never ran: what the contracts would have logged for many tasks, encoded by their own ABIs, handed out by the two
 * calls that an event cursor makes. Everything follows from numbers, so the same settings give the same chain.
 */
export interface SyntheticSettings {
  nodes?: number;
  sessions?: number;
  tasksPerBlock?: number;
  /** Seconds between blocks. */
  blockSeconds?: number;
  /** Changes hashes, and with them everything that is drawn. */
  fork?: number;
  /** What strangers say of themselves, and digests of what was asked and answered. */
  words?: Partial<typeof WORDS>;
}

const WORDS = {
  endpoint: "https://node.example",
  router: "https://router.example",
  model: "synthetic-f16",
  quantisation: "F16",
  manifest: "",
  answer: "",
  said: "",
};

const COR = 10n ** 18n;
const GENESIS_TIME = 1_760_000_000;
const LEASE_SIZE = 5;
const hash = (...parts: (string | number | bigint)[]) => keccak256(toUtf8Bytes(parts.join(":")));
const address = (name: string) => `0x${hash("address", name).slice(26)}`;

export class SyntheticChain {
  readonly deployment: Deployment;
  readonly endpoint: Endpoint;
  readonly logs: Log[][] = [];
  /** Events in all blocks. */
  count = 0;
  tasks = 0;
  #fork: number;
  readonly #settings: Required<Omit<SyntheticSettings, "words">>;
  readonly #words: typeof WORDS;
  readonly #taskCounts: number[];
  readonly #members: number[][] = [];
  readonly #hashes: string[] = [];

  constructor({ words, ...settings }: SyntheticSettings = {}) {
    this.#words = { ...WORDS, ...words };
    this.#settings = { nodes: 200, sessions: 40, tasksPerBlock: 8, blockSeconds: 2, fork: 0, ...settings };
    this.#fork = this.#settings.fork;
    const addresses = Object.fromEntries(MODULE_NAMES.map((name) => [name, address(name)])) as Addresses;
    this.deployment = { network: "synthetic", chainId: 31337n, blockNumber: 0, addresses };
    const provider = {
      getBlock: (number: number | "latest") => Promise.resolve(this.#block(number)),
      getLogs: (filter: Filter) => Promise.resolve(this.#logsOf(filter)),
    };
    this.endpoint = { provider: provider as unknown as Endpoint["provider"], chainId: 31337n, url: "synthetic", close: () => {} };
    this.#taskCounts = Array.from({ length: this.#settings.sessions }, () => 0);
    this.#mine([]);
    this.#begin();
  }

  get head(): number {
    return this.logs.length - 1;
  }

  /** Mines blocks until so many more tasks have been settled. */
  addTasks(count: number): void {
    for (let left = count; left > 0; left -= this.#settings.tasksPerBlock) this.#mineTasks(Math.min(left, this.#settings.tasksPerBlock));
  }

  /** Drops the last blocks; what is mined after has other hashes. */
  reorganise(blocks: number): void {
    for (let i = 0; i < blocks; i++) {
      const dropped = this.logs.pop()!;
      this.count -= dropped.length;
      for (const log of dropped)
        if (log.topics[0] === interfaces.SessionQueue.getEvent("TaskQueued")!.topicHash) {
          this.tasks -= 1;
          this.#taskCounts[Number(BigInt(log.topics[2]!)) - 1]! -= 1;
        }
    }
    this.#fork += 1;
    this.#hashes.length = this.logs.length;
  }

  /** A block's hash, or the one that the next blocks will have. */
  #hashOf(number: number): string {
    return this.#hashes[number] ?? hash("block", number, this.#fork);
  }

  #begin(): void {
    const model = hash("model");
    const parameters = { minStake: 1_000n * COR, unopenedPenalty: COR, thaw: 86_400, open: true, slashing: true, fraudPenalty: COR };
    const rest = { assignmentLock: COR, jail: 86_400, bountyBps: 1_000, dailyCap: 1_000n * COR };
    this.#mine([
      ["ModelRegistry", "ModelRegistered", [model, this.#words.model, this.#words.quantisation, COR, 45, hash("embedding")]],
      ["NodePool", "ParametersChanged", [{ ...parameters, ...rest }]],
    ]);
    for (let node = 1; node <= this.#settings.nodes; node++)
      this.#mine([
        ["NodePool", "NodeRegistered", [node, address(`owner ${node}`), address(`operator ${node}`), model, 1_000n * COR]],
        ["NodePool", "EndpointChanged", [node, this.#words.endpoint]],
      ]);
    if (this.#words.said !== "")
      this.#mine([
        ["ImageRegistry", "ImagePublished", [hash("image"), address("publisher"), 0, COR, this.#words.said]],
        ["ImageRegistry", "ImageDeclared", [1, hash("image")]],
        ["CorGovernor", "ProposalCreated", [1, address("proposer"), [], [], [], [], 1, 2, this.#words.said]],
      ]);
    for (let session = 1; session <= this.#settings.sessions; session++) {
      const members = Array.from({ length: LEASE_SIZE }, (_, i) => ((session * LEASE_SIZE + i) % this.#settings.nodes) + 1);
      this.#members.push(members);
      const packed = members.reduce((word, node, i) => word | (BigInt(node) << BigInt(24 * i)), 0n);
      const {
        model: _model,
        manifest: _manifest,
        promptTokens: _tokens,
        router: _router,
        assurance: _assurance,
        ...rules
      } = this.#terms(session);
      const windows = { queueWindow: 60, commitWindow: 60, revealWindow: 60, maxPrompts: 16, maxPromptTokens: 2_048, maxTokens: 512 };
      const terms = { model, redundancy: 3, quorum: 2, leaseNodes: LEASE_SIZE, mode: 0, comparison: 1, ...windows, priceCeiling: COR };
      this.#mine([
        ["Session", "SessionOpened", [session, address(`client ${session}`), { ...terms, ...AGREEMENT_ONLY }, packRules(rules)]],
        ["SessionPayment", "Deposited", [session, address(`client ${session}`), 1_000_000n * COR]],
        ["Session", "RouterChanged", [session, address("router"), true, this.#words.router]],
        ["Session", "LeaseReserved", [session, LEASE_SIZE, 86_400, 0, this.head + 1, 5n * COR]],
        ["NodePool", "LeaseDrawn", [session, model, hash("seed", session), packed, LEASE_SIZE, 2_000_000_000]],
        ["Session", "LeaseStarted", [session, session, 2_000_000_000]],
      ]);
    }
  }

  #terms(session: number): TaskTerms {
    const fees = { bounty: 10n ** 15n, protocolFeeBps: 300, routerFeeBps: 500 };
    const rules = {
      price: COR,
      redundancy: 3,
      quorum: 2,
      comparison: Comparison.Semantic,
      threshold: 45,
      commitWindow: 60,
      revealWindow: 60,
    };
    const flags = { leased: true, service: 1, standby: true, assured: false, level: 0, widen: false, assurance: 0n, maxTokens: 128 };
    const asked = {
      model: hash("model"),
      manifest: this.#words.manifest || hash("manifest", session, this.tasks),
      promptTokens: encodePromptTokens([40]),
    };
    return { ...asked, ...rules, ...fees, ...flags, router: address("router") };
  }

  /** A task lives over three blocks: submitted, committed, opened and settled. */
  #mineTasks(count: number): void {
    const born = Array.from({ length: count }, () => {
      const session = (this.tasks % this.#settings.sessions) + 1;
      const task = (BigInt(session) << 32n) | BigInt((this.#taskCounts[session - 1]! += 1));
      this.tasks += 1;
      return { session, task, terms: this.#terms(session) };
    });
    const seedBlock = this.head + 2;
    const deadline = this.#time(this.head + 1) + 60;
    this.#mine(
      born.map(({ session, task, terms }) => [
        "SessionQueue",
        "TaskQueued",
        [task, session, hash("client", task), encodeTerms(terms), session, seedBlock, deadline],
      ]),
    );
    const seated = born.map((one) => {
      const seed = taskSeed(this.#hashOf(seedBlock), one.task);
      const nodes = committee(this.#members[one.session - 1]!, seed, 3);
      return { ...one, seed, commits: nodes.map((node, seat) => ({ seat, node, commitment: hash("commitment", one.task, node) })) };
    });
    this.#mine(
      seated.map(({ task, seed, commits }) => [
        "SessionQueue",
        "ResultsCommitted",
        [task, seed, commits.map(({ seat, node, commitment }) => ({ who: whoOf(seat, node), commitment }))],
      ]),
    );
    this.#mine(seated.flatMap((one) => this.#settlement(one)));
  }

  /** Every eleventh task has an outlier, every ninety-seventh no commitment that was opened. */
  #settlement({
    task,
    terms,
    commits,
  }: {
    task: bigint;
    terms: TaskTerms;
    commits: { seat: number; node: number; commitment: string }[];
  }): Event[] {
    const answer = {
      digest: this.#words.answer || hash("answer", terms.manifest),
      sketch: hash("sketch", terms.manifest),
      tokens: 30,
      finish: 0,
    };
    const base = encodeAnswers([answer]);
    if (Number(task & 0xffffn) % 97 === 0) return [["SessionQueue", "TaskSettled", [task, Status.Failed, 0, 0, "0x", "0x"]]];
    const odd = encodeAnswers([{ ...answer, digest: hash("turnips", task), sketch: hash("turnips", task) }]);
    const differing = Number(task & 0xffffn) % 11 === 0;
    const changes = `0x0000${odd.slice(2)}`;
    const openings = commits.map(({ seat, node }) => ({
      seat,
      node,
      opened: true,
      secret: "0x",
      claim: "0x",
      changes: differing && seat === 2 ? changes : "0x",
    }));
    const ending = settlementOf({ task, terms, base, openings });
    const settled: Event = ["SessionQueue", "TaskSettled", [task, ending.status, ending.charged, 7, encodeOutcomes(ending.outcomes), base]];
    return differing ? [["SessionQueue", "AnswersDiffer", [task, 2, changes]], settled] : [settled];
  }

  #mine(events: Event[]): void {
    const blockNumber = this.logs.length;
    const blockHash = this.#hashOf(blockNumber);
    this.#hashes[blockNumber] = blockHash;
    this.logs.push(
      events.map(([module, name, args], index) => {
        const encoded = interfaces[module].encodeEventLog(name, args);
        const where = { blockNumber, blockHash, index, transactionIndex: index, transactionHash: hash("transaction", blockNumber, index) };
        return { ...where, ...encoded, address: this.deployment.addresses[module], removed: false } as unknown as Log;
      }),
    );
    this.count += events.length;
  }

  #time(number: number): number {
    return GENESIS_TIME + number * this.#settings.blockSeconds;
  }

  #block(asked: number | "latest") {
    const number = asked === "latest" ? this.head : asked;
    if (number > this.head) return null;
    return { number, hash: this.#hashOf(number), parentHash: this.#hashOf(number - 1), timestamp: this.#time(number) };
  }

  #logsOf({ fromBlock, toBlock }: Filter): Log[] {
    return this.logs.slice(fromBlock, toBlock + 1).flat();
  }
}

interface Filter {
  fromBlock: number;
  toBlock: number;
}

type Event = [module: ModuleName, name: string, args: unknown[]];
