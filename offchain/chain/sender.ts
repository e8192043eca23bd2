import { Transaction, type TransactionReceipt } from "ethers";
import { crashPoint } from "../runtime/crashPoint.ts";
import { ChainError, FundsShort, revertIn } from "./errors.ts";
import { feesNow } from "./fees.ts";
import { broadcast, broadcastAgain, reasonOf, signed, simulated, type Content, type Signed } from "./signing.ts";
import type { Intent, SenderOptions, SentRow, SentState } from "./senderStore.ts";
import { Waiters } from "./waiters.ts";

const PRUNE_AFTER_BLOCKS = 1_000;
/** Ticks for which a used nonce may lack a receipt before it counts as used by somebody else: servers lag behind themselves. */
const MISSES = 3;

/** One lane of transactions for one key. Journal first, then broadcast; `tick` with every new head does the rest. */
export class Sender {
  readonly address: string;
  readonly #o: Required<Omit<SenderOptions, "maxFeePerGas">> & Pick<SenderOptions, "maxFeePerGas">;
  readonly #waiters = new Waiters<TransactionReceipt>();
  readonly #misses = new Map<string, number>();
  /** Block time at which a waiting transaction was first looked at. */
  readonly #seenAt = new Map<string, number>();
  #lane: Promise<unknown> = Promise.resolve();
  #prunedAt = 0;
  #ticked = false;

  constructor(options: SenderOptions) {
    this.#o = { maxInFlight: 8, bumpAfterBlocks: 3, onEvent: () => {}, ...options };
    this.address = options.signer.address;
  }

  /** What is not mined yet. */
  get pending(): SentRow[] {
    return this.#o.store.pending(this.address);
  }

  /**
   * Sends, or joins what was sent under this id before (also by an earlier process); resolves when it is mined and did not revert.
   * Throws ChainRevert (simulated or mined), FundsShort, RpcUnreachable, or ChainError LaneFull, NonceTaken, Expired. Needs ticks.
   */
  async send(intent: Intent): Promise<TransactionReceipt> {
    const { store, endpoint } = this.#o;
    const row = store.byId(intent.id);
    if (row?.state === "mined") {
      const receipt = await endpoint.provider.getTransactionReceipt(row.minedHash!);
      if (receipt !== null) return receipt;
      // Reorganised out, and not noticed yet.
      store.finish(intent.id, "pending");
    }
    if (row?.state === "pending" || row?.state === "mined") return await this.#waiters.promise(intent.id);
    return await this.#inLane(async () => await this.#submit(intent)).then(async () => await this.#waiters.promise(intent.id));
  }

  /** With every new head, and first thing after a restart: finds receipts, broadcasts again, raises fees, gives up what is too late. */
  async tick(head: { number: number; timestamp: number }): Promise<void> {
    await this.#inLane(async () => {
      const pending = this.pending;
      if (head.number - this.#prunedAt >= PRUNE_AFTER_BLOCKS) this.#prune(head.number);
      if (pending.length === 0) return void (this.#ticked = true);
      const used = await this.#o.endpoint.provider.getTransactionCount(this.address, "latest");
      for (const row of pending) {
        if (row.nonce < used) await this.#conclude(row);
        else await this.#push(row, head, used);
      }
      this.#ticked = true;
    });
  }

  /** Blocks from this one on were taken back: what they held is pending again. Tick afterwards. */
  reorged(fromBlock: number): number {
    return this.#o.store.reopen(this.address, fromBlock);
  }

  async #submit({ id, to, data, gasLimit, headroom = 100_000n, deadline, worth, reserveGas = 0n }: Intent): Promise<void> {
    const { store, endpoint, signer, maxInFlight, onEvent } = this.#o;
    const { provider } = endpoint;
    // Another call with this id may have been ahead in the lane.
    if (store.byId(id)?.state === "pending") return;
    if (this.pending.length >= maxInFlight)
      throw new ChainError("LaneFull", `found ${maxInFlight} transactions waiting, wanted fewer; try again`, true);
    const call = { from: signer.address, to, data };
    const gas = gasLimit ?? ((await simulated(id, provider.estimateGas(call))) * 5n) / 4n + headroom;
    if (gasLimit !== undefined) await simulated(id, provider.call(call));
    const fees = await this.#fees({ gasLimit: gas, worth: worth ?? null });
    await this.#refuseLoss(id, gas, worth);
    if ((await provider.getBalance(signer.address)) < (gas + reserveGas) * fees.maxFeePerGas) throw new FundsShort(signer.address);
    const nonce = Math.max(await provider.getTransactionCount(signer.address, "latest"), store.nextNonce(signer.address));
    const raw = await this.#signed({ nonce, to, data, gasLimit: gas, ...fees });
    const sentIn = await provider.getBlockNumber();
    store.insert({
      id,
      sender: signer.address,
      nonce,
      to,
      data,
      gasLimit: gas,
      deadline: deadline ?? null,
      worth: worth ?? null,
      state: "pending",
      sentIn,
      minedIn: null,
      minedHash: null,
      raws: [raw],
    });
    crashPoint("stored", id);
    onEvent({ kind: "sent", id, nonce, hash: raw.hash });
    await broadcast(endpoint, raw).catch(async (error: unknown) => {
      if ((error instanceof ChainError && error.retryable) || (await provider.getTransaction(raw.hash)) !== null) return;
      // Refused, and the last of its lane, so its nonce is free again.
      this.#end(
        id,
        "dropped",
        revertIn(error, id) ?? new ChainError("Refused", `the RPC server refused ${id}: ${(error as Error).message}`),
      );
      throw error;
    });
    crashPoint("broadcast", id);
  }

  /** The nonce is used: by one of the versions, or by somebody else who has the key. */
  async #conclude(row: SentRow): Promise<void> {
    const { store, endpoint, onEvent } = this.#o;
    for (const { hash, raw } of row.raws.toReversed()) {
      const receipt = await endpoint.provider.getTransactionReceipt(hash);
      if (receipt === null) continue;
      const abandoned = Transaction.from(raw).data !== row.data;
      const state = receipt.status === 1 && !abandoned ? "mined" : "reverted";
      store.finish(row.id, state, { blockNumber: receipt.blockNumber, hash });
      onEvent({ kind: abandoned ? "abandoned" : state, id: row.id, nonce: row.nonce, hash, cost: receipt.gasUsed * receipt.gasPrice });
      this.#misses.delete(row.id);
      this.#seenAt.delete(row.id);
      crashPoint("mined", row.id);
      if (state === "mined") this.#waiters.resolve(row.id, receipt);
      else
        this.#waiters.reject(
          row.id,
          abandoned ? new ChainError("Expired", `${row.id} was not mined in time`) : await reasonOf(endpoint, row, receipt),
        );
      return;
    }
    const misses = (this.#misses.get(row.id) ?? 0) + 1;
    this.#misses.set(row.id, misses);
    if (misses < MISSES) return;
    const message = `found nonce ${row.nonce} of ${this.address} used by another transaction than ${row.id}; wanted this process to be the only user of the key`;
    this.#end(row.id, "dropped", new ChainError("NonceTaken", message, true));
  }

  /** Not mined: fills a gap below, raises the fee of the first in line, and makes sure that the server still has it. */
  async #push(row: SentRow, head: { number: number; timestamp: number }, used: number): Promise<void> {
    const { store, bumpAfterBlocks, onEvent } = this.#o;
    if (row.nonce > used && !this.pending.some(({ nonce }) => nonce === used)) await this.#fill(used, head.number);
    const late = row.deadline !== null && head.timestamp > row.deadline;
    const latest = row.raws.at(-1)!;
    const hurried = late || this.#isUrgent(row, head.timestamp);
    if (row.nonce === used && head.number - row.sentIn >= (hurried ? 1 : bumpAfterBlocks)) {
      const before = Transaction.from(latest.raw);
      const fees = await this.#fees(row, before);
      if (fees.maxFeePerGas > before.maxFeePerGas!) {
        const content = late ? { to: this.address, data: "0x", gasLimit: 21_000n } : { to: row.to, data: row.data, gasLimit: row.gasLimit };
        const raw = await this.#signed({ nonce: row.nonce, ...content, ...fees });
        store.addRaw(row.id, raw, head.number);
        onEvent({ kind: "bumped", id: row.id, nonce: row.nonce, hash: raw.hash });
        await broadcastAgain(this.#o.endpoint, raw);
        return;
      }
    }
    // A process that has just started may have been cut off between journal and broadcast.
    if ((!this.#ticked || head.number > row.sentIn) && (await this.#o.endpoint.provider.getTransaction(latest.hash)) === null)
      await broadcastAgain(this.#o.endpoint, latest);
  }

  #prune(head: number): void {
    this.#prunedAt = head;
    this.#o.store.prune(this.address, head - PRUNE_AFTER_BLOCKS);
  }

  /** A nonce that the journal lost would block all later ones. */
  async #fill(nonce: number, sentIn: number): Promise<void> {
    const to = this.address;
    const raw = await this.#signed({ nonce, to, data: "0x", gasLimit: 21_000n, ...(await this.#fees({ gasLimit: 21_000n, worth: null })) });
    const id = `fill:${nonce}`;
    this.#o.store.insert({
      id,
      sender: to,
      nonce,
      to,
      data: "0x",
      gasLimit: 21_000n,
      deadline: null,
      worth: null,
      state: "pending",
      sentIn,
      minedIn: null,
      minedHash: null,
      raws: [raw],
    });
    await broadcastAgain(this.#o.endpoint, raw);
  }

  /** Fees for the next block, up to what a transaction is worth, else up to the usual ceiling. */
  async #fees({ gasLimit, worth }: Pick<SentRow, "gasLimit" | "worth">, replaced?: Transaction) {
    const ceiling = worth === null ? this.#o.maxFeePerGas : worth / gasLimit;
    return await feesNow(this.#o.endpoint, ceiling, replaced);
  }

  /** Throws ChainError NotWorth, retryable, where the next block's price alone is more than a transaction is worth. */
  async #refuseLoss(id: string, gas: bigint, worth: bigint | undefined): Promise<void> {
    if (worth === undefined) return;
    const price = ((await this.#o.endpoint.provider.getBlock("latest"))?.baseFeePerGas ?? 0n) * gas;
    if (price <= worth) return;
    throw new ChainError(
      "NotWorth",
      `found a price of ${price} wei for ${id}, wanted at most ${worth}, what it is worth; trying again`,
      true,
    );
  }

  /** In the second half of its time, as this process has seen it, a transaction's fees rise with every block. */
  #isUrgent({ id, deadline }: SentRow, now: number): boolean {
    if (deadline === null) return false;
    const seen = this.#seenAt.get(id) ?? now;
    this.#seenAt.set(id, seen);
    return now - seen > (deadline - seen) / 2;
  }

  async #signed(content: Content): Promise<Signed> {
    return await signed(this.#o.signer, this.#o.endpoint.chainId, content);
  }

  #end(id: string, state: SentState, error: Error): void {
    const row = this.#o.store.byId(id)!;
    this.#o.store.finish(id, state);
    this.#o.onEvent({ kind: "dropped", id, nonce: row.nonce });
    this.#waiters.reject(id, error);
    this.#misses.delete(id);
  }

  async #inLane<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#lane.then(work, work);
    this.#lane = turn.catch(() => {});
    return await turn;
  }
}
