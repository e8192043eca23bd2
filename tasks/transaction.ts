import type { Signer, TransactionReceipt } from "ethers";
import { ChainRevert, FundsShort, revertIn } from "../offchain/chain/errors.ts";
import { feesNow } from "../offchain/chain/fees.ts";
import type { StateOverride } from "./allowance.ts";
import { type BesideName, besideInterface, builtOf, type Target, targetAbi, targetAddress, targetName } from "./beside.ts";
import type { Context } from "./command.ts";
import { describedCall, describedCreation } from "./describedCall.ts";
import { Receipts } from "./receipts.ts";
import { Refusal } from "./failure.ts";
import type { Report } from "./output.ts";

/** A call that changes something. `assuming`: state that the step before leaves behind, for checking this one without sending that one. */
export interface Call {
  module: Target;
  method: string;
  args: unknown[];
  signer?: Signer;
  assuming?: StateOverride | undefined;
}

/** A call whose arguments are known only after the steps before it. */
export interface LaterCall {
  module: Target;
  method: string;
  after: (receipts: Receipts) => unknown[];
  signer?: Signer;
}

/** A contract to put beside the deployment. */
export interface Creation {
  create: BesideName;
  args: unknown[];
  signer?: Signer;
}

type Step = Call | LaterCall | Creation;

/** How reports name a step. */
const nameOf = (step: Step): string => ("create" in step ? `new ${step.create}` : `${targetName(step.module)}.${step.method}`);

const MINING_MS = 120_000;

/**
 * Carries calls out one after the other, each after a successful estimate, and reports what `tell` says and the transactions. With
 * --dry-run it sends nothing and reports what each call would be. Throws ChainRevert and Refusal.
 */
export async function perform(
  context: Context,
  steps: Step[],
  tell: (receipts: Receipts) => Report | Promise<Report> = () => ({}),
): Promise<Report> {
  const sender = await context.sender();
  if (context.dryRun) {
    const calls: Report[] = [];
    for (const step of steps) calls.push(await planned(context, step, step.signer ?? sender));
    return { dryRun: true, calls };
  }
  await context.confirm(`send ${steps.map(nameOf).join(", ")} to chain ${context.endpoint.chainId} as ${await sender.getAddress()}`);
  const found: TransactionReceipt[] = [];
  for (const step of steps) {
    const ready = "after" in step ? { ...step, args: step.after(new Receipts(found)) } : step;
    found.push(await sent(context, ready, step.signer ?? sender));
  }
  const transactions = found.map((receipt, i) => ({
    call: nameOf(steps[i]!),
    hash: receipt.hash,
    block: receipt.blockNumber,
    gas: Number(receipt.gasUsed),
  }));
  return { ...(await tell(new Receipts(found))), transactions };
}

/** A step's transaction, without fees and nonce. */
function request(context: Context, step: Call | Creation, from: string): { from: string; to?: string; data: string } {
  if ("create" in step) {
    const creation = besideInterface(step.create).encodeDeploy(step.args).slice(2);
    return { from, data: `${builtOf(step.create).bytecode}${creation}` };
  }
  const { module, method, args } = step;
  return { from, to: targetAddress(context, module), data: targetAbi(module).encodeFunctionData(method, args) };
}

/** What a call would be: decoded, tried by eth_call, its gas estimated. Throws ChainRevert where the contracts would refuse it. */
async function planned(context: Context, step: Step, signer: Signer): Promise<Report> {
  const call = nameOf(step);
  const from = await signer.getAddress();
  if ("after" in step) return { call, from, checked: false, note: "its arguments follow from the calls before it" };
  const tx = request(context, step, from);
  const { provider } = context.endpoint;
  const assuming = "create" in step ? undefined : step.assuming;
  const overrides = assuming === undefined ? [] : [assuming];
  const returned = (await refusedAs(step, provider.send("eth_call", [tx, "pending", ...overrides]))) as string;
  const gas = (await refusedAs(step, provider.send("eth_estimateGas", [tx, "pending", ...overrides])).catch((error: unknown) => {
    // Not every server estimates on assumed state.
    if (assuming !== undefined) return null;
    throw error;
  })) as string | null;
  return {
    call,
    ...(tx.to !== undefined && { to: tx.to }),
    from,
    checked: true,
    ...(gas === null ? { gas, note: "its gas can be estimated once the calls before it are mined" } : { gas: Number(gas) }),
    ...("create" in step
      ? describedCreation(besideInterface(step.create), step.args)
      : describedCall(targetAbi(step.module), step.method, tx.data, returned)),
  };
}

async function sent(context: Context, call: Call | Creation, signer: Signer): Promise<TransactionReceipt> {
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

async function refusedAs<T>(call: Call | Creation, asked: Promise<T>): Promise<T> {
  try {
    return await asked;
  } catch (error) {
    throw refused(call, error);
  }
}

/** What the contracts refused, in their words; a contract beside the deployment has errors of its own. */
function refused(step: Call | Creation, error: unknown): unknown {
  const revert = revertIn(error, nameOf(step));
  if (revert === undefined || revert.revert !== "Unknown") return revert ?? error;
  const data = revert.args["data"];
  const name = "create" in step ? step.create : typeof step.module === "string" ? undefined : step.module.name;
  const parsed = name === undefined || typeof data !== "string" ? null : besideInterface(name).parseError(data);
  return parsed === null ? revert : new ChainRevert(parsed.name, parsed.args.toObject(), nameOf(step));
}
