import { type Interface, keccak256 } from "ethers";
import { interfaces } from "../chain/abis.ts";
import type { Deployment } from "../chain/deployment.ts";
import { ChainRevert } from "../chain/errors.ts";
import type { Sender } from "../chain/sender.ts";
import type { TaskEntry } from "../chain/taskBook.ts";
import type { Domain } from "../protocol/commitment.ts";
import { buildHandover, encodeHandover } from "../protocol/handover.ts";
import type { Facts } from "../protocol/types.ts";
import { oneLine } from "../runtime/exit.ts";
import type { Logger } from "../runtime/log.ts";
import type { CarriedStore } from "./carriedStore.ts";
import type { CarrierAction, CarrierSight } from "./carrier.ts";
import { secretsOf } from "./secrets.ts";
import type { LeaseAction } from "./upkeep.ts";
import type { World } from "./world.ts";

export interface ExecutorParts {
  deployment: Deployment;
  leaseSeconds: number;
  sender: Sender;
  world: World;
  store: CarriedStore;
  log: Logger;
}

/** One kind of act on one task, on its way or tried before. */
interface Attempt {
  seats: number;
  /** Transactions on their way. */
  running: number;
  count: number;
  /** Not again before, by performance.now(). */
  until: number;
}

const EVERY_SEAT = 0xffff;
const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 8_000;
/** A reveal that settles costs more than was simulated, and a list skips silently what runs out of gas. */
const SETTLING_HEADROOM = 1_500_000n;

type Kind = "commit" | "reveal" | "settle";

/** Carries actions out, each once at a time, with growing pauses between attempts. */
export class Executor {
  /** How many transactions of each kind were mined, and how many failed. */
  readonly counters: Record<string, { done: number; failed: number }> = {};
  readonly #parts: ExecutorParts;
  readonly #domain: Domain;
  readonly #attempts = new Map<string, Attempt>();
  readonly #leases = new Map<number, Attempt>();

  constructor(parts: ExecutorParts) {
    this.#parts = parts;
    this.#domain = { chainId: parts.deployment.chainId, queue: parts.deployment.addresses.SessionQueue };
  }

  /** What is known about a task, for `decide`. */
  sight({ entry, facts }: { entry: TaskEntry; facts: Facts }): CarrierSight {
    const { task, terms } = entry;
    const commitments = bitmap(this.#parts.store.commitments(task).map(({ seat }) => seat));
    const busy = (kind: Kind) => {
      const attempt = this.#attempts.get(`${kind}:${task}`);
      if (attempt === undefined) return 0;
      if (performance.now() < attempt.until) return EVERY_SEAT;
      return attempt.running > 0 ? attempt.seats : 0;
    };
    return {
      task,
      terms,
      facts,
      commitments,
      openings: bitmap([...secretsOf(entry, this.#parts.store, this.#domain).keys()]),
      carrying: { commitments: busy("commit"), openings: busy("reveal"), settling: busy("settle") !== 0 },
    };
  }

  run(actions: CarrierAction[]): void {
    for (const action of actions)
      this.#act(action).catch((error: unknown) => this.#parts.log.error({ act: action.kind, error: oneLine(error) }, "cannot be sent"));
  }

  async #act(action: CarrierAction): Promise<void> {
    if (action.kind === "settle") await this.#settle(action.task);
    else if (action.kind === "commit") await this.#commit(action.tasks);
    else await this.#reveal(action.tasks);
  }

  /** Takes care of a session's lease; one act at a time. */
  runLease(session: number, { kind, reason }: LeaseAction): void {
    const attempt = this.#leases.get(session) ?? { seats: 0, running: 0, count: 0, until: 0 };
    this.#leases.set(session, attempt);
    if (kind === "wait" || attempt.running > 0 || performance.now() < attempt.until) return;
    const { deployment, leaseSeconds, world } = this.#parts;
    const { Session, NodePool } = deployment.addresses;
    const { seedBlock, lease } = world.sessions.get(session)!;
    const acts: Record<typeof kind, [id: string, to: string, abi: Interface, args: unknown[]]> = {
      reserve: [`reserve:${session}:${world.head!.number}`, Session, interfaces.Session, [session, leaseSeconds, 0]],
      drawLease: [`draw:${session}:${seedBlock}`, Session, interfaces.Session, [session]],
      cancelReservation: [`cancel:${session}:${seedBlock}`, Session, interfaces.Session, [session]],
      collect: [`collect:${lease}`, NodePool, interfaces.NodePool, [lease]],
    };
    const [id, to, abi, args] = acts[kind];
    void this.#tracked(kind, [attempt], { reason }, async () => {
      await this.#send(id, to, abi.encodeFunctionData(kind, args));
      attempt.count = 0;
    });
  }

  async #commit(tasks: { task: bigint; seats: number }[]): Promise<void> {
    const { store, world } = this.#parts;
    const carried = tasks.map(({ task, seats }) => ({
      task,
      commitments: store.commitments(task).filter(({ seat }) => (seats >> seat) & 1),
    }));
    const deadline = Math.max(...tasks.map(({ task }) => world.book.tasks.get(task)?.deadline ?? 0));
    await this.#queue("commit", "commitMany", [carried], tasks, { deadline, headroom: 100_000n });
  }

  /** What failed in a list before goes alone, so that the contract says why. */
  async #reveal(tasks: { task: bigint; seats: number }[]): Promise<void> {
    const again = tasks.filter(({ task }) => (this.#attempts.get(`reveal:${task}`)?.count ?? 0) > 0);
    const fresh = tasks.filter((one) => !again.includes(one));
    const lists = [...again.map((one) => [one]), ...(fresh.length === 0 ? [] : [fresh])];
    await Promise.all(
      lists.map(async (list) => {
        const handovers = list.map(({ task }) => {
          const entry = this.#parts.world.book.tasks.get(task)!;
          return encodeHandover(buildHandover(task, entry.terms, entry.commits, secretsOf(entry, this.#parts.store, this.#domain)));
        });
        const headroom = SETTLING_HEADROOM * BigInt(list.length);
        if (list.length === 1) await this.#queue("reveal", "reveal", handovers, list, { headroom });
        else await this.#queue("reveal", "revealMany", [handovers], list, { headroom });
      }),
    );
  }

  /** Settling takes exactly the openings that are on chain. */
  async #settle(task: bigint): Promise<void> {
    const { terms, commits, openings } = this.#parts.world.book.tasks.get(task)!;
    const handover = encodeHandover(buildHandover(task, terms, commits, openings));
    await this.#queue("settle", "settle", [handover], [{ task, seats: EVERY_SEAT }], { headroom: SETTLING_HEADROOM });
  }

  async #queue(
    kind: Kind,
    method: string,
    args: unknown[],
    tasks: { task: bigint; seats: number }[],
    options: { headroom: bigint; deadline?: number },
  ): Promise<void> {
    const attempts = tasks.map(({ task, seats }) => {
      const key = `${kind}:${task}`;
      const attempt = this.#attempts.get(key) ?? { seats: 0, running: 0, count: 0, until: 0 };
      this.#attempts.set(key, attempt);
      attempt.seats = attempt.running > 0 ? attempt.seats | seats : seats;
      return attempt;
    });
    const tried = Math.max(...attempts.map(({ count }) => count));
    const data = interfaces.SessionQueue.encodeFunctionData(method, args);
    const id = `${kind}:${keccak256(data).slice(2, 18)}:${tried}`;
    const { SessionQueue } = this.#parts.deployment.addresses;
    await this.#tracked(
      kind,
      attempts,
      { tasks: tasks.map(({ task }) => String(task)) },
      async () => await this.#send(id, SessionQueue, data, options),
    );
  }

  /** Never rejects. An attempt that took effect is not decided on again, so every attempt ends in a pause, which no success will wait for. */
  async #tracked(kind: string, attempts: Attempt[], about: object, act: () => Promise<void>): Promise<void> {
    const counter = (this.counters[kind] ??= { done: 0, failed: 0 });
    for (const attempt of attempts) attempt.running++;
    try {
      await act();
      counter.done++;
      this.#parts.log.info({ act: kind, ...about }, "done");
    } catch (error) {
      counter.failed++;
      // Nodes and keepers act too; who comes second is refused.
      const level = error instanceof ChainRevert ? "info" : "warn";
      this.#parts.log[level]({ act: kind, ...about, code: (error as { code?: string }).code, error: oneLine(error) }, "not done");
    }
    for (const attempt of attempts) {
      attempt.running--;
      attempt.until = performance.now() + Math.min(FIRST_PAUSE_MS * 2 ** attempt.count++, LONGEST_PAUSE_MS);
    }
  }

  /** Resolves once the transaction's events have been taken in, so that what is decided next knows of it. */
  async #send(id: string, to: string, data: string, options: { headroom?: bigint; deadline?: number } = {}): Promise<void> {
    const { sender, world } = this.#parts;
    const receipt = await sender.send({ id, to, data, ...options });
    await world.arrivals.reached(receipt.blockNumber);
  }

  /** Drops what is remembered about a task that ended long ago. */
  forget(task: bigint): void {
    for (const kind of ["commit", "reveal", "settle"]) this.#attempts.delete(`${kind}:${task}`);
  }
}

const bitmap = (seats: number[]): number => seats.reduce((all, seat) => all | (1 << seat), 0);
