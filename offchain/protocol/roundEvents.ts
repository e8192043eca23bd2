import type { DataSetRound } from "./dataSet.ts";

/** Names of `Phase`, `Awaits`, `Kind` and `Ending`, in their order on chain. */
export const ROUND_PHASES = ["none", "request", "create", "prepare", "start", "commit", "reveal", "score", "ended", "aborted"] as const;
export const ROUND_AWAITS = [
  "nothing",
  "seed",
  "claim",
  "topics",
  "questions",
  "commitments",
  "openings",
  "scores",
  "score openings",
  "advance",
] as const;
export const ROUND_KINDS = ["none", "liveness", "capability"] as const;
export const ROUND_ENDINGS = [
  "judged",
  "undecided",
  "no nodes",
  "no creator",
  "no preparer",
  "too few commitments",
  "too few openings",
  "content refused",
] as const;

/** A decoded event of `PoUW`: its name, its arguments by name, and the time of its block (seconds). */
export interface RoundEvent {
  name: string;
  args: Record<string, unknown>;
  time: number;
}

/** A round as its events tell it. Seats are indices of `answerers`. */
interface RoundStory {
  round: number;
  kind: "liveness" | "capability";
  model: string;
  template: string;
  topics?: string;
  questions?: string;
  creator?: number;
  preparer?: number;
  startedAt: number;
  committedAt: Map<number, number>;
  openings: Map<number, { node: number; digest: string; sketch: string; tokens: number }>;
  scored: boolean;
  end?: { ending: string; canonical: number; agreed: number; medians: bigint };
}

/**
 * Rounds that ended with a judgement, as records of a data set, without texts.
 * @param events of `PoUW`, in the order in which they happened, from each round's opening on
 */
export function dataSetRounds(events: Iterable<RoundEvent>): DataSetRound[] {
  const stories = new Map<number, RoundStory>();
  for (const event of events) follow(stories, event);
  return [...stories.values()].flatMap((story) => {
    const record = recordOf(story);
    return record === undefined ? [] : [record];
  });
}

function follow(stories: Map<number, RoundStory>, { name, args, time }: RoundEvent): void {
  const round = Number(args["round"]);
  if (name === "RoundOpened") {
    const kind = ROUND_KINDS[Number(args["kind"])] as RoundStory["kind"];
    const { model, template } = args as { model: string; template: string };
    stories.set(round, { round, kind, model, template, startedAt: 0, committedAt: new Map(), openings: new Map(), scored: false });
    return;
  }
  const story = stories.get(round);
  if (story === undefined) return;
  const seat = Number(args["seat"]);
  if (name === "TopicsCreated") Object.assign(story, { topics: args["topics"], creator: Number(args["node"]) });
  else if (name === "QuestionsPrepared") Object.assign(story, { questions: args["questions"], preparer: Number(args["node"]) });
  else if (name === "RoleDrawn" && Number(args["role"]) === 2) story.startedAt = time;
  else if (name === "AnswerCommitted") story.committedAt.set(seat, time);
  else if (name === "AnswerRevealed") {
    const { digest, sketch, tokens } = args["opening"] as { digest: string; sketch: string; tokens: bigint };
    story.openings.set(seat, { node: Number(args["node"]), digest, sketch, tokens: Number(tokens) });
  } else if (name === "ScoreRevealed") story.scored = true;
  else if (name === "RoundClosed")
    story.end = {
      ending: ROUND_ENDINGS[Number(args["ending"])]!,
      canonical: Number(args["canonical"]),
      agreed: Number(args["agreed"]),
      medians: args["medians"] as bigint,
    };
}

function recordOf(story: RoundStory): DataSetRound | undefined {
  const { round, kind, model, template, topics, questions, creator, preparer, end, openings } = story;
  if (end?.ending !== "judged" || topics === undefined || questions === undefined) return undefined;
  const answers = [...openings].sort(([a], [b]) => a - b);
  return {
    round,
    kind,
    model,
    template,
    topics,
    questions,
    creator: creator!,
    preparer: preparer!,
    ending: end.ending,
    canonical: openings.get(end.canonical)?.node ?? null,
    answers: answers.map(([seat, { node, digest, sketch, tokens }]) => ({
      node,
      digest,
      sketch,
      tokens,
      seconds: (story.committedAt.get(seat) ?? story.startedAt) - story.startedAt,
      agreed: ((end.agreed >> seat) & 1) === 1,
      score: story.scored ? Number((end.medians >> BigInt(4 * seat)) & 0xfn) : null,
    })),
  };
}
