import { dataLength, recoverAddress, Signature } from "ethers";
import { z } from "zod";
import type { Digest } from "../content/contentId.ts";
import { decodeAnswers } from "../protocol/answers.ts";
import type { TaskEntry } from "../chain/taskBook.ts";
import { commitDigest, commitmentOf, type Domain } from "../protocol/commitment.ts";
import { phaseOf } from "../protocol/phases.ts";
import { Phase } from "../protocol/types.ts";
import { crashPoint } from "../runtime/crashPoint.ts";
import { ApiError } from "./apiError.ts";
import type { CarriedCommitment, CarriedOpening, CarriedStore } from "./carriedStore.ts";
import { sessionOf, type World } from "./world.ts";

const word = z.string().regex(/^0x[0-9a-f]{64}$/i, "wanted 0x and 64 hex digits");
const place = {
  task: z
    .string()
    .regex(/^\d{1,20}$/, "wanted a task's number as text")
    .transform(BigInt)
    .refine((task) => task < 1n << 64n, "wanted a task's number as text"),
  seat: z.int().min(0).max(8),
  node: z.int().min(1).max(0xff_ffff),
};
const commitmentSchema = z.object({ ...place, commitment: word, r: word, vs: word });
const openingSchema = z.object({
  ...place,
  answers: z
    .string()
    .regex(/^0x([0-9a-f]{2})*$/i, "wanted 0x and hex digits")
    .max(2 + 2 * 68 * 1024),
  claim: word,
  salt: word,
});

const BYTES_PER_ANSWER = 68;
const TOKENS_HEX_PER_PROMPT = 6;

/** Takes what nodes hand in, if it is what the chain will accept. A refusal with status 503 says: the same later. */
export class CarriedItems {
  readonly #world: World;
  readonly #store: CarriedStore;
  readonly #sessions: readonly number[];
  readonly #domain: Domain;
  readonly #onTaken: () => void;
  readonly #onAnswers: (digests: Digest[]) => void;

  constructor({
    world,
    store,
    sessions,
    domain,
    onTaken,
    onAnswers = () => undefined,
  }: {
    world: World;
    store: CarriedStore;
    sessions: readonly number[];
    domain: Domain;
    onTaken: () => void;
    /** Told which answers were opened. */
    onAnswers?: (digests: Digest[]) => void;
  }) {
    this.#world = world;
    this.#store = store;
    this.#sessions = sessions;
    this.#domain = domain;
    this.#onTaken = onTaken;
    this.#onAnswers = onAnswers;
  }

  /** On disk when it resolves. The signature must be the seat's operator's. Throws ApiError. */
  async takeCommitment(body: unknown): Promise<void> {
    const item: CarriedCommitment = parsed(commitmentSchema, body);
    const entry = this.#entry(item.task);
    const same = ({ seat, commitment }: { seat: number; commitment: string }) => seat === item.seat && sameHex(commitment, item.commitment);
    if (entry.commits.some(same)) return;
    const held = this.#store.commitments(item.task).find(({ seat }) => seat === item.seat);
    if (held !== undefined && same(held)) return;
    await this.#checkSeat(entry, item);
    if (held !== undefined || entry.commits.some(({ seat }) => seat === item.seat))
      throw refusal(409, "SeatTaken", `seat ${item.seat} of task ${item.task} has another commitment already`);
    const phase = phaseOf(await this.#world.facts(item.task), this.#world.next);
    if (phase === Phase.Queued) throw later(`the committee of task ${item.task} is not known yet`);
    if (phase !== Phase.Committing) throw refusal(409, "TooLate", `commits for task ${item.task} have closed`);
    this.#store.saveCommitment(item);
    crashPoint("commitmentTaken");
    this.#onTaken();
  }

  /** On disk when it resolves. The opening must make the commitment that is on chain. Throws ApiError. */
  takeOpening(body: unknown): void {
    const item: CarriedOpening = parsed(openingSchema, body);
    const { task, seat, node, answers, claim, salt } = item;
    const { attempt, terms, commits } = this.#entry(task);
    const committed = commits.find((commit) => commit.seat === seat);
    if (committed === undefined) throw later(`the commitment of seat ${seat} of task ${task} is not on chain here yet`);
    const wanted = ((terms.promptTokens.length - 2) / TOKENS_HEX_PER_PROMPT) * BYTES_PER_ANSWER;
    if (dataLength(answers) !== wanted)
      throw refusal(422, "OpeningMismatch", `found ${dataLength(answers)} bytes of answers, wanted ${wanted}`);
    const found = commitmentOf(this.#domain, task, node, terms, answers, claim, salt, attempt);
    if (committed.node !== node || !sameHex(found, committed.commitment))
      throw refusal(
        422,
        "OpeningMismatch",
        `found an opening that makes ${found}, wanted ${committed.commitment} of node ${committed.node}`,
      );
    this.#store.saveOpening(item);
    crashPoint("openingTaken");
    this.#onAnswers(decodeAnswers(answers).map(({ digest }) => digest as Digest));
    this.#onTaken();
  }

  #entry(task: bigint): TaskEntry {
    const { book, head } = this.#world;
    if (head === undefined) throw later("the router has not read the chain yet");
    if (!this.#sessions.includes(sessionOf(task))) throw refusal(404, "NotCarried", `task ${task} is of another session`);
    const entry = book.tasks.get(task);
    if (entry === undefined) {
      const newest = [...book.tasks.keys()].reduce((most, known) => (known > most ? known : most), 0n);
      if (task > newest) throw later(`task ${task} is not known here yet`);
      throw refusal(404, "NotCarried", `task ${task} ended long ago`);
    }
    if (entry.settled !== undefined) throw refusal(409, "TaskEnded", `task ${task} has ended`);
    if (!this.#world.isOwn(entry)) throw refusal(404, "NotCarried", `task ${task} was submitted by somebody else`);
    return entry;
  }

  async #checkSeat(entry: TaskEntry, { seat, node, commitment, r, vs }: CarriedCommitment): Promise<void> {
    const members = await this.#world.committee(entry);
    if (members === undefined) throw later(`the committee of task ${entry.task} is not known yet`);
    const member = members[seat];
    if (member?.node !== node) throw refusal(403, "NotSeated", `node ${node} does not sit in seat ${seat} of task ${entry.task}`);
    if (signerOf(commitDigest(this.#domain, entry.task, node, commitment), r, vs) !== member.operator)
      throw refusal(403, "NotSigned", `the commitment is not signed by ${member.operator}, who operates node ${node}`);
  }
}

function signerOf(digest: string, r: string, vs: string): string | undefined {
  try {
    return recoverAddress(digest, Signature.from({ r, yParityAndS: vs }));
  } catch {
    return undefined;
  }
}

function parsed<T extends z.ZodType>(schema: T, body: unknown): z.output<T> {
  const outcome = schema.safeParse(body);
  if (outcome.success) return outcome.data;
  const issue = outcome.error.issues[0]!;
  throw new ApiError(400, `${issue.path.join(".") || "body"}: ${issue.message}`, { code: "InvalidItem", param: issue.path.join(".") });
}

const sameHex = (a: string, b: string) => a.toLowerCase() === b.toLowerCase();
const refusal = (status: number, code: string, message: string) => new ApiError(status, message, { code });
const later = (message: string) => new ApiError(503, `${message}; try again`, { code: "NotYet", retryAfter: 1 });
