import { FundsShort, revertIn } from "../offchain/chain/errors.ts";
import { oneLine } from "../offchain/runtime/exit.ts";
import { adviceOn } from "./advice.ts";

/** A command cannot be carried out as given: the message says what was found, what was wanted, and what to do. */
export class Refusal extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.name = "Refusal";
    this.code = code;
  }
}

/** An error as every command tells it: one line, and the contracts' custom error where there is one. */
export interface Failure {
  code: string;
  message: string;
  revert?: { name: string; args: Record<string, unknown> };
}

/** Takes an error of any layer to a failure. */
export function failureOf(error: unknown): Failure {
  const revert = revertIn(error, "the call") ?? revertOf(error);
  if (revert !== undefined) {
    const { revert: name, args, code, message } = revert;
    return { code, message: oneLine(`${message}; ${adviceOn(name)}`), revert: { name, args } };
  }
  const { code } = error as { code?: unknown };
  return { code: typeof code === "string" ? code : (error as Error).name, message: oneLine(shortest(error)) };
}

/** What the contracts refused, where the error already says so. */
function revertOf(error: unknown) {
  const { code, revert, args, message } = error as { code?: unknown; revert?: unknown; args?: unknown; message?: unknown };
  if (code !== "ChainRevert") return undefined;
  return { code, revert: String(revert), args: args as Record<string, unknown>, message: String(message) };
}

/** An error of sending, in the words of this project. */
export function sendingError(error: unknown, from: string): unknown {
  return (error as { code?: unknown }).code === "INSUFFICIENT_FUNDS" ? new FundsShort(from) : error;
}

/** ethers keeps the readable part of its messages apart. */
function shortest(error: unknown): string {
  const { shortMessage, message } = error as { shortMessage?: unknown; message?: unknown };
  return typeof shortMessage === "string" ? shortMessage : String(message ?? error);
}
