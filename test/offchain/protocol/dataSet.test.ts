import { expect } from "chai";
import { decodeDataSet, encodeDataSet } from "../../../offchain/protocol/dataSet.ts";
import { dataSetRounds, type RoundEvent } from "../../../offchain/protocol/roundEvents.ts";

const hex = (byte: string) => `0x${byte.repeat(32)}`;

/** The events of one judged capability round with three answers. */
function eventsOf(round: bigint, ending = 0n): RoundEvent[] {
  const event = (name: string, time: number, args: Record<string, unknown>): RoundEvent => ({ name, time, args: { round, ...args } });
  const opening = (digest: string) => ({ digest, sketch: hex("0c"), tokens: 33n });
  return [
    event("RoundOpened", 100, { kind: 2n, model: hex("aa"), template: hex("bb") }),
    event("TopicsCreated", 110, { node: 1n, topics: hex("01") }),
    event("QuestionsPrepared", 120, { node: 2n, questions: hex("02") }),
    event("RoleDrawn", 130, { role: 2n }),
    event("AnswerCommitted", 141, { seat: 1n, node: 4n }),
    event("AnswerCommitted", 135, { seat: 0n, node: 3n }),
    event("AnswerRevealed", 150, { seat: 1n, node: 4n, opening: opening(hex("f4")) }),
    event("AnswerRevealed", 150, { seat: 0n, node: 3n, opening: opening(hex("f3")) }),
    event("ScoreRevealed", 160, { seat: 0n }),
    event("RoundClosed", 170, { ending, canonical: 1n, agreed: 0b10n, medians: 0x58n }),
  ];
}

describe("Data set", () => {
  it("W12 a judged round becomes a record: contents by digest, seconds from draw to commitment, scores, the canonical node", () => {
    const [record] = dataSetRounds(eventsOf(7n));
    expect(record).to.deep.equal({
      round: 7,
      kind: "capability",
      model: hex("aa"),
      template: hex("bb"),
      topics: hex("01"),
      questions: hex("02"),
      creator: 1,
      preparer: 2,
      ending: "judged",
      canonical: 4,
      answers: [
        { node: 3, digest: hex("f3"), sketch: hex("0c"), tokens: 33, seconds: 5, agreed: false, score: 8 },
        { node: 4, digest: hex("f4"), sketch: hex("0c"), tokens: 33, seconds: 11, agreed: true, score: 5 },
      ],
    });
  });

  it("W12 rounds that were not judged, or that run, are in no data set", () => {
    expect(dataSetRounds(eventsOf(1n, 5n))).to.deep.equal([]);
    expect(dataSetRounds(eventsOf(1n).slice(0, -1))).to.deep.equal([]);
    expect(dataSetRounds(eventsOf(1n).slice(1))).to.deep.equal([]);
  });

  it("W12 the same rounds give the same bytes in any order, under a head that names format and parent, and can be read back", () => {
    const about = { chainId: "31337", contract: `0x${"12".repeat(20)}`, parent: null };
    const rounds = [...dataSetRounds(eventsOf(9n)), ...dataSetRounds(eventsOf(7n))];
    const text = encodeDataSet(about, rounds);
    expect(encodeDataSet(about, [...rounds].reverse())).to.equal(text);
    expect(text.split("\n").length).to.equal(4);
    const { head, rounds: found } = decodeDataSet(text);
    expect(head).to.deep.equal({ format: "corroborate/rounds/1", ...about, rounds: 2 });
    expect(found.map(({ round }) => round)).to.deep.equal([7, 9]);
    expect(encodeDataSet({ ...about, parent: "bafkrei" }, found)).to.not.equal(text);
  });

  it("a cut, unordered or foreign file is refused", () => {
    const text = encodeDataSet({ chainId: "1", contract: "0x", parent: null }, [
      ...dataSetRounds(eventsOf(1n)),
      ...dataSetRounds(eventsOf(2n)),
    ]);
    const [head, one, two] = text.trimEnd().split("\n");
    expect(() => decodeDataSet(`${head}\n${one}\n`)).to.throw(RangeError, "found 1 rounds, wanted 2");
    expect(() => decodeDataSet(`${head}\n${two}\n${one}\n`)).to.throw(RangeError, "found round 1 after 2");
    expect(() => decodeDataSet(text.replace("rounds/1", "rounds/9"))).to.throw(RangeError, "wanted corroborate/rounds/1");
  });
});
