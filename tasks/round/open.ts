import { oneOf } from "../arguments.ts";
import { command } from "../command.ts";
import { modelMeant } from "../model/reference.ts";
import { perform } from "../transaction.ts";

const KINDS = ["liveness", "capability"] as const;
const LEVELS = ["low", "medium", "high"] as const;

export default command(async (context, args: { model?: string; kind: string; level: string }) => {
  const { id } = await modelMeant(context, args.model);
  const kind = KINDS.indexOf(oneOf(args.kind, "--kind", KINDS)) + 1;
  const level = LEVELS.indexOf(oneOf(args.level, "--level", LEVELS));
  return await perform(context, [{ module: "PoUW", method: "open", args: [id, kind, level] }], (receipts) => {
    const opened = receipts.event("PoUW", "RoundOpened");
    return { round: Number(opened.getValue("round")), kind: args.kind, seedBlock: Number(opened.getValue("seedBlock")) };
  });
});
