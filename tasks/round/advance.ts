import { ROUND_AWAITS, ROUND_PHASES } from "../../offchain/protocol/roundEvents.ts";
import { wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";

export default command(async (context, args: { round?: string }) => {
  const round = wholeNumber(args.round, "--round", 1);
  return await perform(context, [{ module: "PoUW", method: "advance", args: [round] }], async () => {
    const view = await context.contracts.PoUW.roundOf(round);
    return { round, phase: ROUND_PHASES[Number(view.phase)]!, awaits: ROUND_AWAITS[Number(view.awaits)]! };
  });
});
