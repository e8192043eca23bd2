import { decodeOutcomes } from "../../offchain/protocol/answers.ts";
import { taskSettled } from "../../offchain/protocol/events.ts";
import { buildHandover, encodeHandover } from "../../offchain/protocol/handover.ts";
import { Status } from "../../offchain/protocol/types.ts";
import { amount } from "../amounts.ts";
import { taskId } from "../arguments.ts";
import { command, type Context } from "../command.ts";
import { Refusal } from "../failure.ts";
import type { Receipts } from "../receipts.ts";
import { perform } from "../transaction.ts";
import { taskHistory } from "./history.ts";
import { openingsIn } from "./openings.ts";
import { statusWord } from "./words.ts";

/** A stranger's settlement: terms, commitments and openings come from events alone, as the contract wants them handed back. */
export default command(async (context, args: { task?: string; openings?: string }) => {
  const task = taskId(args.task);
  const { entry } = await taskHistory(context, task);
  if (entry.settled !== undefined)
    throw new Refusal(
      "TaskSettled",
      `found task ${task} settled in block ${entry.settled.blockNumber} (${statusWord(entry.settled.status)}), wanted one that runs; see task show`,
    );
  const secrets = args.openings === undefined ? entry.openings : new Map([...entry.openings, ...openingsIn(args.openings)]);
  const handover = encodeHandover(buildHandover(task, entry.terms, entry.commits, secrets));
  const method = args.openings === undefined ? "settle" : "reveal";
  return await perform(context, [{ module: "SessionQueue", method, args: [handover] }], async (receipts) => ({
    task,
    ...(await ending(context, receipts)),
  }));
});

async function ending({ views }: Context, receipts: Receipts) {
  const event = receipts.events("SessionQueue", "TaskSettled").at(-1);
  if (event === undefined)
    return { status: statusWord(Status.Open), revealedSeats: receipts.events("SessionQueue", "ResultRevealed").length };
  const { task, status, charged, outcomes } = taskSettled(event.toObject() as Record<string, unknown>);
  const { available, locked } = await views.sessionBalance(Number(task >> 32n));
  return {
    status: statusWord(status),
    charged: amount(charged),
    agreedPrompts: decodeOutcomes(outcomes).filter(({ canonicalSeat }) => canonicalSeat !== null).length,
    slashed: receipts.events("NodePool", "NodeSlashed").map((slash) => ({
      node: Number(slash.getValue("node")),
      taken: amount(slash.getValue("taken") as bigint),
    })),
    session: { available: amount(available), locked: amount(locked) },
  };
}
