import { Transaction, type TransactionReceipt, type Wallet } from "ethers";
import type { Endpoint } from "./endpoint.ts";
import { ChainError, revertIn } from "./errors.ts";
import type { Fees } from "./fees.ts";
import type { SentRow } from "./senderStore.ts";

/** What of a transaction is its own; type, chain and value (zero) are always the same. */
export interface Content extends Fees {
  nonce: number;
  to: string;
  data: string;
  gasLimit: bigint;
}

/** A transaction ready to be broadcast. */
export interface Signed {
  hash: string;
  raw: string;
}

export async function signed(signer: Wallet, chainId: bigint, content: Content): Promise<Signed> {
  const raw = await signer.signTransaction({ type: 2, chainId, value: 0n, ...content });
  return { hash: Transaction.from(raw).hash!, raw };
}

/** Throws what the server says against it. */
export async function broadcast({ provider }: Endpoint, { raw }: Signed): Promise<void> {
  await provider.send("eth_sendRawTransaction", [raw]);
}

/** The same for a repetition, where a failure is not the end: the next tick looks again. */
export async function broadcastAgain(endpoint: Endpoint, transaction: Signed): Promise<void> {
  await broadcast(endpoint, transaction).catch(() => {});
}

/** What a call or estimate gives; throws ChainRevert where the contracts refuse. */
export async function simulated<T>(id: string, call: Promise<T>): Promise<T> {
  return await call.catch((error: unknown) => {
    throw revertIn(error, id) ?? error;
  });
}

/** Why a mined transaction reverted, found by calling again on top of its block. */
export async function reasonOf(
  { provider }: Endpoint,
  { id, sender, to, data }: SentRow,
  { blockNumber, hash }: TransactionReceipt,
): Promise<Error> {
  const error = await provider.call({ from: sender, to, data, blockTag: blockNumber }).then(
    () => undefined,
    (failure: unknown) => revertIn(failure, id),
  );
  return error ?? new ChainError("Reverted", `${id} was mined and reverted; transaction ${hash}`);
}
