import { Transaction } from "ethers";
import type { Endpoint } from "../../offchain/chain/endpoint.ts";
import { RpcUnreachable } from "../../offchain/chain/errors.ts";
import type { Random } from "./random.ts";
import { CHAIN_ID, type SimBlock, type SimChain, SIM_GAS_USED } from "./simChain.ts";

/** What an RPC server does wrong, for as long as it is set. */
export interface ServerFaults {
  errors: number;
  lagBlocks: number;
  lies: boolean;
  untidy: boolean;
}

export const NO_FAULTS: ServerFaults = { errors: 0, lagBlocks: 0, lies: false, untidy: false };

/** One node's RPC server over the simulated chain. When the node is killed, calls in flight never end. */
export class SimServer {
  faults: ServerFaults = { ...NO_FAULTS };
  alive = true;
  /** Counts down with each call; at 0 the node dies in it. */
  callsToLive = Infinity;
  onDeath: () => void = () => {};
  /** Every transaction that was ever given to the chain. */
  readonly broadcasts: string[];
  readonly #chain: SimChain;
  readonly #random: Random;

  constructor(chain: SimChain, random: Random, broadcasts: string[]) {
    this.#chain = chain;
    this.#random = random;
    this.broadcasts = broadcasts;
  }

  endpoint(): Endpoint {
    const call =
      <Args extends unknown[], T>(work: (...args: Args) => T) =>
      async (...args: Args) =>
        await this.#call(() => work(...args));
    const blocks = () => this.#chain.blocks.slice(0, Math.max(2, this.#chain.blocks.length - this.faults.lagBlocks));
    const head = () => blocks().at(-1)!;
    const provider = {
      getBlock: call((which: number | "latest") => {
        const block = which === "latest" ? head() : blocks()[which];
        return block === undefined ? null : rpcBlock(block);
      }),
      getBlockNumber: call(() => head().number),
      getLogs: call(({ address, fromBlock, toBlock }: { address: string[]; fromBlock: number; toBlock: number }) => {
        const found = blocks()
          .slice(fromBlock, toBlock + 1)
          .flatMap((block) => this.#logsOf(block, address));
        return this.faults.untidy ? [...found, ...found].reverse() : found;
      }),
      getTransactionCount: call((from: string) => head().state.nonces.get(from.toLowerCase()) ?? 0),
      getTransaction: call((hash: string) => (this.#chain.mempool.has(hash) || this.#receipt(hash, blocks()) !== null ? { hash } : null)),
      getTransactionReceipt: call((hash: string) => this.#receipt(hash, blocks())),
      getBalance: call(() => 10n ** 20n),
      estimateGas: call(({ from, data }: { from: string; data: string }) => {
        this.#chain.simulate(from, data);
        return SIM_GAS_USED;
      }),
      call: call(({ from, data }: { from: string; data: string }) => {
        this.#chain.simulate(from, data);
        return "0x";
      }),
      send: call((method: string, [raw]: string[]) => {
        if (method !== "eth_sendRawTransaction") return "0x3b9aca00";
        this.broadcasts.push(raw!);
        return this.#chain.broadcast(raw!);
      }),
    };
    return { provider: provider as unknown as Endpoint["provider"], chainId: CHAIN_ID, url: "simulated", close: () => undefined };
  }

  /** A call that may fail, or be the last thing that the process does. Public, so that views and engine share the fate. */
  async #call<T>(work: () => T): Promise<T> {
    if (this.alive && --this.callsToLive <= 0) this.onDeath();
    if (!this.alive) return await new Promise<never>(() => undefined);
    if (this.#random.chance(this.faults.errors)) throw new RpcUnreachable("simulated", "a fault of the plan");
    const result = work();
    await Promise.resolve();
    return this.alive ? result : await new Promise<never>(() => undefined);
  }

  guarded<Args extends unknown[], T>(work: (...args: Args) => Promise<T>): (...args: Args) => Promise<T> {
    return async (...args) => {
      const outcome = await this.#call(() => ({ promised: work(...args) }));
      return await outcome.promised;
    };
  }

  #logsOf(block: SimBlock, address: string[]) {
    const watched = new Set(address.map((one) => one.toLowerCase()));
    const blockHash = this.faults.lies && this.#random.chance(0.5) ? `0x${"66".repeat(32)}` : block.hash;
    return block.logs
      .map((one, index) => ({ ...one, index, blockNumber: block.number, blockHash, removed: false }))
      .filter((one) => watched.has(one.address.toLowerCase()));
  }

  #receipt(hash: string, blocks: SimBlock[]) {
    for (const block of blocks.toReversed()) {
      const found = block.receipts.get(hash);
      if (found !== undefined)
        return { status: found.status, blockNumber: block.number, hash, gasUsed: SIM_GAS_USED, gasPrice: block.baseFee, logs: [] };
    }
    return null;
  }
}

const rpcBlock = ({ number, hash, parentHash, timestamp, baseFee }: SimBlock) => ({
  number,
  hash,
  parentHash,
  timestamp,
  baseFeePerGas: baseFee,
});

/** Commitments in transactions, by task and seat. */
export function commitmentsIn(
  raws: readonly string[],
  parse: (data: string) => { name: string; args: ArrayLike<unknown> } | null,
): Map<string, Set<string>> {
  const found = new Map<string, Set<string>>();
  for (const raw of raws) {
    const call = parse(Transaction.from(raw).data);
    if (call?.name !== "commit") continue;
    const key = `${String(call.args[0])}:${String(call.args[1])}`;
    found.set(key, (found.get(key) ?? new Set()).add(String(call.args[2])));
  }
  return found;
}
