import type { Message } from "../protocol/manifest.ts";
import type { Engine } from "./engine.ts";
import { EngineError } from "./engine.ts";
import { withoutJudgeTalk } from "./judgeTalk.ts";
import { likenessScore } from "./likeness.ts";
import { canaryOf, canGrade, gradeByRubric, GREEDY, passes } from "./rubric.ts";

/** An answer to be scored. */
export interface ScoredAnswer {
  messages: Message[];
  text: string;
  /** Known to the validator alone, and the same whenever it scores this answer: the marks around it and the canary beside it follow from it. */
  secret: string;
}

/** Says how useful an answer is, 0 to 10. */
export interface Usefulness {
  /** "rubric": a model that passed the canaries grades too; "likeness": only what the registered model itself would say counts. */
  readonly manner: "rubric" | "likeness";
  score(answer: ScoredAnswer, signal?: AbortSignal): Promise<number>;
}

type Scorer = Pick<Engine, "complete" | "embed" | "likelihood">;

/**
 * Scores by likeness to the registered model, and by rubric too where the engine's model can grade, which canaries decide. A grade counts only where the canary beside
 * it got the grade that it deserves, and never lifts a score: an answer that talks a judge into 10 gains nothing.
 */
export async function createUsefulness(engine: Scorer): Promise<Usefulness> {
  const manner = (await canGrade(engine)) ? "rubric" : "likeness";
  return {
    manner,
    score: async (answer, signal) => {
      const likeness = await scoreByLikeness(engine, answer, signal);
      if (manner === "likeness" || likeness === 0) return likeness;
      const grade = await checkedGrade(engine, answer, signal);
      return grade === undefined ? likeness : Math.min(likeness, Math.round((likeness + grade) / 2));
    },
  };
}

/** The score by what the engine's own model would say: of the answer, and of what is left of it without words for its judge, the lower. */
export async function scoreByLikeness(
  engine: Scorer,
  { messages, text }: Pick<ScoredAnswer, "messages" | "text">,
  signal?: AbortSignal,
): Promise<number> {
  const rest = withoutJudgeTalk(text, messages.at(-1)?.content ?? "");
  if (text.trim() === "" || rest.trim() === "") return 0;
  const options = signal === undefined ? {} : { signal };
  const own = await engine.complete({ messages, sampling: GREEDY, jobSeed: "own answer" }, options);
  const mine = await engine.embed(own.text, options);
  const score = async (part: string) => {
    const theirs = await engine.embed(part, options);
    const cosine = mine.reduce((sum, value, i) => sum + value * theirs[i]!, 0);
    return likenessScore(cosine, await engine.likelihood(messages, part, options));
  };
  const whole = await score(text);
  return rest === text || whole === 0 ? whole : Math.min(whole, await score(rest));
}

/** A grade, where the canary beside it shows that the judge was not talked round. */
async function checkedGrade(engine: Scorer, { messages, text, secret }: ScoredAnswer, signal?: AbortSignal): Promise<number | undefined> {
  const canary = canaryOf(secret);
  try {
    const question = messages.at(-1)!.content;
    const grade = await gradeByRubric(engine, question, text, secret, signal);
    // Between other marks: what talks a judge round between these seldom does between those.
    const again = await gradeByRubric(engine, question, text, `${secret} again`, signal);
    const control = await gradeByRubric(engine, canary.question, canary.answer, `${secret} canary`, signal);
    return passes(canary, control) ? Math.min(grade, again) : undefined;
  } catch (error) {
    if (error instanceof EngineError && error.code === "PromptTooLong") return undefined;
    throw error;
  }
}
