import { cidOf, checkedDigest } from "../../offchain/content/contentId.ts";
import type { DecodedLog } from "../../offchain/chain/cursor.ts";
import type { TaskEntry } from "../../offchain/chain/taskBook.ts";
import { decodeAnswers, decodeOutcomes, decodePromptTokens } from "../../offchain/protocol/answers.ts";
import { lockOf } from "../../offchain/protocol/judging.ts";
import { phaseOf } from "../../offchain/protocol/phases.ts";
import { Comparison, type Facts, State } from "../../offchain/protocol/types.ts";
import { amount, instant } from "../amounts.ts";
import { taskId } from "../arguments.ts";
import { command, type Context } from "../command.ts";
import { taskHistory } from "./history.ts";
import { phaseWord, placeOf, statusWord } from "./words.ts";

export default command(async (context, args: { task?: string }) => {
  const task = taskId(args.task);
  const { entry, logs } = await taskHistory(context, task);
  const head = (await context.endpoint.provider.getBlock("latest"))!;
  const facts = await context.views.facts(task, head.number);
  return {
    task,
    ...placeOf(task),
    phase: phaseWord(phaseOf(facts, { timestamp: head.timestamp, blockNumber: head.number })),
    status: statusWord(facts.status),
    head: { block: head.number, time: instant(head.timestamp) },
    terms: termsOf(entry),
    facts: facts.state === State.Empty ? null : factsOf(facts, seatedIn(entry, facts)),
    committee: await committeeOf(context, entry, facts, head.number),
    outcome: outcomeOf(entry),
    events: logs.map(eventOf),
  };
});

function termsOf({ terms }: TaskEntry) {
  return {
    model: terms.model,
    manifest: terms.manifest,
    cid: cidOf(checkedDigest(terms.manifest)),
    promptTokens: decodePromptTokens(terms.promptTokens),
    maxTokens: terms.maxTokens,
    router: BigInt(terms.router) === 0n ? null : terms.router,
    mode: terms.leased ? "leased" : "per-task",
    comparison: terms.comparison === Comparison.Exact ? "exact" : "semantic",
    redundancy: terms.redundancy,
    quorum: terms.quorum,
    price: amount(terms.price),
    locked: amount(lockOf(terms)),
  };
}

/** Whether `seed` is one: a task that ended without a commitment keeps the number of its deciding block, unless it was assigned. */
function seatedIn({ terms }: TaskEntry, { state, committed, lease }: Facts): boolean {
  if (state === State.Ended) return committed !== 0 || (!terms.leased && lease !== 0);
  return state === State.Seeded;
}

function factsOf({ seed, lease, commitsCloseAt, revealWindow, committed, revealed }: Facts, seated: boolean) {
  return {
    ...(seated ? { seed: `0x${seed.toString(16).padStart(24, "0")}` } : { seedBlock: Number(seed) }),
    lease: lease === 0 ? null : lease,
    commitsCloseAt: instant(commitsCloseAt),
    revealsCloseAt: instant(commitsCloseAt + revealWindow),
    committedSeats: seatsOf(committed),
    revealedSeats: seatsOf(revealed),
  };
}

const seatsOf = (bitmap: number) => Array.from({ length: 16 }, (_, seat) => seat).filter((seat) => (bitmap >> seat) & 1);

/** Null until the seed is mined, where the task ended before anybody was seated, and once a later task has taken the facts' place. */
async function committeeOf({ views }: Context, entry: TaskEntry, facts: Facts, block: number) {
  const { task, commits, openings } = entry;
  const seedMined = facts.state === State.Unseeded && facts.lease !== 0 && BigInt(block) > facts.seed;
  if (!seatedIn(entry, facts) && !seedMined) return null;
  const seats = await views.committee(task, block);
  return seats.map(({ seat, node, operator }) => ({
    seat,
    node,
    operator,
    committed: commits.some((commit) => commit.seat === seat),
    opened: openings.has(seat) || ((facts.revealed >> seat) & 1) === 1,
  }));
}

function outcomeOf({ settled }: TaskEntry) {
  if (settled === undefined) return null;
  const base = decodeAnswers(settled.base);
  return {
    status: statusWord(settled.status),
    charged: amount(settled.charged),
    openedSeats: seatsOf(settled.seats),
    block: settled.blockNumber,
    transaction: settled.transactionHash,
    prompts: decodeOutcomes(settled.outcomes).map(({ canonicalSeat, accepted }, prompt) => ({
      prompt,
      canonicalSeat,
      acceptedSeats: seatsOf(accepted),
      baseDigest: base[prompt]?.digest,
      baseTokens: base[prompt]?.tokens,
    })),
  };
}

const eventOf = ({ name, blockNumber, transactionHash }: DecodedLog) => ({ event: name, block: blockNumber, transaction: transactionHash });
