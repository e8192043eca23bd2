import { encodeBytes32String, ZeroHash } from "ethers";
import { cidOf, checkedDigest } from "../../offchain/content/contentId.ts";
import { encodePromptTokens } from "../../offchain/protocol/answers.ts";
import { taskQueued } from "../../offchain/protocol/events.ts";
import { lockOf } from "../../offchain/protocol/judging.ts";
import { amount, instant } from "../amounts.ts";
import { bytes32, sessionNumber, wholeNumber, wholeNumbers } from "../arguments.ts";
import { command } from "../command.ts";
import { Refusal } from "../failure.ts";
import { perform } from "../transaction.ts";
import { type ManifestArgs, manifestMeant } from "./manifest.ts";

interface Args extends ManifestArgs {
  session?: string;
  promptTokens?: string;
  maxTokens?: string;
  reference?: string;
}

export default command(async (context, args: Args) => {
  const session = sessionNumber(args.session);
  if (args.promptTokens === undefined)
    throw new Refusal(
      "PromptTokensMissing",
      "found no --prompt-tokens, wanted the tokens of each prompt: only the model's tokenizer can count them, and nodes refuse a task that declares untrue counts; give them, or send the prompt to a router, which counts",
    );
  const { rules } = await context.views.session(session);
  const maxTokens = args.maxTokens === undefined ? rules.maxTokens : wholeNumber(args.maxTokens, "--max-tokens", 1, 2 ** 24 - 1);
  const { digest, keep } = manifestMeant(args, maxTokens);
  const request = {
    manifest: digest,
    promptTokens: encodePromptTokens(wholeNumbers(args.promptTokens, "--prompt-tokens", 1, 2 ** 24 - 1)),
    maxTokens,
    clientReference: referenceOf(args.reference),
  };
  // Before the task exists: a node may look for the prompt at once.
  if (!context.dryRun) await keep();
  return await perform(context, [{ module: "Session", method: "submit", args: [session, request] }], (receipts) => {
    const { task, lease, seedBlock, deadline, terms } = taskQueued(
      receipts.event("SessionQueue", "TaskQueued").toObject() as Record<string, unknown>,
    );
    return {
      task,
      session,
      manifest: digest,
      cid: cidOf(checkedDigest(digest)),
      locked: amount(lockOf(terms)),
      lease: lease === 0 ? null : lease,
      seedBlock,
      deadline: instant(deadline),
    };
  });
});

function referenceOf(text: string | undefined): string {
  if (text === undefined) return ZeroHash;
  if (text.startsWith("0x")) return bytes32(text, "--reference");
  if (Buffer.byteLength(text) <= 31) return encodeBytes32String(text);
  throw new Refusal(
    "ArgumentInvalid",
    `found a --reference of ${Buffer.byteLength(text)} bytes, wanted at most 31; shorten it, or give its hash`,
  );
}
