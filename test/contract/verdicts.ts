import { dataSlice, keccak256, Signature, toUtf8Bytes, TypedDataEncoder, zeroPadValue } from "ethers";
import type { Network, Task } from "./network.ts";
import { eventsIn, receiptOf } from "./suite.ts";

/** What a validator says of one miner's seat: finding 0 genuine, 1 not genuine, 2 mismatch, 3 unavailable; score 0 to 10. */
export interface Opinion {
  finding?: number;
  score?: number;
  deviation?: number;
}

/** The verdict word: 22 bits a seat. */
export const wordOf = (opinions: Opinion[]): bigint =>
  opinions.reduce(
    (word, { finding = 0, score = 8, deviation = 0 }, seat) =>
      word | ((BigInt(finding) | (BigInt(score) << 2n) | (BigInt(deviation) << 6n)) << BigInt(22 * seat)),
    0n,
  );

/** Terms of a session whose tasks are all judged by three, with a bar and appeals. */
export const WINDOW = 600;
export const VERDICTS = {
  validators: 3,
  sampleBps: 10_000,
  verdictCommitWindow: WINDOW,
  verdictRevealWindow: WINDOW,
  appealWindow: WINDOW,
  bar: 4,
};
export const FINE = wordOf([{}, {}, {}]);
export const BAD_SEAT_1 = wordOf([{}, { finding: 1, deviation: 400 }, {}]);
export const MISMATCH_SEAT_1 = wordOf([{}, { finding: 2 }, {}]);

export interface VerdictOpening {
  seat: number;
  verdict: bigint;
  evidence: string;
  salt: string;
}

const EVIDENCE = keccak256(toUtf8Bytes("evidence"));
const saltOf = (text: string) => zeroPadValue(dataSlice(keccak256(toUtf8Bytes(text)), 0, 16), 32);

/** Drives `Validation` as validators would. */
export function validationOf(net: Network) {
  const { Validation, NodePool } = net.modules;
  const domain = { name: "Corroborate", version: "1", chainId: net.domain.chainId, verifyingContract: Validation.target as string };

  /** Who sits in the panel of the round, drawn now if it is not yet. */
  async function panel(task: Task): Promise<number[]> {
    const [members, size] = await Validation.draw.staticCall(task.id);
    return Array.from({ length: Number(size) }, (_, i) => Number((members >> BigInt(24 * i)) & 0xffffffn));
  }

  function opening(task: Task, seat: number, verdict: bigint): VerdictOpening {
    return { seat, verdict, evidence: EVIDENCE, salt: saltOf(`verdict ${task.id} ${seat}`) };
  }

  const commitmentOf = (task: Task, round: number, author: number, { verdict, evidence, salt }: VerdictOpening) =>
    TypedDataEncoder.hash(
      domain,
      {
        Verdict: [
          { name: "task", type: "uint64" },
          { name: "round", type: "uint8" },
          { name: "author", type: "uint24" },
          { name: "verdict", type: "uint256" },
          { name: "evidence", type: "bytes32" },
          { name: "salt", type: "bytes32" },
        ],
      },
      { task: task.id, round, author, verdict, evidence, salt },
    );

  /** A commitment that its author signed. */
  function signed(task: Task, author: number, seat: number, commitment: string) {
    const hash = TypedDataEncoder.hash(
      domain,
      {
        Commit: [
          { name: "task", type: "uint64" },
          { name: "author", type: "uint24" },
          { name: "commitment", type: "bytes32" },
        ],
      },
      { task: task.id, author, commitment },
    );
    const signature = Signature.from(net.operators.get(author)!.signingKey.sign(hash));
    return { seat, commitment, r: signature.r, vs: signature.yParityAndS };
  }

  /** What all commit (but those of whom `wordFor` says null), and what opens it. */
  async function prepared(task: Task, round: number, wordFor: (seat: number) => bigint | null) {
    const members = await panel(task);
    const openings = members.flatMap((_, seat) => {
      const word = wordFor(seat);
      return word === null ? [] : [opening(task, seat, word)];
    });
    const verdicts = openings.map((one) => signed(task, members[one.seat]!, one.seat, commitmentOf(task, round, members[one.seat]!, one)));
    return { task, verdicts, openings };
  }

  /** All commit, carried in one transaction; returns the openings. */
  async function commitAll(task: Task, round: number, wordFor: (seat: number) => bigint | null): Promise<VerdictOpening[]> {
    const { verdicts, openings } = await prepared(task, round, wordFor);
    await receiptOf(Validation.connect(net.router).commitMany([{ task: task.id, verdicts }]));
    return openings;
  }

  /** A whole round: all commit and open. */
  async function judge(task: Task, round: number, wordFor: (seat: number) => bigint | null): Promise<void> {
    const openings = await commitAll(task, round, wordFor);
    await net.networkHelpers.mine(1);
    await receiptOf(Validation.reveal(task.id, openings));
  }

  /** A task whose three miners agree and whose verdict is asked for; past the block that decides the panel. */
  async function asked(prompts = 1): Promise<Task> {
    const task = await net.submit(prompts);
    await net.commitCarried(task);
    await net.networkHelpers.mine(1);
    await receiptOf(net.modules.SessionQueue.connect(net.router).reveal(net.handover(task)));
    await net.networkHelpers.mine(net.parameters.seedDelay + 1);
    return task;
  }

  async function settle(task: Task) {
    const receipt = await receiptOf(net.modules.SessionQueue.connect(net.keeper).settle(net.handover(task)));
    return {
      receipt,
      settled: eventsIn(receipt, net.modules.SessionQueue, "TaskSettled")[0],
      closed: eventsIn(receipt, Validation, "VerdictClosed")[0],
      jailed: eventsIn(receipt, NodePool, "NodeJailed").map((args) => Number(args["node"])),
      slashed: eventsIn(receipt, NodePool, "NodeSlashed").map((args) => Number(args["node"])),
    };
  }

  return { panel, opening, commitmentOf, signed, prepared, commitAll, judge, asked, settle };
}
