import { amount, instant } from "../amounts.ts";
import { wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";

export default command(async ({ views, contracts }, args: { last: string }) => {
  const last = wholeNumber(args.last, "--last", 1, 1_000);
  const count = Number(await contracts.Session.sessionCount());
  const numbers = Array.from({ length: Math.min(last, count) }, (_, i) => count - i);
  return {
    count,
    sessions: await Promise.all(
      numbers.map(async (session) => {
        const [found, { available, locked }] = await Promise.all([views.session(session), views.sessionBalance(session)]);
        const { owner, closed, tasks, lease, leaseUntil } = found;
        return {
          session,
          closed,
          tasks,
          available: amount(available),
          locked: amount(locked),
          lease: lease === 0 ? null : lease,
          leaseUntil: instant(leaseUntil),
          owner,
        };
      }),
    ),
  };
});
