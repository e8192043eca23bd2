import type { Transaction } from "ethers";
import type { Endpoint } from "./endpoint.ts";

/** EIP-1559 fees per gas, wei. */
export interface Fees {
  maxFeePerGas: bigint;
  maxPriorityFeePerGas: bigint;
}

const DEFAULT_TIP = 1_000_000_000n;

/**
 * Fees for the next block: twice the base fee and the server's tip. A replacement pays at least an eighth more than what it replaces on both
 * counts, or pools refuse it; `ceiling` bounds everything.
 */
export async function feesNow({ provider }: Endpoint, ceiling?: bigint, replaced?: Transaction): Promise<Fees> {
  const [block, tip] = await Promise.all([
    provider.getBlock("latest"),
    provider.send("eth_maxPriorityFeePerGas", []).then(BigInt, () => DEFAULT_TIP),
  ]);
  const maxPriorityFeePerGas = most(tip, raised(replaced?.maxPriorityFeePerGas));
  const maxFeePerGas = most((block?.baseFeePerGas ?? 0n) * 2n + maxPriorityFeePerGas, raised(replaced?.maxFeePerGas));
  if (ceiling === undefined || maxFeePerGas <= ceiling) return { maxFeePerGas, maxPriorityFeePerGas };
  return { maxFeePerGas: ceiling, maxPriorityFeePerGas: maxPriorityFeePerGas < ceiling ? maxPriorityFeePerGas : ceiling };
}

const raised = (fee: bigint | null | undefined) => (fee == null ? 0n : (fee * 9n) / 8n + 1n);
const most = (a: bigint, b: bigint) => (a > b ? a : b);
