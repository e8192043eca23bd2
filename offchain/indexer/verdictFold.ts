import { appealSize, unpackAssurance } from "../protocol/assurance.ts";
import { panelOutcome, rejectedBy, standingOf } from "../protocol/verdicts.ts";
import { bookNode, type Due, plus } from "./ledger.ts";
import type { Tables } from "./rows.ts";
import type { Row } from "./schema.ts";

/**
 * Books the validators of a task whose verdict was handed to its settlement, as `Validation._dues` does.
 * @param panels rows of both rounds
 * @param opened bitmap of the miners' seats that opened
 * @param rejected bitmap of the seats that the verdict refuses: who would have refused others is paid nothing
 */
export function bookPanels(
  tables: Tables,
  task: Row<"tasks">,
  panels: Row<"verdicts">[],
  opened: number,
  rejected: number,
  time: number,
): void {
  const assurance = unpackAssurance(BigInt(task.assurance));
  const rounds = [assurance.validators, appealSize(assurance)].map((wanted, round) => {
    const rows = panels.filter((row) => row.round === round).sort((a, b) => a.seat - b.seat);
    const quorum = Math.floor(wanted / 2) + 1;
    const words = rows.flatMap(({ verdict }) => (verdict === null ? [] : [BigInt(verdict)]));
    return { rows, quorum, found: panelOutcome(words, opened, quorum, assurance.bar) };
  });
  const last = rounds[1]!.found.decided && rounds[1]!.rows.length > 0 ? rounds[1]!.found : rounds[0]!.found;
  rounds.forEach(({ rows, quorum }) => {
    const opens = rows.filter(({ commitment }) => commitment !== null).length >= quorum;
    for (const { validator, commitment, verdict } of rows) {
      let due: Due;
      if (verdict !== null) {
        const word = BigInt(verdict);
        const wrong = last.decided && rejectedBy(word, opened, assurance.bar) !== rejected;
        const { near, far } = last.decided ? standingOf(word, last, opened) : { near: 0, far: 0 };
        due = { conduct: "opened", accepted: near, outliers: far, net: wrong ? 0n : assurance.validatorPrice };
      } else {
        const conduct = commitment === null ? "silent" : opens ? "unopened" : "excused";
        due = { conduct, accepted: 0, outliers: 0, net: 0n };
      }
      bookNode(tables, validator, due, time);
      const node = tables.nodes.get(validator);
      if (node === undefined || due.net === 0n) continue;
      node.earned_tasks = plus(node.earned_tasks, -due.net);
      node.earned_verdicts = plus(node.earned_verdicts, due.net);
      tables.nodes.put(node);
    }
  });
}
