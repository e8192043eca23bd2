import { AbiCoder, keccak256, type Signer, toBeHex } from "ethers";
import { type Target, targetAddress } from "./beside.ts";
import type { Context } from "./command.ts";
import type { Call } from "./transaction.ts";

/** State that a server is asked to assume in eth_call. */
export type StateOverride = Record<string, { stateDiff: Record<string, string> }>;

/** Slot of `_allowances` in OpenZeppelin's ERC20, which COR inherits first. */
const ALLOWANCES_SLOT = 1;

const coder = AbiCoder.defaultAbiCoder();

/**
 * The approval that must come before `spender` takes `amount` COR, none where it is there already; and its effect, with which the call
 * after it can be checked before anything is sent.
 */
export async function approval(
  context: Context,
  signer: Signer,
  spender: Target,
  amount: bigint,
): Promise<{ calls: Call[]; assuming?: StateOverride }> {
  const owner = await signer.getAddress();
  const { COR } = context.deployment.addresses;
  const to = targetAddress(context, spender);
  if ((await context.contracts.COR.allowance(owner, to)) >= amount) return { calls: [] };
  const inner = keccak256(coder.encode(["address", "uint256"], [owner, ALLOWANCES_SLOT]));
  const slot = keccak256(coder.encode(["address", "bytes32"], [to, inner]));
  return {
    calls: [{ module: "COR", method: "approve", args: [to, amount], signer }],
    assuming: { [COR]: { stateDiff: { [slot]: toBeHex(amount, 32) } } },
  };
}
