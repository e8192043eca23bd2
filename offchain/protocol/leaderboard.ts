import type { NetworkHistory } from "./networkHistory.ts";
import { MAX_LEVEL, scoreAt } from "./standing.ts";

/** A node's row of the leaderboard. */
export interface Ranked {
  /** From 1; equals share a rank. */
  rank: number;
  node: number;
  /** 0 to 10. */
  level: number;
  /** Score of network work now, 0 to 10,000. */
  score: number;
  passes: number;
  /** Share of rounds it was to answer in that it passed, 0 to 1; 0 where it was never asked. */
  passRate: number;
  /** Capable passes in a row at its level. */
  streak: number;
  /** Time of the last pass, seconds; 0 for none. */
  lastPassAt: number;
  atTop: boolean;
  /** Digest of the node image that it declares, where one is known. */
  image?: string;
}

/** An image by the results of the nodes that declare it. */
export interface RankedImage {
  rank: number;
  image: string;
  nodes: number;
  /** Mean score of its nodes, rounded down. */
  score: number;
  passes: number;
  passRate: number;
}

const byRank = <T>(rows: T[], worth: (row: T) => readonly number[]): { rank: number; row: T }[] => {
  const compare = (a: T, b: T) => {
    const [left, right] = [worth(a), worth(b)];
    for (const [i, value] of left.entries()) if (value !== right[i]) return right[i]! - value;
    return 0;
  };
  const sorted = [...rows].sort(compare);
  let rank = 0;
  return sorted.map((row, i) => {
    if (i === 0 || compare(sorted[i - 1]!, row) !== 0) rank = i + 1;
    return { rank, row };
  });
};

/**
 * Every node that was ever in a round, the best first: by level, then score, then passes, then the lower number. A view over events:
 * whoever reads the chain has the same.
 * @param now seconds; scores decay
 * @param images digest of the image that a node declares
 */
export function leaderboardOf(history: NetworkHistory, now: number, images: ReadonlyMap<number, string> = new Map()): Ranked[] {
  const rows = [...history.standings].map(([node, standing]) => {
    const level = history.levels.get(node) ?? 0;
    const image = images.get(node);
    return {
      node,
      level,
      score: scoreAt(standing, now),
      passes: standing.passes,
      passRate: standing.answersAsked === 0 ? 0 : standing.passes / standing.answersAsked,
      streak: standing.streak,
      lastPassAt: standing.successes[0] ?? 0,
      atTop: level === MAX_LEVEL,
      ...(image === undefined ? {} : { image }),
    };
  });
  rows.sort((a, b) => a.node - b.node);
  return byRank(rows, ({ level, score, passes }) => [level, score, passes]).map(({ rank, row }) => ({ rank, ...row }));
}

/**
 * Digest of the image that each node declares, from `ImageRegistry.ImageDeclared` in the order in which it happened; a node that took its
 * declaration back has none.
 */
export function declaredImages(events: Iterable<{ node: number; image: string }>): Map<number, string> {
  const images = new Map<number, string>();
  for (const { node, image } of events) {
    if (BigInt(image) === 0n) images.delete(node);
    else images.set(node, image);
  }
  return images;
}

/** Images by the mean score, then the passes, of the nodes that declare them. */
export function imagesOf(rows: readonly Ranked[]): RankedImage[] {
  const groups = new Map<string, Ranked[]>();
  for (const row of rows) if (row.image !== undefined) groups.set(row.image, [...(groups.get(row.image) ?? []), row]);
  const mean = (values: number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const ranked = [...groups].map(([image, own]) => ({
    image,
    nodes: own.length,
    score: Math.floor(mean(own.map(({ score }) => score))),
    passes: own.reduce((sum, { passes }) => sum + passes, 0),
    passRate: mean(own.map(({ passRate }) => passRate)),
  }));
  return byRank(ranked, ({ score, passes }) => [score, passes]).map(({ rank, row }) => ({ rank, ...row }));
}
