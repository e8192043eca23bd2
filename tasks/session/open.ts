import { Comparison } from "../../offchain/protocol/types.ts";
import { amount, parseCor } from "../amounts.ts";
import { oneOf, wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { modelMeant } from "../model/reference.ts";
import { perform } from "../transaction.ts";

interface Args {
  model?: string;
  redundancy: string;
  quorum?: string;
  leaseNodes?: string;
  mode: string;
  comparison: string;
  queueWindow: string;
  commitWindow: string;
  revealWindow: string;
  maxPrompts: string;
  maxPromptTokens?: string;
  maxTokens?: string;
  priceCeiling?: string;
  service: string;
  level: string;
  widen: boolean;
  rerun: boolean;
  validators: string;
  sample: string;
  bar: string;
  verdictCommitWindow: string;
  verdictRevealWindow: string;
  appealWindow: string;
}

/** Numbers as in `ISession.Mode`. */
const MODES = { leased: 0, "per-task": 1, hybrid: 2, dedicated: 3 } as const;
/** Places as in `ISession.Service`. */
const SERVICES = ["completion", "chat", "classification", "synthetic-data", "oracle-query", "embedding"] as const;
const LEVELS = ["low", "medium", "high"] as const;
const COMPARISONS = { exact: Comparison.Exact, semantic: Comparison.Semantic } as const;
const MOST_TOKENS = 128;

export default command(async (context, args: Args) => {
  const model = await modelMeant(context, args.model);
  const redundancy = wholeNumber(args.redundancy, "--redundancy", 1, 9);
  const tokens = (text: string | undefined, flag: string, fallback: number) =>
    text === undefined ? fallback : wholeNumber(text, flag, 1, 2 ** 24 - 1);
  const window = (text: string, flag: string) => wholeNumber(text, flag, 0, 65_535);
  const mode = oneOf(args.mode, "--mode", ["leased", "per-task", "hybrid", "dedicated"]);
  const comparison = oneOf(args.comparison, "--comparison", ["semantic", "exact"]);
  const service = oneOf(args.service, "--service", SERVICES);
  const level = oneOf(args.level, "--level", LEVELS);
  const validators = wholeNumber(args.validators, "--validators", 0, 4);
  const terms = {
    model: model.id,
    redundancy,
    quorum: args.quorum === undefined ? Math.floor(redundancy / 2) + 1 : wholeNumber(args.quorum, "--quorum", 1, redundancy),
    leaseNodes: args.leaseNodes === undefined ? redundancy : wholeNumber(args.leaseNodes, "--lease-nodes", 1, 10),
    mode: MODES[mode],
    comparison: COMPARISONS[comparison],
    queueWindow: window(args.queueWindow, "--queue-window"),
    commitWindow: window(args.commitWindow, "--commit-window"),
    revealWindow: window(args.revealWindow, "--reveal-window"),
    maxPrompts: wholeNumber(args.maxPrompts, "--max-prompts", 1, 65_535),
    maxPromptTokens: tokens(args.maxPromptTokens, "--max-prompt-tokens", model.contextTokens),
    maxTokens: tokens(args.maxTokens, "--max-tokens", Math.min(MOST_TOKENS, model.contextTokens)),
    priceCeiling: args.priceCeiling === undefined ? model.price : parseCor(args.priceCeiling, "--price-ceiling"),
    service: SERVICES.indexOf(service),
    level: LEVELS.indexOf(level),
    widen: args.widen,
    rerun: args.rerun,
    validators,
    sampleBps: wholeNumber(args.sample, "--sample", 0, 10_000),
    bar: wholeNumber(args.bar, "--bar", 0, 10),
    verdictCommitWindow: window(args.verdictCommitWindow, "--verdict-commit-window"),
    verdictRevealWindow: window(args.verdictRevealWindow, "--verdict-reveal-window"),
    appealWindow: window(args.appealWindow, "--appeal-window"),
  };
  return await perform(context, [{ module: "Session", method: "open", args: [terms] }], (receipts) => ({
    session: Number(receipts.event("Session", "SessionOpened").getValue("session")),
    owner: String(receipts.event("Session", "SessionOpened").getValue("owner")),
    model: model.id,
    modelName: model.name,
    price: amount(model.price),
    mode,
    comparison,
    redundancy,
    quorum: terms.quorum,
    service,
    level,
    validators,
    ...(mode !== "per-task" && { leaseNodes: terms.leaseNodes }),
  }));
});
