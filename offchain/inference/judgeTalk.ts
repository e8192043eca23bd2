/**
 * Words in an answer that are meant for whoever scores it. An answer is scored with and without them and keeps the lower score, so that such words
 * never gain anything; a list of phrases cannot be complete, and what it misses is judged like any other words that the question did not ask for.
 */

/** Ways to speak to a judge. Each is passed over where the question itself speaks so. */
const JUDGE_TALK: readonly RegExp[] = [
  // An order about what the judge was told.
  /\b(?:ignore|disregard|forget|override|overrule)\b[^.!?\n]*\b(?:instructions?|rubric|rules?|prompts?|above|previous|before|told)\b/iu,
  // A mark that it asks for: "score of 10", "Score: 10/10", "grade this 10", "full marks", "ten points".
  /\b(?:score|grade|rating|rate|marks?|points?)\b[^.!?\n]{0,24}\b(?:\d+|ten|full|highest|maximum|top|perfect)\b/iu,
  /\b(?:full|highest|maximum|top|perfect|ten)\s+(?:score|grade|rating|marks?|points?)\b/iu,
  /\b\d+\s*(?:\/|out of)\s*10\b/iu,
  // A judge's reply, and a role that it plays.
  /["'{]\s*(?:score|grade|rating)\s*["']?\s*:/iu,
  /(?:^|\n)\s*(?:system|assistant|user|judge|grader|evaluator|validator)\s*:/iu,
  /\b(?:rubric|grader|evaluator|(?:dear|the|my) judges?)\b/iu,
  // Praise of itself.
  /\b(?:this|the|my)\s+(?:answer|response|reply)\s+(?:is|was)\s+(?:perfect|correct|excellent|flawless|right)\b/iu,
];

/** The pieces of a text: sentences and lines, with what ends them. A number's point ends nothing. */
const PIECES = /[^.!?\n]+(?:[.!?]+(?=\d)[^.!?\n]+)*[.!?\n]*\s*|[.!?\n]+\s*/gu;

/**
 * The text without the pieces that speak to a judge; the same text where none does.
 * @param question what was asked: a question about grades may be answered with grades
 */
export function withoutJudgeTalk(text: string, question: string): string {
  const patterns = JUDGE_TALK.filter((pattern) => !pattern.test(question));
  if (!patterns.some((pattern) => pattern.test(text))) return text;
  const pieces = text.match(PIECES) ?? [text];
  const kept = pieces.filter((piece) => !patterns.some((pattern) => pattern.test(piece)));
  const rest = kept.join("").trim();
  // Talk that runs over several pieces leaves nothing that could be trusted.
  return patterns.some((pattern) => pattern.test(rest)) ? "" : rest;
}
