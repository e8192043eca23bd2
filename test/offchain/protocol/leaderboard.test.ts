import { expect } from "chai";
import { imagesOf, leaderboardOf } from "../../../offchain/protocol/leaderboard.ts";
import { historyOf } from "../../../offchain/protocol/networkHistory.ts";
import { type Mark, packPart, partOf } from "../../../offchain/protocol/parts.ts";

const part = (node: number, mark: Mark) =>
  packPart({ node, role: "answerer", conduct: "opened", mark, level: 0, line: "health", points: 3 });
const booked = (time: number, parts: bigint[]) => ({
  name: "PartsBooked",
  args: { round: 1n, parts, passesUp: 2n, missesDown: 2n },
  transaction: `0x${time}`,
  time,
});

describe("Leaderboard", () => {
  const events = [
    booked(1_000, [part(1, "capable"), part(2, "pass"), part(3, "miss"), part(4, "pass")]),
    booked(2_000, [part(1, "capable"), part(2, "capable"), part(4, "capable")]),
  ];

  it("N9 ranks by level, then score, then passes, from events alone; equals share a rank", () => {
    const board = leaderboardOf(historyOf(events), 2_000);
    expect(board.map(({ rank, node, level, streak }) => ({ rank, node, level, streak }))).to.deep.equal([
      { rank: 1, node: 1, level: 1, streak: 0 },
      { rank: 2, node: 2, level: 0, streak: 1 },
      { rank: 2, node: 4, level: 0, streak: 1 },
      { rank: 4, node: 3, level: 0, streak: 0 },
    ]);
    expect(board[0]).to.deep.include({ passes: 2, passRate: 1, lastPassAt: 2_000, atTop: false });
  });

  it("N10 images are ranked by the results of the nodes that declare them", () => {
    const images = new Map([
      [1, "0xaa"],
      [2, "0xbb"],
      [3, "0xbb"],
    ]);
    const ranked = imagesOf(leaderboardOf(historyOf(events), 2_000, images));
    expect(ranked.map(({ rank, image, nodes, passes }) => ({ rank, image, nodes, passes }))).to.deep.equal([
      { rank: 1, image: "0xaa", nodes: 1, passes: 2 },
      { rank: 2, image: "0xbb", nodes: 2, passes: 2 },
    ]);
  });

  it("N9 a level that governance set, and a part that says nothing, are read as they are", () => {
    const set = { name: "LevelChanged", args: { node: 3n, level: 9n }, transaction: "0x9", time: 3_000 };
    expect(historyOf([...events, set]).levels.get(3)).to.equal(9);
    const moved = { ...set, transaction: events[1]!.transaction };
    expect(historyOf([...events, moved]).levels.get(3)).to.equal(0);
    expect(partOf(part(7, "pass"))).to.deep.include({ node: 7, mark: "pass", points: 3 });
    expect(() => partOf(9n << 24n)).to.throw(RangeError, "wanted at most 3");
    expect(() => historyOf([{ ...set, name: "Else" }])).to.throw("found event Else");
  });
});
