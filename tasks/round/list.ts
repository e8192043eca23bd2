import { ROUND_AWAITS, ROUND_ENDINGS, ROUND_KINDS, ROUND_PHASES } from "../../offchain/protocol/roundEvents.ts";
import { wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";

export default command(async ({ contracts }, args: { last: string }) => {
  const last = wholeNumber(args.last, "--last", 1, 1_000);
  const [count, running] = await contracts.PoUW.roundCount();
  const numbers = Array.from({ length: Math.min(last, Number(count)) }, (_, i) => Number(count) - i);
  const rounds = await Promise.all(
    numbers.map(async (round) => {
      const view = await contracts.PoUW.roundOf(round);
      const phase = ROUND_PHASES[Number(view.phase)]!;
      const over = phase === "ended" || phase === "aborted";
      return {
        round,
        kind: ROUND_KINDS[Number(view.kind)]!,
        phase,
        awaits: over ? null : ROUND_AWAITS[Number(view.awaits)]!,
        ending: over ? ROUND_ENDINGS[Number(view.ending)]! : null,
        replaced: Number(view.replaced),
      };
    }),
  );
  return { last: Number(count), running: Number(running), rounds: rounds.filter(({ phase }) => phase !== "none") };
});
