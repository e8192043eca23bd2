import { network } from "hardhat";
import type { SigningKey } from "ethers";
import {
  AbiCoder,
  Contract,
  dataSlice,
  HDNodeWallet,
  hexlify,
  keccak256,
  type Log,
  parseEther,
  Signature,
  toUtf8Bytes,
  Wallet,
  ZeroAddress,
  zeroPadValue,
} from "ethers";
import { AGREEMENT_ONLY } from "../../offchain/protocol/assurance.ts";
import { encodeAnswers, encodePromptTokens } from "../../offchain/protocol/answers.ts";
import { commitDigest, commitmentOf, type Domain } from "../../offchain/protocol/commitment.ts";
import { factsFrom, taskQueued } from "../../offchain/protocol/events.ts";
import { buildHandover, encodeHandover, type EncodedHandover, type Secret } from "../../offchain/protocol/handover.ts";
import { type Answer, type CommittedSeat, Comparison, type Facts, type Handover, type TaskTerms } from "../../offchain/protocol/types.ts";
import { artifactOf, deploy, MODULES, type ModuleName } from "../../scripts/deploy.ts";
import { localParameters, type NetworkParameters } from "../../scripts/parameters.ts";
import { keepTime } from "./clock.ts";
import type { COR } from "../../types/ethers-contracts/contracts/economy/COR.ts";
import type { Allowance } from "../../types/ethers-contracts/contracts/economy/Allowance.ts";
import type { Incentives } from "../../types/ethers-contracts/contracts/economy/Incentives.ts";
import type { RestrictedList } from "../../types/ethers-contracts/contracts/economy/RestrictedList.ts";
import type { Staking } from "../../types/ethers-contracts/contracts/economy/Staking.ts";
import type { Treasury } from "../../types/ethers-contracts/contracts/economy/Treasury.ts";
import type { CorGovernor } from "../../types/ethers-contracts/contracts/governance/CorGovernor.ts";
import type { ImageRegistry } from "../../types/ethers-contracts/contracts/identity/ImageRegistry.ts";
import type { ModelRegistry } from "../../types/ethers-contracts/contracts/identity/ModelRegistry.ts";
import type { NodePool } from "../../types/ethers-contracts/contracts/identity/NodePool.ts";
import type { Runtime } from "../../types/ethers-contracts/contracts/identity/Runtime.ts";
import type { Judge } from "../../types/ethers-contracts/contracts/assurance/Judge.ts";
import type { Validation } from "../../types/ethers-contracts/contracts/assurance/Validation.ts";
import type { Reputation } from "../../types/ethers-contracts/contracts/assurance/Reputation.ts";
import type { BlockRandomness } from "../../types/ethers-contracts/contracts/randomness/BlockRandomness.ts";
import type { Session } from "../../types/ethers-contracts/contracts/service/Session.ts";
import type { SessionPayment } from "../../types/ethers-contracts/contracts/service/SessionPayment.ts";
import type { SessionQueue } from "../../types/ethers-contracts/contracts/service/SessionQueue.ts";
import type { Liveness } from "../../types/ethers-contracts/contracts/identity/Liveness.ts";
import type { OracleCommittee } from "../../types/ethers-contracts/contracts/assurance/OracleCommittee.ts";
import type { PoUW } from "../../types/ethers-contracts/contracts/assurance/PoUW.ts";
import type { Referee } from "../../types/ethers-contracts/contracts/assurance/Referee.ts";
import type { Rewards } from "../../types/ethers-contracts/contracts/economy/Rewards.ts";
import type { TimelockController } from "../../types/ethers-contracts/@openzeppelin/contracts/governance/TimelockController.ts";
import type { AccessManager } from "../../types/ethers-contracts/@openzeppelin/contracts/access/manager/AccessManager.ts";

export interface Modules {
  AccessManager: AccessManager;
  COR: COR;
  ModelRegistry: ModelRegistry;
  BlockRandomness: BlockRandomness;
  NodePool: NodePool;
  SessionPayment: SessionPayment;
  Reputation: Reputation;
  Judge: Judge;
  Validation: Validation;
  SessionQueue: SessionQueue;
  Session: Session;
  Liveness: Liveness;
  OracleCommittee: OracleCommittee;
  Rewards: Rewards;
  Referee: Referee;
  PoUW: PoUW;
  ImageRegistry: ImageRegistry;
  RestrictedList: RestrictedList;
  Staking: Staking;
  Incentives: Incentives;
  Allowance: Allowance;
  Treasury: Treasury;
  TimelockController: TimelockController;
  CorGovernor: CorGovernor;
  Runtime: Runtime;
}

/** What a test may set about the fixture; the rest is the normal case. */
export interface Setup {
  nodes?: number;
  redundancy?: number;
  quorum?: number;
  leaseNodes?: number;
  leased?: boolean;
  maxPrompts?: number;
  comparison?: Comparison;
  /** Other terms of the session, over the plain ones. */
  terms?: Partial<AssuredTerms> & { mode?: number };
  parameters?: Partial<Omit<NetworkParameters, "pool" | "session" | "network" | "models">> & {
    pool?: Partial<NetworkParameters["pool"]>;
    session?: Partial<NetworkParameters["session"]>;
    network?: Partial<NetworkParameters["network"]>;
  };
}

/** `AGREEMENT_ONLY`, of any values. */
type AssuredTerms = { [Name in keyof typeof AGREEMENT_ONLY]: (typeof AGREEMENT_ONLY)[Name] extends boolean ? boolean : number };

export const MODEL = `0x${"ab".repeat(32)}`;
export const EMBEDDING = `0x${"cd".repeat(32)}`;
export const LEASE_SECONDS = 86_400;
export const WINDOWS = { queueWindow: 600, commitWindow: 600, revealWindow: 600 };

/** A task as the tests follow it: what its birth event said, and who committed what. */
export interface Task {
  id: bigint;
  terms: TaskTerms;
  seedBlock: number;
  commits: CommittedSeat[];
  secrets: Map<number, Secret>;
  /** 1 after a first attempt without a majority. */
  attempt?: number;
}

export type Network = Awaited<ReturnType<typeof startNetwork>>;

/** The whole system on a fresh in-process chain: nodes with stake, a funded session with a router, and (unless `leased` is false) a drawn lease. */
export async function startNetwork(setup: Setup = {}) {
  const { nodes: nodeCount = 4, redundancy = 3, leased = true, comparison = Comparison.Semantic } = setup;
  const { quorum = Math.floor(redundancy / 2) + 1, leaseNodes = Math.min(10, Math.max(redundancy, nodeCount)), maxPrompts = 64 } = setup;
  const connection = await network.create();
  keepTime(connection);
  const { ethers, networkHelpers } = connection;
  const [deployer, client, router, keeper, stranger] = await ethers.getSigners();
  const local = localParameters();
  const parameters: NetworkParameters = {
    ...local,
    ...setup.parameters,
    // Enough for the largest tasks of these tests: a seat's stake is at least twice its share of the worst case.
    pool: { ...local.pool, minStake: parseEther("20000"), ...setup.parameters?.pool },
    session: { ...local.session, ...setup.parameters?.session },
    network: { ...local.network, ...setup.parameters?.network },
    seedDelay: setup.parameters?.seedDelay ?? local.seedDelay,
    minWindow: local.minWindow,
    models: [
      {
        id: MODEL,
        name: "test-f16",
        quantisation: "F16",
        price: parseEther("1"),
        contextTokens: 4096,
        agreement: 45,
        embedding: EMBEDDING,
      },
    ],
  };
  const record = await deploy(deployer!, "test", parameters);
  const modules = Object.fromEntries(
    MODULES.map((name: ModuleName) => [name, new Contract(record.addresses[name], artifactOf(name).abi, deployer)]),
  ) as unknown as Modules;
  const { COR, NodePool, Session, SessionPayment, SessionQueue } = modules;
  const domain: Domain = { chainId: (await ethers.provider.getNetwork()).chainId, queue: record.addresses.SessionQueue };

  const operators = new Map<number, HDNodeWallet>();
  const root = HDNodeWallet.fromPhrase("test test test test test test test test test test test junk", "", "m/44'/60'/1'/0");
  async function addNode(): Promise<number> {
    const id = Number(await NodePool.nodeCount()) + 1;
    const operator = root.deriveChild(id).connect(ethers.provider);
    await deployer!.sendTransaction({ to: operator.address, value: parseEther("1") });
    await COR.transfer(operator.address, parameters.pool.minStake);
    await COR.connect(operator).approve(record.addresses.NodePool, parameters.pool.minStake);
    await NodePool.connect(operator).register(operator.address, MODEL, parameters.pool.minStake, "");
    operators.set(id, operator);
    return id;
  }
  for (let i = 0; i < nodeCount; i++) await addNode();

  const terms = {
    model: MODEL,
    redundancy,
    quorum,
    leaseNodes,
    mode: leased ? 0 : 1,
    comparison,
    ...WINDOWS,
    ...(AGREEMENT_ONLY as AssuredTerms),
    ...setup.terms,
    maxPrompts,
    maxPromptTokens: 4096,
    maxTokens: 4096,
    priceCeiling: parseEther("1"),
  };
  const session = 1n;
  await Session.connect(client).open(terms);
  await Session.connect(client).setRouter(session, router!.address, true, "http://127.0.0.1:1");
  await COR.transfer(client!.address, parseEther("1000000"));
  await COR.connect(client).approve(record.addresses.SessionPayment, parseEther("1000000"));
  await SessionPayment.connect(client).deposit(session, parseEther("100000"));
  if (leased) {
    await Session.connect(client).reserve(session, LEASE_SECONDS, 0);
    await networkHelpers.mine(parameters.seedDelay + 1);
    await Session.drawLease(session);
  }

  /** Submits one task by the router and moves past its seed block. */
  async function submit(prompts = 1, options: { promptTokens?: number; maxTokens?: number; mine?: boolean } = {}): Promise<Task> {
    const { promptTokens = 100, maxTokens = 200, mine = true } = options;
    const sent = await Session.connect(router).submit(session, request(prompts, promptTokens, maxTokens));
    const receipt = (await sent.wait())!;
    if (mine) await networkHelpers.mine(parameters.seedDelay + 1);
    return taskFrom(receipt.logs)[0]!;
  }

  function request(prompts: number, promptTokens = 100, maxTokens = 200) {
    return {
      manifest: keccak256(toUtf8Bytes("manifest")),
      promptTokens: encodePromptTokens(Array.from({ length: prompts }, () => promptTokens)),
      maxTokens,
      clientReference: keccak256(toUtf8Bytes("reference")),
    };
  }

  /** The tasks whose birth the logs tell. */
  function taskFrom(logs: readonly Log[]): Task[] {
    return logs.flatMap((log) => {
      const event = SessionQueue.interface.parseLog(log);
      if (event?.name !== "TaskQueued") return [];
      const born = taskQueued(event.args);
      return [
        {
          id: born.task,
          terms: born.terms,
          seedBlock: born.seedBlock,
          commits: [],
          secrets: new Map<number, Secret>(),
        },
      ];
    });
  }

  /** The node in each seat. */
  async function seatsOf(task: Task): Promise<number[]> {
    const [nodes] = await SessionQueue.committeeOf(task.id);
    return nodes.map(Number);
  }

  /** Fixes what a seat will answer and returns its commitment. */
  function prepare(task: Task, seat: number, node: number, answers: Answer[]): CommittedSeat {
    const secret: Secret = {
      answers: encodeAnswers(answers),
      claim: keccak256(toUtf8Bytes(`claim ${seat}`)),
      salt: saltOf(`salt ${task.id} ${seat}`),
    };
    task.secrets.set(seat, secret);
    const commitment = commitmentOf(domain, task.id, node, task.terms, secret.answers, secret.claim, secret.salt, task.attempt);
    madeFor.set(commitment, task.id);
    return { seat, node, commitment };
  }

  /** Which task each commitment was made for, and the last one. */
  const madeFor = new Map<string, bigint>();

  /** A carried commitment, signed by the node's operator for the task it was made for (a made-up one: for the last task). */
  function sign({ seat, node, commitment }: CommittedSeat, key: SigningKey = operators.get(node)!.signingKey) {
    const task = madeFor.get(commitment) ?? [...madeFor.values()].at(-1) ?? 0n;
    const signature = Signature.from(key.sign(commitDigest(domain, task, node, commitment)));
    return { seat, commitment, r: signature.r, vs: signature.yParityAndS };
  }

  /** Commits the given seats (default: all, in agreement) in one carried transaction. */
  async function commitCarried(task: Task, answersOf: (seat: number) => Answer[] | null = () => agreeing(promptsOf(task))) {
    const nodes = await seatsOf(task);
    const commits = nodes.flatMap((node, seat) => {
      const answers = answersOf(seat);
      return answers === null ? [] : [prepare(task, seat, node, answers)];
    });
    task.commits.push(...commits);
    return SessionQueue.connect(router).commitMany([{ task: task.id, commitments: commits.map((commit) => sign(commit)) }]);
  }

  /** The handover with the openings of the given seats (default: all committed). */
  function handover(task: Task, seats: number[] = task.commits.map(({ seat }) => seat)): EncodedHandover {
    return encodeHandover(twinHandover(task, seats));
  }

  function twinHandover(task: Task, seats: number[] = task.commits.map(({ seat }) => seat)): Handover {
    return buildHandover(task.id, task.terms, task.commits, new Map([...task.secrets].filter(([seat]) => seats.includes(seat))));
  }

  async function factsOf(task: Task): Promise<Facts> {
    const [facts, status] = await SessionQueue.factsOf(task.id);
    return factsFrom(facts as never, status);
  }

  return {
    ethers,
    networkHelpers,
    parameters,
    record,
    modules,
    domain,
    operators,
    session,
    terms,
    deployer: deployer!,
    client: client!,
    router: router!,
    keeper: keeper!,
    stranger: stranger!,
    addNode,
    close: () => connection.close(),
    submit,
    request,
    taskFrom,
    seatsOf,
    prepare,
    sign,
    commitCarried,
    handover,
    twinHandover,
    factsOf,
  };
}

/** 128 bits, as the node's salts are. */
const saltOf = (text: string): string => zeroPadValue(dataSlice(keccak256(toUtf8Bytes(text)), 0, 16), 32);

export const promptsOf = (task: Task): number => (task.terms.promptTokens.length - 2) / 6;

/** The same answers whoever gives them. */
export function agreeing(prompts: number, text = "yes"): Answer[] {
  return Array.from({ length: prompts }, (_, i) => ({
    digest: keccak256(toUtf8Bytes(`${text} ${i}`)),
    sketch: keccak256(toUtf8Bytes(`sketch ${i}`)),
    tokens: 50,
    finish: 0,
  }));
}

/** Answers whose digests differ by seat and whose sketches lie `apart` bits from the agreed ones. */
export function differing(prompts: number, seat: number, apart: number): Answer[] {
  return agreeing(prompts).map((answer, i) => ({
    ...answer,
    digest: keccak256(toUtf8Bytes(`answer ${seat} ${i}`)),
    sketch: flip(answer.sketch, seat * 20, apart),
  }));
}

/** A sketch with `count` bits flipped from bit `from` on. */
export function flip(sketch: string, from: number, count: number): string {
  const mask = ((1n << BigInt(count)) - 1n) << BigInt(from);
  return `0x${(BigInt(sketch) ^ mask).toString(16).padStart(64, "0")}`;
}

/** A draw from the pool for nobody in particular. */
export const wanted = (model: string, size: number) => ({
  model,
  size,
  level: 0,
  widen: false,
  source: 0,
  session: 0,
  requester: ZeroAddress,
  avoid: 0,
});

export { AbiCoder, hexlify, Wallet };
