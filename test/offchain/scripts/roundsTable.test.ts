import { stripVTControlCharacters } from "node:util";
import { expect } from "chai";
import type { NodeLine, RoundLine } from "../../../scripts/localnet/roundsBook.ts";
import { cut, type RoundsPicture, roundsTable } from "../../../scripts/localnet/roundsTable.ts";

const round = (changes: Partial<RoundLine>): RoundLine => ({
  round: 12,
  kind: "capability",
  phase: "ended",
  ending: "too few commitments",
  creator: 1,
  preparer: 2,
  answerers: [3, 4, 5],
  validators: [6, 7],
  question: "Tell me a story about a brave dog that is longer than any column.",
  answers: [
    { node: 3, agreed: true, score: 10, text: "Once upon a time,\nthere was\t a brave dog \u001b[31mnamed Tim and so on and on and on." },
  ],
  ...changes,
});
const node = (number: number): NodeLine => ({
  node: number,
  level: 10,
  weights: { liveness: 123_450_000n, health: 9_999_000n, service: 40_000n },
  asked: 120,
  done: 118,
  uptimeBps: 8_750,
});
const picture: RoundsPicture = {
  rounds: [round({}), round({ round: 13, phase: "commit", ending: undefined as never, answerers: [1, 4, 5], validators: [] })].map(
    (line) => {
      if (line.ending === undefined) delete (line as Partial<RoundLine>).ending;
      return line;
    },
  ),
  nodes: Array.from({ length: 7 }, (_, i) => node(i + 1)),
  probes: [
    { question: "What is the capital of France?", wanted: "Paris", answer: "The capital of France is Paris.", nodes: [1, 2], right: true },
  ],
  epoch: 7_483_418,
  left: -3,
  oracles: 3,
};

describe("the table of rounds", () => {
  for (const columns of [80, 100, 120, 200])
    it(`fits into ${columns} columns, whatever a model wrote`, () => {
      const lines = stripVTControlCharacters(roundsTable(picture, columns)).split("\n");
      expect(lines.length).to.equal(1 + 1 + 2 + 1 + 1 + 7 + 1 + 1);
      for (const line of lines) expect(line.length, line).to.be.at.most(columns);
    });

  it("says who does what in rounds that run, how rounds ended, and what probes found", () => {
    const text = stripVTControlCharacters(roundsTable(picture, 120));
    expect(text).to.match(/ends in 0 s/);
    expect(text).to.match(/12 {2}capability too few commi…/);
    expect(text).to.match(/1 oracle +10 +12345\.0 +999\.9 +4\.0 +118\/120 +88 % +creates, answers$/m);
    expect(text).to.match(/4 +10 .* answers$/m);
    expect(text).to.match(/6 +10 +12345\.0 +999\.9 +4\.0 +118\/120 +88 %$/m);
    expect(text).to.match(/probes: 1 of 1 right; What is the capital of France\? The capital/);
  });

  it("puts a text on one line of a width", () => {
    expect(cut("a\n\u001bb", 5)).to.equal("a b  ");
    expect(cut("abcdef", 5)).to.equal("abcd…");
  });
});
