import type { Signer, TransactionReceipt } from "ethers";
import { interfaces, type ModuleName } from "../offchain/chain/abis.ts";
import { FundsShort, revertIn } from "../offchain/chain/errors.ts";
import { feesNow } from "../offchain/chain/fees.ts";
import type { StateOverride } from "./allowance.ts";
import type { Context } from "./command.ts";
import { describedCall } from "./describedCall.ts";
import { Receipts } from "./receipts.ts";
import { Refusal } from "./failure.ts";
import type { Report } from "./output.ts";

/** A call that changes something. `assuming`: state that the step before leaves behind, for checking this one without sending that one. */
export interface Call {
  module: ModuleName;
  method: string;
  args: unknown[];
  signer?: Signer;
  assuming?: StateOverride | undefined;
}

/** A call whose arguments are known only after the steps before it. */
export interface LaterCall {
  module: ModuleName;
  method: string;
  after: (receipts: Receipts) => unknown[];
  signer?: Signer;
}

const MINING_MS = 120_000;

/**
 * Carries calls out one after the other, each after a successful estimate, and reports what `tell` says and the transactions. With
 * --dry-run it sends nothing and reports what each call would be. Throws ChainRevert and Refusal.
 */
export async function perform(
  context: Context,
  steps: (Call | LaterCall)[],
  tell: (receipts: Receipts) => Report | Promise<Report> = () => ({}),
): Promise<Report> {
  const sender = await context.sender();
  if (context.dryRun) {
    const calls: Report[] = [];
    for (const step of steps) calls.push(await planned(context, step, step.signer ?? sender));
    return { dryRun: true, calls };
  }
  const found: TransactionReceipt[] = [];
  for (const step of steps) {
    const args = "after" in step ? step.after(new Receipts(found)) : step.args;
    found.push(await sent(context, { ...step, args }, step.signer ?? sender));
  }
  const transactions = found.map((receipt, i) => ({
    call: `${steps[i]!.module}.${steps[i]!.method}`,
    hash: receipt.hash,
    block: receipt.blockNumber,
    gas: Number(receipt.gasUsed),
  }));
  return { ...(await tell(new Receipts(found))), transactions };
}

function request({ deployment }: Context, { module, method, args }: Call, from: string) {
  return { from, to: deployment.addresses[module], data: interfaces[module].encodeFunctionData(method, args) };
}

/** What a call would be: decoded, tried by eth_call, its gas estimated. Throws ChainRevert where the contracts would refuse it. */
async function planned(context: Context, step: Call | LaterCall, signer: Signer): Promise<Report> {
  const { module, method } = step;
  const from = await signer.getAddress();
  if ("after" in step) return { call: `${module}.${method}`, from, checked: false, note: "its arguments follow from the calls before it" };
  const tx = request(context, step, from);
  const { provider } = context.endpoint;
  const overrides = step.assuming === undefined ? [] : [step.assuming];
  const returned = (await refusedAs(step, provider.send("eth_call", [tx, "pending", ...overrides]))) as string;
  const gas = (await refusedAs(step, provider.send("eth_estimateGas", [tx, "pending", ...overrides])).catch((error: unknown) => {
    // Not every server estimates on assumed state.
    if (step.assuming !== undefined) return null;
    throw error;
  })) as string | null;
  return {
    call: `${module}.${method}`,
    to: tx.to,
    from,
    checked: true,
    ...(gas === null ? { gas, note: "its gas can be estimated once the calls before it are mined" } : { gas: Number(gas) }),
    ...describedCall(module, method, tx.data, returned),
  };
}

async function sent(context: Context, call: Call, signer: Signer): Promise<TransactionReceipt> {
  const from = await signer.getAddress();
  const tx = request(context, call, from);
  const { provider } = context.endpoint;
  const gasLimit = (BigInt((await refusedAs(call, provider.send("eth_estimateGas", [tx, "pending"]))) as string) * 5n) / 4n;
  const fees = await feesNow(context.endpoint);
  if ((await provider.getBalance(from)) < gasLimit * fees.maxFeePerGas) throw new FundsShort(from);
  // With its nonce in it, a request that is repeated after a lost answer cannot become a second transaction.
  const nonce = await provider.getTransactionCount(from, "pending");
  try {
    const response = await signer.sendTransaction({ ...tx, ...fees, nonce, gasLimit });
    const receipt = await response.wait(1, MINING_MS);
    if (receipt !== null) return receipt;
    throw new Refusal("TransactionMissing", `found no receipt of ${response.hash}, wanted one; look it up before sending again`);
  } catch (error) {
    throw refused(call, await timedOut(error, provider, from, nonce));
  }
}

/** A transaction that is still waiting is told as such, with its nonce: sending again would be a second one. */
async function timedOut(error: unknown, provider: Context["endpoint"]["provider"], from: string, nonce: number): Promise<unknown> {
  if ((error as { code?: unknown }).code !== "TIMEOUT") return error;
  const mined = await provider.getTransactionCount(from, "latest");
  return new Refusal(
    "TransactionPending",
    `found transaction ${nonce} of ${from} not mined after ${MINING_MS / 1_000} s (${mined} are), wanted a receipt; look it up before sending again`,
  );
}

async function refusedAs<T>(call: Pick<Call, "module" | "method">, asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw refused(call, error);
  }
}

const refused = ({ module, method }: Pick<Call, "module" | "method">, error: unknown): unknown =>
  revertIn(error, `${module}.${method}`) ?? error;
