import { canonicalJson } from "./canonicalJson.ts";

/** Name and version of the format; a reader refuses what it does not know. */
export const DATA_SET_FORMAT = "corroborate/rounds/1";

/** One answer of a round. `text` is the content under `digest`, where it could be fetched and hashes to it. */
export interface DataSetAnswer {
  node: number;
  digest: string;
  sketch: string;
  tokens: number;
  /** Seconds from the draw to the commitment. */
  seconds: number;
  /** Whether it lies in the canonical answer's group. */
  agreed: boolean;
  /** Median usefulness, 0 to 10; null without validators. */
  score: number | null;
  text?: string;
}

/** One round: what was asked, what was answered, what it was worth. Content by digest, and as text where it could be fetched. */
export interface DataSetRound {
  round: number;
  kind: "liveness" | "capability";
  model: string;
  template: string;
  topics: string;
  questions: string;
  question?: string;
  creator: number;
  preparer: number;
  /** Why it ended, as in `Ending`. */
  ending: string;
  /** Node of the canonical answer; null where none stood alone. */
  canonical: number | null;
  answers: DataSetAnswer[];
}

/** What a data set begins with. `parent` is the content id of the version before; null for the first. */
export interface DataSetHead {
  format: typeof DATA_SET_FORMAT;
  chainId: string;
  contract: string;
  parent: string | null;
  rounds: number;
}

/**
 * A data set as JSONL: the head, then a line a round in ascending order. The same rounds give the same bytes, and so the same content id.
 * @param about chain, contract and parent
 */
export function encodeDataSet(about: Omit<DataSetHead, "format" | "rounds">, rounds: readonly DataSetRound[]): string {
  const head: DataSetHead = { format: DATA_SET_FORMAT, ...about, rounds: rounds.length };
  const sorted = [...rounds].sort((a, b) => a.round - b.round);
  return `${[head, ...sorted].map((line) => canonicalJson(line)).join("\n")}\n`;
}

/** Reads a data set back. Throws RangeError on another format, a cut file, or rounds out of order. */
export function decodeDataSet(text: string): { head: DataSetHead; rounds: DataSetRound[] } {
  const [first, ...lines] = text.trimEnd().split("\n");
  const head = JSON.parse(first ?? "{}") as DataSetHead;
  if (head.format !== DATA_SET_FORMAT) throw new RangeError(`found format ${JSON.stringify(head.format)}, wanted ${DATA_SET_FORMAT}`);
  if (lines.length !== head.rounds) throw new RangeError(`found ${lines.length} rounds, wanted ${head.rounds} as the head says`);
  const rounds = lines.map((line) => JSON.parse(line) as DataSetRound);
  for (const [i, { round }] of rounds.entries())
    if (i > 0 && rounds[i - 1]!.round >= round)
      throw new RangeError(`found round ${round} after ${rounds[i - 1]!.round}, wanted ascending order`);
  return { head, rounds };
}
