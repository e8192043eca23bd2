import { phaseOf } from "../../offchain/protocol/phases.ts";
import { State } from "../../offchain/protocol/types.ts";
import { instant } from "../amounts.ts";
import { sessionNumber, taskOf, wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { phaseWord, statusWord } from "./words.ts";

export default command(async ({ views, endpoint }, args: { session?: string; last: string }) => {
  const session = sessionNumber(args.session);
  const last = wholeNumber(args.last, "--last", 1, 1_000);
  const head = (await endpoint.provider.getBlock("latest"))!;
  const count = (await views.session(session, head.number)).tasks;
  const numbers = Array.from({ length: Math.min(last, count) }, (_, i) => count - i);
  const now = { timestamp: head.timestamp, blockNumber: head.number };
  return {
    session,
    count,
    tasks: await Promise.all(
      numbers.map(async (number) => {
        const task = taskOf(session, number);
        const facts = await views.facts(task, head.number);
        return {
          task,
          number,
          phase: phaseWord(phaseOf(facts, now)),
          status: statusWord(facts.status),
          commitsCloseAt: facts.state === State.Empty ? null : instant(facts.commitsCloseAt),
        };
      }),
    ),
  };
});
