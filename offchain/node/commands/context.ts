import { setTimeout as delay } from "node:timers/promises";
import path from "node:path";
import { concat, keccak256, type TransactionReceipt, type Wallet } from "ethers";
import { interfaces, type ModuleName } from "../../chain/abis.ts";
import { deploymentOf } from "../../chain/boot.ts";
import type { Deployment } from "../../chain/deployment.ts";
import type { Endpoint } from "../../chain/endpoint.ts";
import { connectPool } from "../../chain/rpcPool.ts";
import { Sender } from "../../chain/sender.ts";
import { openDatabase, SqliteStore } from "../../chain/sqliteStore.ts";
import { createViews, type Views } from "../../chain/views.ts";
import { operatorKey } from "../../runtime/operatorKey.ts";
import type { NodeConfig } from "../config.ts";

/** The chain and the contracts, for one command. */
export interface ChainContext {
  config: NodeConfig;
  endpoint: Endpoint;
  deployment: Deployment;
  views: Views;
}

/** Connects, checks, works, and closes. Throws what connectPool and deploymentOf throw, and what `work` throws. */
export async function withChain<T>(config: NodeConfig, work: (context: ChainContext) => Promise<T>): Promise<T> {
  const { rpc: urls, chainId } = config;
  const endpoint = await connectPool({ urls, ...(chainId !== 0n && { chainId }) });
  try {
    const deployment = await deploymentOf(config, endpoint);
    return await work({ config, endpoint, deployment, views: createViews(endpoint, deployment) });
  } finally {
    endpoint.close();
  }
}

/** The first operator's key. */
export async function operatorWallet({ key, keyFile, keyPasswordFile, chainId }: NodeConfig): Promise<Wallet> {
  return await operatorKey({ key: key?.[0], keyFile: keyFile?.[0], keyPasswordFile, chainId });
}

/** The owner's key: a keystore beside the operator's, or the file that is named. */
export async function ownerWallet({ data, keyPasswordFile, chainId }: NodeConfig, file?: string): Promise<Wallet> {
  return await operatorKey({ keyFile: file ?? path.join(data, "owner.json"), keyPasswordFile, chainId });
}

/** A call to be sent; the id names the wish, so that a command that was cut off and is run again does not send it twice. */
export interface Call {
  id: string;
  module: ModuleName;
  method: string;
  args: unknown[];
}

const POLL_MS = 250;

/** Transactions of one key, in a journal of their own, finished before anything new is decided. */
export class Desk {
  readonly #context: ChainContext;
  readonly #sender: Sender;
  readonly #close: () => void;

  private constructor(context: ChainContext, sender: Sender, close: () => void) {
    this.#context = context;
    this.#sender = sender;
    this.#close = close;
  }

  /** Opens `<data>/<name>.db` and finishes what an earlier run left waiting. */
  static async open(context: ChainContext, wallet: Wallet, name: string): Promise<Desk> {
    const database = openDatabase(path.join(context.config.data, `${name}.db`));
    const store = new SqliteStore(database, context.endpoint.chainId, name);
    const sender = new Sender({ endpoint: context.endpoint, signer: wallet, store });
    const desk = new Desk(context, sender, () => database.close());
    while (sender.pending.length > 0) await desk.#tick();
    return desk;
  }

  /** Resolves with the receipt. Throws ChainRevert, FundsShort. */
  async send({ id, module, method, args }: Call): Promise<TransactionReceipt> {
    const data = interfaces[module].encodeFunctionData(method, args);
    const to = this.#context.deployment.addresses[module];
    let done = false;
    // The same wish to other contracts, where Runtime names others now, is another.
    const wish = `${id}:${keccak256(concat([to, data])).slice(2, 18)}`;
    const sent = this.#sender.send({ id: wish, to, data }).finally(() => (done = true));
    sent.catch(() => undefined);
    while (!done) await this.#tick();
    return await sent;
  }

  close(): void {
    this.#close();
  }

  async #tick(): Promise<void> {
    const block = await this.#context.endpoint.provider.getBlock("latest");
    if (block !== null) await this.#sender.tick({ number: block.number, timestamp: block.timestamp });
    await delay(POLL_MS);
  }
}
