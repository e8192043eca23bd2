import { createInterface } from "node:readline/promises";
import { LOCAL_CHAIN } from "../offchain/runtime/settings.ts";
import type { CommonArguments } from "./command.ts";
import { Refusal } from "./failure.ts";

/**
 * On a chain that other people use, nothing is sent before somebody has said yes: by --yes, or in a terminal to the question. Throws
 * Refusal where nobody did.
 */
export async function confirmed(args: Pick<CommonArguments, "json" | "yes">, chainId: bigint, what: string): Promise<void> {
  if (chainId === LOCAL_CHAIN || args.yes === true) return;
  const unasked = new Refusal("ConfirmationMissing", `found no yes to "${what}", wanted one; look at it with --dry-run, then give --yes`);
  if (args.json || !process.stdin.isTTY) throw unasked;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    if (!/^y(es)?$/i.test((await terminal.question(`${what}? [y/N] `)).trim())) throw unasked;
  } finally {
    terminal.close();
  }
}
