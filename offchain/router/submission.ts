import { id as hashOf, type TransactionReceipt } from "ethers";
import { interfaces } from "../chain/abis.ts";
import type { Sender } from "../chain/sender.ts";
import type { SenderStore } from "../chain/senderStore.ts";
import type { SessionView, Views } from "../chain/views.ts";
import { decodePromptTokens } from "../protocol/answers.ts";
import { taskQueued } from "../protocol/events.ts";
import { worstCase } from "../protocol/price.ts";
import { encodeTerms } from "../protocol/terms.ts";
import type { TaskTerms } from "../protocol/types.ts";
import { ApiError, insufficientFunds, noLease } from "./apiError.ts";
import type { World } from "./world.ts";

/** One task, as Session takes it. */
export interface TaskRequest {
  /** sha256 of the manifest. */
  manifest: string;
  /** Three bytes big-endian per prompt, as 0x hex. */
  promptTokens: string;
  maxTokens: number;
}

/** A task that is on chain, and the transaction that brought it there. */
export interface Submitted {
  task: bigint;
  transaction: string;
  terms: TaskTerms;
  /** The block that decides the committee. */
  seedBlock: number;
  /** The block that it is in. */
  block: number;
  /** When it was broadcast by this process, by performance.now(). */
  broadcastAt?: number | undefined;
}

export interface SubmissionParts {
  sender: Pick<Sender, "send">;
  /** The sender's journal: what was sent, also by an earlier process. */
  sent: Pick<SenderStore, "byId">;
  world: World;
  views: Pick<Views, "sessionBalance">;
  /** When a transaction was broadcast by this process, by performance.now(). */
  broadcasts: Pick<Broadcasts, "take">;
  /** Address of Session. */
  sessionContract: string;
  session: number;
}

/** The mark that a task bears which was submitted under a name. */
export const referenceOf = (name: string): string => hashOf(name);

const MOST_BROADCASTS = 1_000;

/** Notes when transactions are broadcast. */
export class Broadcasts {
  readonly #at = new Map<string, number>();

  readonly note = (id: string): void => {
    this.#at.set(id, performance.now());
    if (this.#at.size > MOST_BROADCASTS) this.#at.delete(this.#at.keys().next().value!);
  };

  take(id: string): number | undefined {
    const at = this.#at.get(id);
    this.#at.delete(id);
    return at;
  }
}

/** Until when a submission must be mined, by the chain's clock, and some more by this machine's. */
const SUBMIT_SECONDS = 60;
const SLACK_SECONDS = 15;

/** Submits tasks as a router of the session. */
export class Submission {
  readonly #parts: SubmissionParts;

  constructor(parts: SubmissionParts) {
    this.#parts = parts;
  }

  /** The session as of the last head. Throws ApiError 503 where it cannot take tasks. */
  get session(): SessionView {
    const session = this.#parts.world.sessions.get(this.#parts.session);
    if (session === undefined)
      throw new ApiError(503, "the router has not read the chain yet; try again", { code: "starting", retryAfter: 1 });
    if (session.closed) throw new ApiError(503, "the session is closed; its owner must open another", { code: "session_closed" });
    return session;
  }

  /**
   * Resolves when the task is mined. The same name is never submitted twice. Throws ApiError (402, 503, 504), ChainError, or the signal's reason.
   */
  async submit(request: TaskRequest, name: string, signal: AbortSignal): Promise<Submitted> {
    const { sender, sessionContract, session, world } = this.#parts;
    await this.#checkMeans(request);
    signal.throwIfAborted();
    const clientReference = referenceOf(name);
    const data = interfaces.Session.encodeFunctionData("submit", [session, { ...request, clientReference }]);
    const deadline = world.next.timestamp + SUBMIT_SECONDS;
    const id = `submit:${name}`;
    const receipt = await withinTime(sender.send({ id, to: sessionContract, data, deadline }), signal);
    return { ...submittedIn(receipt, clientReference), broadcastAt: this.#parts.broadcasts.take(id) };
  }

  /** What was submitted under a name, also by an earlier process; undefined where nothing came of it. Throws what `submit` throws. */
  async rejoin(name: string, signal: AbortSignal): Promise<Submitted | undefined> {
    const { sent, sender } = this.#parts;
    const found = () => {
      const row = sent.byId(`submit:${name}`);
      return row?.state === "dropped" || row?.state === "reverted" ? undefined : row;
    };
    const row = found();
    if (row === undefined) return undefined;
    const { id, to, data } = row;
    try {
      return submittedIn(await withinTime(sender.send({ id, to, data }), signal), referenceOf(name));
    } catch (error) {
      if (found() === undefined) return undefined;
      throw error;
    }
  }

  /** Takes a task back, which works until its seed block is mined; everything is refunded then. Throws ChainError. */
  async cancel({ task, terms, seedBlock }: Submitted): Promise<void> {
    const { sender, sessionContract, world } = this.#parts;
    if (world.next.blockNumber > seedBlock) return;
    const data = interfaces.Session.encodeFunctionData("cancel", [task, encodeTerms(terms)]);
    await sender.send({ id: `cancel:${task}`, to: sessionContract, data });
  }

  /** Most that prompts of so many tokens can cost in one task, COR base units. */
  worstCase(promptTokens: number[], maxTokens: number): bigint {
    const { rules } = this.session;
    const tokens = promptTokens.reduce((sum, count) => sum + count + maxTokens, 0);
    return worstCase(BigInt(tokens), rules.price, rules.redundancy, rules.bounty);
  }

  /** What the contracts would refuse is refused before gas is spent; they have the last word all the same. */
  async #checkMeans({ promptTokens, maxTokens }: TaskRequest): Promise<void> {
    const { rules, leaseUntil, lease } = this.session;
    const { views, session, world } = this.#parts;
    const need = this.worstCase(decodePromptTokens(promptTokens), maxTokens);
    const { available } = await views.sessionBalance(session);
    if (available < need) throw insufficientFunds(String(available), String(need));
    const last = world.next.timestamp + rules.commitWindow + rules.revealWindow;
    if (rules.leased && (lease === 0 || last >= leaseUntil)) throw noLease();
  }
}

function submittedIn(receipt: TransactionReceipt, clientReference: string): Submitted {
  const queued = receipt.logs
    .map((log) => interfaces.SessionQueue.parseLog(log))
    .flatMap((event) => (event?.name === "TaskQueued" ? taskQueued(event.args as unknown as Record<string, unknown>) : []))
    .find((event) => event.clientReference === clientReference);
  if (queued === undefined) throw new Error(`found no TaskQueued of ${clientReference} in transaction ${receipt.hash}`);
  const { task, terms, seedBlock } = queued;
  return { task, transaction: receipt.hash, terms, seedBlock, block: receipt.blockNumber };
}

async function withinTime(sent: Promise<TransactionReceipt>, signal: AbortSignal): Promise<TransactionReceipt> {
  const timeout = AbortSignal.timeout((SUBMIT_SECONDS + SLACK_SECONDS) * 1_000);
  const { promise, reject } = Promise.withResolvers<never>();
  const onAbort = () => reject(signal.reason as Error);
  signal.addEventListener("abort", onAbort, { once: true });
  timeout.addEventListener("abort", () =>
    reject(new ApiError(504, "the chain did not take the task in time; it may still do so", { code: "submit_expired", retryAfter: 5 })),
  );
  try {
    return await Promise.race([sent, promise]);
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}
