import type { SigningKey } from "ethers";
import { interfaces, type ModuleName } from "../chain/abis.ts";
import type { Deployment } from "../chain/deployment.ts";
import type { Head } from "../chain/cursor.ts";
import type { Sender } from "../chain/sender.ts";
import type { Intent } from "../chain/senderStore.ts";
import type { TaskEntry } from "../chain/taskBook.ts";
import type { Digest } from "../content/contentId.ts";
import type { KeyBoxes } from "../content/keyBoxes.ts";
import type { LiveAnswers } from "../content/live.ts";
import { HttpPeer } from "../content/httpPeer.ts";
import { LayeredStore } from "../content/layeredStore.ts";
import type { LocalStore } from "../content/localStore.ts";
import type { Engine } from "../inference/engine.ts";
import { MAX_CLAIM_BYTES } from "../protocol/claim.ts";
import { buildHandover, encodeHandover } from "../protocol/handover.ts";
import { encodeTerms } from "../protocol/terms.ts";
import { oneLine } from "../runtime/exit.ts";
import type { Logger } from "../runtime/log.ts";
import { CarrierError, handCommitment, handOpening } from "./carrierClient.ts";
import type { Journal, Work } from "./journal.ts";
import type { MinerAction } from "./roles/miner.ts";
import type { OracleAction } from "./roles/oracle.ts";
import { makeWork, TermsUntrue } from "./work.ts";
import type { World } from "./world.ts";

export type Action = MinerAction | OracleAction;

export interface ActsParts {
  deployment: Deployment;
  node: number;
  engine: Engine;
  sender: Sender;
  journal: Journal;
  world: World;
  /** Results that nobody may see yet. */
  results: LocalStore;
  /** What the content routes serve. */
  content: LocalStore;
  live?: LiveAnswers;
  boxes?: KeyBoxes;
  key: SigningKey;
  log: Logger;
  poison?: string | undefined;
}

/** A reveal that settles costs more than the one that was simulated before the others came in. */
const SETTLING_HEADROOM = 1_500_000n;

/** How each action is carried out. What goes out twice, because a process died or an answer got lost, does no harm. */
export class Acts {
  readonly #parts: ActsParts;

  constructor(parts: ActsParts) {
    this.#parts = parts;
  }

  /** Does what the action says; resolves when the chain or the carrier has it. Throws what the edges throw. */
  async act(action: Action, head: Head, signal: AbortSignal): Promise<void> {
    if (action.kind === "drawLease")
      return await this.#send(`draw:${action.session}:${action.seedBlock}`, "Session", "drawLease", [action.session]);
    if (action.kind === "collect") return await this.#send(`collect:${action.lease}`, "NodePool", "collect", [action.lease]);
    const entry = this.#parts.world.book.tasks.get(action.task);
    if (entry === undefined || action.kind === "wait") return;
    const { task, terms, commits, openings, deadline } = entry;
    if (action.kind === "assign")
      return await this.#send(`assign:${task}`, "SessionQueue", "assign", [task, encodeTerms(terms)], { deadline });
    if (action.kind === "settle") {
      const handover = encodeHandover(buildHandover(task, terms, commits, openings));
      return await this.#send(`settle:${task}`, "SessionQueue", "settle", [handover], { headroom: SETTLING_HEADROOM });
    }
    if (action.kind === "infer") return await this.#infer(entry, action.seat, signal);
    const work = this.#parts.journal.work(task, action.seat, entry.attempt);
    if (work === undefined) return;
    if (action.kind === "commit")
      return await this.#send(`commit:${task}:${work.seat}`, "SessionQueue", "commit", [task, work.seat, work.commitment], { deadline });
    if (action.kind === "reveal") return await this.#reveal(entry, work);
    await this.#hand(action.kind, entry, work, head, signal);
  }

  async #infer(entry: TaskEntry, seat: number, signal: AbortSignal): Promise<void> {
    const { engine, results, content, live, boxes, key, poison, deployment, node, world, journal, log } = this.#parts;
    const { task, terms } = entry;
    const domain = { chainId: deployment.chainId, queue: deployment.addresses.SessionQueue };
    const source = new LayeredStore(
      content,
      world.sourcesOf(entry).map((base) => new HttpPeer(base)),
    );
    const parts = { engine, source, results, live, boxes, key, domain, poison };
    const work = await makeWork(task, entry.attempt, terms, seat, node, parts, signal).catch((error: unknown) => {
      if (error instanceof TermsUntrue || permanent(error)) world.progress(task).refused = true;
      throw error;
    });
    const committed = entry.commits.find((commit) => commit.seat === seat)?.commitment;
    if (committed !== undefined && committed !== work.commitment) {
      world.progress(task).lost = true;
      log.error(
        { task: String(task), seat, found: work.commitment, wanted: committed },
        "answered anew, and the commitment on chain is another one",
      );
      return;
    }
    journal.saveWork(work);
  }

  async #reveal({ task, terms, commits, openings, deadline }: TaskEntry, work: Work): Promise<void> {
    await this.#release(work);
    const handover = encodeHandover(buildHandover(task, terms, commits, new Map([...openings, [work.seat, work]])));
    await this.#send(`reveal:${task}:${work.seat}`, "SessionQueue", "reveal", [handover], {
      headroom: SETTLING_HEADROOM,
      deadline: deadline + terms.revealWindow,
    });
  }

  async #hand(kind: "handCommitment" | "handOpening", entry: TaskEntry, work: Work, head: Head, signal: AbortSignal): Promise<void> {
    const { world } = this.#parts;
    const carrier = world.carrierOf(entry);
    if (carrier === undefined) return;
    const progress = world.progress(entry.task);
    try {
      if (kind === "handCommitment") {
        await handCommitment(carrier, work, signal);
        progress.handed.commitmentAt = head.timestamp;
        return;
      }
      await this.#release(work);
      await this.#offer(work, carrier, signal);
      await handOpening(carrier, work, signal);
      progress.handed.openingAt = head.timestamp;
    } catch (error) {
      if (error instanceof CarrierError && error.refused) progress.carrierRefused = true;
      throw error;
    }
  }

  /** Lets everybody read the results: commits have closed, so nobody can copy them. */
  async #release({ contents }: Work): Promise<void> {
    const { results, content } = this.#parts;
    for (const digest of contents) await content.put(await results.get(digest as Digest, { maxBytes: MAX_CLAIM_BYTES }));
  }

  /** Gives the results to the carrier, which shows them to the client. One that takes no content can still carry. */
  async #offer({ contents, task }: Work, carrier: string, signal: AbortSignal): Promise<void> {
    const { results, log } = this.#parts;
    const peer = new HttpPeer(carrier);
    for (const digest of contents) {
      const bytes = await results.get(digest as Digest, { maxBytes: MAX_CLAIM_BYTES });
      await peer.put(bytes, { signal }).catch((error: unknown) => {
        log.warn({ task: String(task), digest, error: oneLine(error) }, "the carrier did not take a result");
      });
    }
  }

  async #send(
    id: string,
    module: ModuleName,
    method: string,
    args: unknown[],
    limits: Pick<Intent, "headroom" | "deadline"> = {},
  ): Promise<void> {
    const { sender, deployment } = this.#parts;
    const data = interfaces[module].encodeFunctionData(method, args);
    await sender.send({ id, to: deployment.addresses[module], data, ...limits });
  }
}

/** What no later attempt can cure. */
function permanent(error: unknown): boolean {
  const { code } = error as { code?: string };
  return code === "ManifestInvalid" || code === "ManifestTooLarge" || code === "PromptTooLong" || code === "InvalidRequest";
}
