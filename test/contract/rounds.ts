import { keccak256, type SigningKey, Signature, toUtf8Bytes, TypedDataEncoder } from "ethers";
import { flip, MODEL, type Network } from "./network.ts";
import { eventsIn, placeOf, receiptOf, write } from "./suite.ts";

export const Kind = { Liveness: 1, Capability: 2 } as const;
export const Phase = {
  None: 0,
  Request: 1,
  Create: 2,
  Prepare: 3,
  Start: 4,
  Commit: 5,
  Reveal: 6,
  Score: 7,
  Ended: 8,
  Aborted: 9,
} as const;
export const Awaits = {
  Nothing: 0,
  Seed: 1,
  Claim: 2,
  Topics: 3,
  Questions: 4,
  Commitments: 5,
  Openings: 6,
  Scores: 7,
  ScoreOpenings: 8,
  Advance: 9,
} as const;
export const Ending = {
  Judged: 0,
  Undecided: 1,
  NoNodes: 2,
  NoCreator: 3,
  NoPreparer: 4,
  TooFewCommitments: 5,
  TooFewOpenings: 6,
  ContentRefused: 7,
} as const;

export const digestOf = (text: string): string => keccak256(toUtf8Bytes(text));
export const TOPICS = digestOf("topics");
export const QUESTIONS = digestOf("questions");

export interface Opening {
  seat: number;
  digest: string;
  sketch: string;
  tokens: number;
  finish: number;
  claim: string;
  salt: string;
}

export interface ScoreOpening {
  seat: number;
  verdict: bigint;
  evidence: string;
  salt: string;
}

/** Places for running rounds, as in `RoundStore`. */
export const RING = 16n;

/** The next round gets this number, by the contract's storage. */
export async function numberNext(net: Network, id: bigint): Promise<void> {
  const { PoUW } = net.modules;
  const { slot, shift } = placeOf("assurance/PoUW", "_last");
  const word = BigInt(await net.ethers.provider.getStorage(PoUW.target, slot));
  await write(net, PoUW, `0x${slot.toString(16)}`, (word & ~(0xffff_ffff_ffff_ffffn << shift)) | ((id - 1n) << shift));
}

/** Members of a role: 24 bits each, lowest first. */
export function membersOf(packed: bigint): number[] {
  const members: number[] = [];
  for (let rest = packed; rest !== 0n; rest >>= 24n) members.push(Number(rest & 0xffffffn));
  return members;
}

/** Answers that agree unless `apart` bits are flipped for a seat. */
export function answer(seat: number, apart = 0, tokens = 40): Opening {
  return {
    seat,
    digest: digestOf(apart === 0 ? "answer" : `answer ${seat}`),
    sketch: flip(digestOf("sketch"), 0, apart),
    tokens,
    finish: 0,
    claim: digestOf(`claim ${seat}`),
    salt: digestOf(`salt ${seat}`),
  };
}

/** A verdict word: per answerer's seat, 2 bits of finding and 4 of usefulness (22 bits a seat). */
export function verdict(scores: number[], findings: number[] = []): bigint {
  return scores.reduce((word, score, seat) => word | ((BigInt(findings[seat] ?? 0) | (BigInt(score) << 2n)) << BigInt(22 * seat)), 0n);
}

export const scoring = (seat: number, word: bigint): ScoreOpening => ({
  seat,
  verdict: word,
  evidence: digestOf(`evidence ${seat}`),
  salt: digestOf(`score salt ${seat}`),
});

/** Drives one round on a network of the tests, as keepers and the drawn nodes would. */
export class RoundDriver {
  readonly net: Network;
  readonly id: bigint;

  constructor(net: Network, id: bigint) {
    this.net = net;
    this.id = id;
  }

  static async open(net: Network, kind: number, level = 0): Promise<RoundDriver> {
    const { PoUW } = net.modules;
    await net.networkHelpers.time.increase(net.parameters.network.rounds.interval);
    const receipt = await receiptOf(PoUW.connect(net.keeper).open(MODEL, kind, level));
    return new RoundDriver(net, eventsIn(receipt, PoUW, "RoundOpened")[0]!["round"] as bigint);
  }

  get pouw() {
    return this.net.modules.PoUW;
  }

  view() {
    return this.pouw.roundOf(this.id);
  }

  async phase(): Promise<number> {
    return Number(await this.pouw.phaseOf(this.id));
  }

  async awaits(): Promise<number> {
    return Number((await this.view()).awaits);
  }

  operator(node: number) {
    return this.net.operators.get(node)!;
  }

  advance() {
    return receiptOf(this.pouw.connect(this.net.keeper).advance(this.id));
  }

  /** Past the seed block, then the draw. */
  async draw() {
    await this.net.networkHelpers.mine(this.net.parameters.seedDelay + 1);
    return await this.advance();
  }

  /** Past the deadline of what it waits for. */
  async expire(): Promise<void> {
    const { deadline } = await this.view();
    await this.net.networkHelpers.time.increaseTo(deadline + 1n);
  }

  async creator(): Promise<number> {
    return Number((await this.view()).createdBy);
  }

  async preparer(): Promise<number> {
    return Number((await this.view()).preparedBy);
  }

  async answerers(): Promise<number[]> {
    return membersOf((await this.view()).answerers);
  }

  async validators(): Promise<number[]> {
    return membersOf((await this.view()).validators);
  }

  async create(): Promise<void> {
    await this.draw();
    const signer = this.operator(await this.creator());
    await this.pouw.connect(signer).claim(this.id);
    await this.pouw.connect(signer).create(this.id, TOPICS);
  }

  async prepare(): Promise<void> {
    await this.draw();
    await this.pouw.connect(this.operator(await this.preparer())).prepare(this.id, QUESTIONS);
  }

  /** To the point where answerers may commit. */
  async start(): Promise<number[]> {
    await this.create();
    await this.prepare();
    await this.draw();
    return await this.answerers();
  }

  /** To the point where the answers are open and whoever scores them is drawn. */
  async answered(): Promise<number[]> {
    const members = await this.start();
    const openings = members.map((_, seat) => answer(seat));
    await this.commit(openings);
    await this.net.networkHelpers.mine(1);
    await this.reveal(openings);
    await this.draw();
    return members;
  }

  async commitOf(node: number, opening: Opening): Promise<string> {
    return await this.pouw.commitmentOf(this.id, node, opening);
  }

  sign(node: number, seat: number, commitment: string, key: SigningKey = this.operator(node).signingKey) {
    const domain = { name: "Corroborate", version: "1", chainId: this.net.domain.chainId, verifyingContract: this.pouw.target as string };
    const types = {
      Commit: [
        { name: "task", type: "uint64" },
        { name: "author", type: "uint24" },
        { name: "commitment", type: "bytes32" },
      ],
    };
    const signature = Signature.from(key.sign(TypedDataEncoder.hash(domain, types, { task: this.id, author: node, commitment })));
    return { seat, commitment, r: signature.r, vs: signature.yParityAndS };
  }

  /** All commitments of these answers in one carried transaction. */
  async commit(openings: Opening[]) {
    const members = await this.answerers();
    const commitments = [];
    for (const opening of openings) {
      const node = members[opening.seat]!;
      commitments.push(this.sign(node, opening.seat, await this.commitOf(node, opening)));
    }
    return await receiptOf(this.pouw.connect(this.net.router).commitMany([{ round: this.id, commitments }]));
  }

  reveal(openings: Opening[]) {
    return receiptOf(this.pouw.connect(this.net.router).reveal(this.id, openings));
  }

  async commitScores(openings: ScoreOpening[]) {
    const members = await this.validators();
    const commitments = [];
    for (const opening of openings) {
      const node = members[opening.seat]!;
      commitments.push(this.sign(node, opening.seat, await this.pouw.scoreCommitmentOf(this.id, node, opening)));
    }
    return await receiptOf(this.pouw.connect(this.net.router).commitMany([{ round: this.id, commitments }]));
  }

  revealScores(openings: ScoreOpening[]) {
    return receiptOf(this.pouw.connect(this.net.router).revealScores(this.id, openings));
  }

  /** A whole round in which all do what they should; `words` of the validators, where there are any. */
  async run(openings?: Opening[], words?: bigint[]) {
    const members = await this.start();
    const given = openings ?? members.map((_, seat) => answer(seat));
    await this.commit(given);
    await this.net.networkHelpers.time.increase(1);
    let receipt = await this.reveal(given);
    if ((await this.phase()) !== Phase.Score) return receipt;
    await this.draw();
    const panel = await this.validators();
    const scores = panel.map((_, seat) => scoring(seat, words?.[seat] ?? verdict(members.map(() => 8))));
    await this.commitScores(scores);
    await this.net.networkHelpers.time.increase(1);
    receipt = await this.revealScores(scores);
    return receipt;
  }
}
