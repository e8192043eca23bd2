import { ROUND_AWAITS, ROUND_ENDINGS, ROUND_KINDS, ROUND_PHASES } from "../../offchain/protocol/roundEvents.ts";
import { instant } from "../amounts.ts";
import { wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { Refusal } from "../failure.ts";

/** Nodes of a role, 24 bits each, lowest first. */
function nodesIn(members: bigint): number[] {
  const nodes: number[] = [];
  for (let rest = members; rest !== 0n; rest >>= 24n) nodes.push(Number(rest & 0xffffffn));
  return nodes;
}

/** Numbers of the set bits. */
const seatsIn = (bits: bigint): number[] => Array.from({ length: 16 }, (_, i) => i).filter((i) => ((bits >> BigInt(i)) & 1n) === 1n);

export default command(async ({ contracts }, args: { round?: string }) => {
  const round = wholeNumber(args.round, "--round", 1);
  const view = await contracts.PoUW.roundOf(round);
  const phase = ROUND_PHASES[Number(view.phase)]!;
  if (phase === "none") {
    const [last] = await contracts.PoUW.roundCount();
    throw new Refusal("RoundUnknown", `found no round ${round}, wanted one up to ${last}; see round list`);
  }
  const over = phase === "ended" || phase === "aborted";
  const someone = (node: bigint) => (node === 0n ? null : Number(node));
  return {
    round,
    kind: ROUND_KINDS[Number(view.kind)]!,
    phase,
    awaits: over ? null : ROUND_AWAITS[Number(view.awaits)]!,
    ending: over ? ROUND_ENDINGS[Number(view.ending)]! : null,
    deadline: over || view.deadline === 0n ? null : instant(Number(view.deadline)),
    seedBlock: view.seedBlock === 0n ? null : Number(view.seedBlock),
    model: view.model,
    template: view.template,
    topics: view.topics,
    questions: view.questions,
    creator: someone(view.createdBy),
    preparer: someone(view.preparedBy),
    answerers: nodesIn(view.answerers),
    committed: seatsIn(view.committed),
    revealed: seatsIn(view.revealed),
    validators: nodesIn(view.validators),
    scored: seatsIn(view.scored),
    opened: seatsIn(view.opened),
    replaced: Number(view.replaced),
  };
});
