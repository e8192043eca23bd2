import { createHash, randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { canonicalJson } from "../protocol/canonicalJson.ts";
import { crashPoint } from "../runtime/crashPoint.ts";
import { oneLine } from "../runtime/exit.ts";
import type { Logger } from "../runtime/log.ts";
import type { Caller } from "./access.ts";
import { shareOf } from "./answer.ts";
import { ApiError, toApiError } from "./apiError.ts";
import type { Batcher } from "./batcher.ts";
import type { PlaceJournal } from "./completions.ts";
import { dayOf, type DayUsage, type PlaceRow, type RequestRow, type RequestStore } from "./requestStore.ts";
import type { Submission } from "./submission.ts";

export interface AccountParts {
  store: RequestStore;
  submission: Submission;
  batcher: Batcher;
  /** Ends everything. */
  stopping: AbortSignal;
  log: Logger;
}

/** What a request came to. */
export interface Outcome {
  reply: object;
  promptTokens: number;
  completionTokens: number;
}

/** A request that is to be answered and paid for. */
export interface Wanted {
  caller: Caller;
  endpoint: string;
  body: unknown;
  /** The value of the header Idempotency-Key. */
  idempotency: string | undefined;
  /** Neither body nor reply are kept; the same request finds the same task and is answered from it again. For streams, and for what is sealed. */
  unkept: boolean;
  /** Its client was told to ask for the outcome later: whatever it is, it is kept. */
  promised?: boolean;
  /** The client went away. */
  gone: AbortSignal;
}

/** Answers it; `admit` must be called with the most that it can cost before anything is submitted. */
export type Work = (context: { signal: AbortSignal; journal: PlaceJournal; admit: (worstCase: bigint) => void }) => Promise<Outcome>;

const KEPT_SECONDS = 24 * 3_600;
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 60_000;

/** Remembers requests: what they hold and cost, and which of them are the same. */
export class Accounts {
  readonly #parts: AccountParts;
  readonly #running = new Map<string, Promise<Outcome>>();
  /** Ids of requests that are being worked on, and so need not be followed. */
  readonly #worked = new Set<string>();

  constructor(parts: AccountParts) {
    this.#parts = parts;
  }

  /** The reply; the kept one where the same request was answered before. Throws what the work throws, ApiError 402 and 422. */
  async answer(wanted: Wanted, work: Work): Promise<{ reply: object; replayed: boolean }> {
    const { caller, idempotency, gone, unkept } = wanted;
    const bodyHash = createHash("sha256")
      .update(canonicalJson({ endpoint: wanted.endpoint, body: wanted.body }))
      .digest("hex");
    if (idempotency === undefined) return { reply: (await this.#run(wanted, bodyHash, undefined, work, gone)).reply, replayed: false };
    const name = `${caller.id}:${idempotency}`;
    const known = this.#parts.store.byIdempotency(caller.id, idempotency);
    if (known !== undefined && known.bodyHash !== bodyHash)
      throw new ApiError(422, "found another request under this Idempotency-Key, wanted the same one; take a new key", {
        code: "idempotency_mismatch",
        param: "Idempotency-Key",
      });
    if (known?.reply != null && !unkept) {
      const reply = JSON.parse(known.reply) as object;
      if (known.status !== 200) throw replayed(known.status!, reply as { error: Record<string, unknown> });
      return { reply, replayed: true };
    }
    const running = this.#running.get(name);
    if (running !== undefined && !unkept) return { reply: (await untilGone(running, gone)).reply, replayed: true };
    // The client may come back for it, so that its going away ends nothing.
    const done = this.#run(wanted, bodyHash, known, work, unkept ? gone : new AbortController().signal);
    this.#running.set(name, done);
    done.catch(() => undefined).finally(() => this.#running.delete(name));
    return { reply: (await untilGone(done, gone)).reply, replayed: known !== undefined };
  }

  /** What a key used and holds today. */
  usage(key: string): DayUsage & { held: bigint } {
    return { ...this.#parts.store.usage(key, dayOf(Date.now())), held: this.#parts.store.held(key) };
  }

  /** A request that came with a name: whether it still runs, and its reply or error. */
  found(key: string, idempotency: string): { open: boolean; status: number | null; reply: object | null; createdAt: number } | undefined {
    const row = this.#parts.store.byIdempotency(key, idempotency);
    if (row === undefined) return undefined;
    const { state, status, reply, createdAt } = row;
    const open = state === "open" || this.#running.has(`${key}:${idempotency}`);
    return { open, status, reply: reply === null ? null : (JSON.parse(reply) as object), createdAt };
  }

  /**
   * Takes up what a process before this one left open: every request reaches its end, and is charged what the chain charged.
   * `resume`: the work of a request that goes on without its client. It begins with `ready`: before the chain was read, all work is refused.
   */
  recover(resume: (row: RequestRow) => Work | undefined, ready: Promise<void>): void {
    const { store, log } = this.#parts;
    store.prune(Math.floor(Date.now() / 1_000) - KEPT_SECONDS);
    const left = store.opened();
    if (left.length > 0) log.info({ requests: left.length }, "taking up requests that were left open");
    for (const row of left) {
      const work = row.body === null ? undefined : resume(row);
      if (work === undefined) this.#follow(row.id, 499, null, true);
      else this.#resume(row, async (context) => await ready.then(async () => await work(context)));
    }
  }

  #resume(row: RequestRow, work: Work): void {
    const { key, idempotency, endpoint, bodyHash } = row;
    const caller: Caller = { id: key, name: key, scopes: [] };
    const gone = new AbortController().signal;
    const asked = { caller, endpoint, body: JSON.parse(row.body!) as unknown, idempotency: idempotency ?? undefined };
    const wanted: Wanted = { ...asked, unkept: false, promised: true, gone };
    const name = `${key}:${idempotency}`;
    const done = this.#run(wanted, bodyHash, row, work, gone);
    this.#running.set(name, done);
    done.catch(() => undefined).finally(() => this.#running.delete(name));
  }

  async #run(wanted: Wanted, bodyHash: string, known: RequestRow | undefined, work: Work, gone: AbortSignal): Promise<Outcome> {
    const { store, stopping } = this.#parts;
    const { caller, endpoint, body, idempotency = null } = wanted;
    const id = known?.id ?? randomUUID();
    let opened = known !== undefined;
    const admit = (worstCase: bigint) => {
      if (opened) return;
      this.#checkCap(caller, worstCase);
      const row = { id, key: caller.id, idempotency, bodyHash, endpoint, createdAt: Math.floor(Date.now() / 1_000), held: worstCase };
      store.open({ ...row, body: idempotency === null || wanted.unkept ? null : JSON.stringify(body) });
      opened = true;
    };
    this.#worked.add(id);
    try {
      const outcome = await work({ signal: AbortSignal.any([gone, stopping]), journal: this.#journal(id), admit });
      const { reply, promptTokens, completionTokens } = outcome;
      if (opened)
        store.end(id, {
          status: 200,
          reply: idempotency === null || wanted.unkept ? null : JSON.stringify(reply),
          promptTokens,
          completionTokens,
        });
      crashPoint("requestClosed");
      return outcome;
    } catch (error) {
      if (opened) this.#failed(id, toApiError(error), wanted);
      throw error;
    } finally {
      this.#worked.delete(id);
    }
  }

  /** Nothing on chain, and nothing promised: forgotten. Something may still run: followed. Else it is over. */
  #failed(id: string, error: ApiError, { idempotency, unkept, promised = false }: Wanted): void {
    const { store, stopping } = this.#parts;
    if (stopping.aborted) return;
    const unsent = store.places(id).every(({ task }) => task === null);
    const lasting = !unsent && idempotency !== undefined && !unkept && error.status !== 499 && error.status !== 503;
    this.#follow(id, error.status, promised || lasting ? JSON.stringify(error.body) : null, unsent && !promised);
  }

  /** Waits for the ends of a request's tasks in the background, and closes it. What keeps it from that passes, or the router ends. */
  #follow(id: string, status: number, reply: string | null, forget = false): void {
    const { store, stopping, log } = this.#parts;
    Promise.all(store.places(id).map(async (place) => await this.#placeEnded(id, place)))
      .then((found) => {
        // Its client came again.
        if (this.#worked.has(id)) return;
        if (forget && !found.includes(true)) store.drop(id);
        else store.end(id, { status, reply, promptTokens: 0, completionTokens: 0 });
      })
      .catch((error: unknown) => {
        if (!stopping.aborted)
          log.error({ request: id, error: oneLine(error) }, "the end of a request cannot be written down; a restart asks again");
      });
  }

  /** Charges what a place came to, once its task has ended. False where nothing came of it. Throws once the router ends. */
  async #placeEnded(id: string, { name, prompt, charged }: PlaceRow): Promise<boolean> {
    const { store, submission, batcher, stopping, log } = this.#parts;
    if (charged !== null) return true;
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_MS)) {
      try {
        const submitted = await submission.rejoin(name, stopping);
        if (submitted === undefined) return false;
        store.charge(id, name, prompt, shareOf(await batcher.endedAtLast(submitted, name), prompt));
        return true;
      } catch (error) {
        stopping.throwIfAborted();
        log.warn({ request: id, error: oneLine(error) }, "the end of a request is not known yet; asking again");
        await delay(pause, undefined, { signal: stopping });
      }
    }
  }

  #checkCap({ id, spendPerDay }: Caller, worstCase: bigint): void {
    if (spendPerDay === undefined) return;
    const { charged, held } = this.usage(id);
    const left = spendPerDay - charged - held;
    if (worstCase <= left) return;
    throw new ApiError(402, `found ${left} COR base units left of this key's day, wanted ${worstCase}; nothing was charged`, {
      code: "spend_cap_reached",
      details: { have: String(left), need: String(worstCase) },
    });
  }

  #journal(id: string): PlaceJournal {
    const { store } = this.#parts;
    const forgotten = new Set<string>();
    return {
      known: (position) => store.places(id).findLast((one) => one.position === position && !forgotten.has(`${position}:${one.name}`)),
      named: (position, name, prompt) => store.named(id, position, name, prompt),
      placed: (position, task) => store.placed(id, position, task),
      charged: (name, prompt, amount) => store.charge(id, name, prompt, amount),
      forgotten: (position) => {
        const last = store.places(id).findLast((one) => one.position === position);
        if (last !== undefined) forgotten.add(`${position}:${last.name}`);
      },
    };
  }
}

/** An error that was told before, with its own words. */
function replayed(status: number, { error }: { error: Record<string, unknown> }): ApiError {
  const { message, type: _type, param, code, retryable, ...details } = error;
  return new ApiError(status, String(message), {
    code: String(code),
    ...(typeof param === "string" && { param }),
    retryable: retryable === true,
    details: Object.fromEntries(Object.entries(details).filter(([, value]) => value !== null)) as Record<string, string | number>,
  });
}

async function untilGone<T>(promise: Promise<T>, gone: AbortSignal): Promise<T> {
  gone.throwIfAborted();
  const left = Promise.withResolvers<never>();
  const listen = () => left.reject(gone.reason);
  gone.addEventListener("abort", listen, { once: true });
  try {
    return await Promise.race([promise, left.promise]);
  } finally {
    gone.removeEventListener("abort", listen);
  }
}
