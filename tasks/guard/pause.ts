import { PAUSABLE } from "../../scripts/deploy.ts";
import { instant } from "../amounts.ts";
import { oneOf, wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

const HOUR = 3_600;

/** The modules that a word means. */
export const modulesMeant = (word: string) => (word === "all" ? [...PAUSABLE] : [oneOf(word, "--module", PAUSABLE)]);

export default command(async (context, args: { module: string; hours?: string }) => {
  const modules = modulesMeant(args.module);
  const seconds = wholeNumber(args.hours, "--hours", 1, 14 * 24) * HOUR;
  const calls = modules.map((module) => ({ module, method: "pause", args: [seconds] }));
  return await perform(context, calls, (receipts) => ({
    paused: modules.map((module) => ({ module, until: instant(Number(receipts.event(module, "PauseChanged").getValue("until"))) })),
  }));
});
