import { revertIn } from "../offchain/chain/errors.ts";
import { oneLine } from "../offchain/runtime/exit.ts";
import type { Phase } from "../offchain/protocol/types.ts";
import { adviceOn } from "./advice.ts";
import { phaseWord } from "./task/words.ts";

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
    const { revert: name, args, code } = revert;
    const message = name === "SessionQueueWrongPhase" ? phasesNamed(revert.message, args) : revert.message;
    return { code, message: oneLine(`${message}; ${adviceOn(name)}`), revert: { name, args } };
  }
  const { code } = error as { code?: unknown };
  return { code: typeof code === "string" ? code : (error as Error).name, message: oneLine(shortest(error)) };
}

/** Phases come as numbers. */
const phasesNamed = (message: string, { found, wanted }: Record<string, unknown>): string =>
  message
    .replace(`found ${String(found)}`, `found ${phaseWord(Number(found) as Phase)}`)
    .replace(`wanted ${String(wanted)}`, `wanted ${phaseWord(Number(wanted) as Phase)}`);

/** What the contracts refused, where the error already says so. */
function revertOf(error: unknown) {
  const { code, revert, args, message } = error as { code?: unknown; revert?: unknown; args?: unknown; message?: unknown };
  if (code !== "ChainRevert") return undefined;
  return { code, revert: String(revert), args: args as Record<string, unknown>, message: String(message) };
}

/** ethers keeps the readable part of its messages apart, and what a server said inside. */
function shortest(error: unknown): string {
  const { shortMessage, message, error: inner } = error as { shortMessage?: unknown; message?: unknown; error?: { message?: unknown } };
  const said = typeof inner?.message === "string" ? `: ${inner.message}` : "";
  return typeof shortMessage === "string" ? `${shortMessage}${said}` : String(message ?? error);
}
