import pc from "picocolors";
import type { Probe } from "./prober.ts";
import type { NodeLine, RoundLine } from "./roundsBook.ts";

/** What the live table of rounds shows. */
export interface RoundsPicture {
  rounds: RoundLine[];
  nodes: NodeLine[];
  probes: Probe[];
  epoch: number;
  /** Seconds until the epoch ends. */
  left: number;
  /** So many of the nodes, the first ones, are oracles. */
  oracles: number;
}

/** Rounds that are shown, the newest last. */
const SHOWN = 8;
const STATE = 14;
const SCORES = 8;
/** Columns before the texts, and what texts get at most. */
const BEFORE_TEXTS = 4 + 2 + 10 + 1 + STATE + 1;
const MOST_QUESTION = 40;
const MOST_ANSWER = 60;
const LEAST_COLUMNS = 72;

/** A text in so many columns, on one line whatever a model wrote. */
export function cut(text: string, width: number): string {
  const flat = text.replace(/[\s\p{Cc}]+/gu, " ").trim();
  return flat.length > width ? `${flat.slice(0, width - 1)}…` : flat.padEnd(width);
}

/** Columns of question and answer: what is left of a line beside the rest of it. */
function textColumns(columns: number): { question: number; answer: number } {
  const room = Math.max(LEAST_COLUMNS, columns) - BEFORE_TEXTS - SCORES - 3;
  const question = Math.min(MOST_QUESTION, Math.floor(room * 0.48));
  return { question, answer: Math.min(MOST_ANSWER, room - question) };
}

/** A round on one line. */
export function roundRow({ round, kind, phase, ending, question, answers, validators }: RoundLine, columns: number): string {
  const colour = ending === undefined ? pc.cyan : ending === "judged" ? pc.green : pc.yellow;
  const best = answers.find(({ agreed, score }) => agreed || (score ?? 0) > 0) ?? answers[0];
  const told =
    ending === undefined ? "" : validators.length > 0 ? scoresOf(answers) : `${answers.filter((one) => one.agreed).length} agree`;
  const widths = textColumns(columns);
  const texts = `${cut(question ?? "", widths.question)} ${cut(best?.text ?? "", widths.answer)}`;
  return `${String(round).padStart(4)}  ${cut(kind, 10)} ${colour(cut(ending ?? phase, STATE))} ${texts} ${told.padEnd(SCORES)}`;
}

const scoresOf = (answers: RoundLine["answers"]) => answers.map(({ score }) => score ?? "-").join("/");

/** A node on one line: level, what it earned by line, and what it has to do in rounds that run. */
function nodeRow({ node, level, weights, asked, done, uptimeBps }: NodeLine, { rounds, oracles }: RoundsPicture, columns: number): string {
  const points = (weight: bigint) => (Number(weight) / 10_000).toFixed(1).padStart(9);
  const duties = rounds.filter(({ ending }) => ending === undefined).flatMap((round) => dutiesIn(round, node));
  const sums = [weights.liveness, weights.health, weights.service].map(points).join("");
  const line = `  ${`${node}${node <= oracles ? " oracle" : ""}`.padEnd(9)}${String(level).padStart(6)}${sums}${`${done}/${asked}`.padStart(8)}${`${Math.round(uptimeBps / 100)} %`.padStart(8)}  `;
  return `${line}${cut(duties.join(", "), Math.max(0, Math.max(LEAST_COLUMNS, columns) - line.length - 1))}`.trimEnd();
}

const dutiesIn = ({ creator, preparer, answerers, validators }: RoundLine, node: number): string[] => [
  ...(creator === node ? ["creates"] : []),
  ...(preparer === node ? ["prepares"] : []),
  ...(answerers.includes(node) ? ["answers"] : []),
  ...(validators.includes(node) ? ["scores"] : []),
];

function probeLine(probes: Probe[], columns: number): string {
  const told = probes.filter(({ answer }) => answer !== undefined);
  const last = told.at(-1);
  const right = told.filter((one) => one.right).length;
  const text = `probes: ${right} of ${told.length} right${last === undefined ? "" : `; ${last.question} ${last.answer ?? ""}`}`;
  return pc.dim(cut(text, Math.max(LEAST_COLUMNS, columns) - 1).trimEnd());
}

/** The whole picture, in lines of at most so many columns. */
export function roundsTable(picture: RoundsPicture, columns: number): string {
  const { rounds, nodes, probes, epoch, left } = picture;
  const widths = textColumns(columns);
  const head = `${"#".padStart(4)}  ${cut("kind", 10)} ${cut("state", STATE)} ${cut("question", widths.question)} ${cut("answer", widths.answer)} scores`;
  return [
    pc.bold(`Rounds of network work; epoch ${epoch} ends in ${Math.max(0, left)} s`),
    pc.dim(head),
    ...rounds.slice(-SHOWN).map((round) => roundRow(round, columns).trimEnd()),
    "",
    pc.dim(`  ${"node".padEnd(9)} level liveness   health  service    done  uptime  now`),
    ...nodes.map((node) => nodeRow(node, picture, columns)),
    "",
    probeLine(probes, columns),
  ].join("\n");
}
