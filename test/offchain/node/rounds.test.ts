import { expect } from "chai";
import { decideRound, owesRound, type RoundSight } from "../../../offchain/node/roles/rounds.ts";
import { decideTime, type RunningRound, type TimeSight } from "../../../offchain/node/roles/timekeeper.ts";
import { RoundStore } from "../../../offchain/node/roundStore.ts";
import { JournalConflict } from "../../../offchain/node/journal.ts";
import { answerRequest, parseRoundTemplate, questionChoices, topicsIn } from "../../../offchain/content/roundTemplate.ts";
import { awaitsNext, type RoundFacts } from "../../../offchain/protocol/roundWork.ts";

const FACTS: RoundFacts = {
  awaits: "commitments",
  deadline: 100,
  seedBlock: 0,
  committed: 0,
  revealed: 0,
  scored: 0,
  opened: 0,
  quorum: 2,
  panelQuorum: 2,
  revealWindow: 30,
  scoreWindow: 40,
};
const now = (timestamp: number, blockNumber = 50) => ({ timestamp, blockNumber });
const sight = (changes: Partial<RoundSight>): RoundSight => ({
  ...FACTS,
  round: 7,
  role: "answerer",
  seat: 1,
  commitWindow: 40,
  work: "none",
  ...changes,
});

describe("what a round waits for in the next block", () => {
  it("is a draw once the deciding block is mined, and not before", () => {
    const drawing: RoundFacts = { ...FACTS, awaits: "seed", seedBlock: 50 };
    expect(awaitsNext(drawing, now(10, 50)).awaits).to.equal("seed");
    expect(awaitsNext(drawing, now(10, 51)).awaits).to.equal("advance");
    expect(awaitsNext(drawing, now(100, 50)).awaits).to.equal("advance");
  });

  it("are openings after the last second of commitments where a quorum committed, else the end", () => {
    expect(awaitsNext({ ...FACTS, committed: 0b011 }, now(99)).awaits).to.equal("commitments");
    expect(awaitsNext({ ...FACTS, committed: 0b011 }, now(100))).to.deep.equal({ awaits: "openings", deadline: 130 });
    expect(awaitsNext({ ...FACTS, committed: 0b001 }, now(100)).awaits).to.equal("advance");
    expect(awaitsNext({ ...FACTS, committed: 0b011 }, now(130)).awaits).to.equal("advance");
  });
});

describe("what a drawn node does in a round", () => {
  const kind = (changes: Partial<RoundSight>, timestamp = 50) => decideRound(sight(changes), now(timestamp)).kind;

  it("claims before it creates, and creates at once where the topics are ready", () => {
    expect(kind({ role: "creator", awaits: "claim" })).to.equal("claimRound");
    expect(kind({ role: "creator", awaits: "claim", work: "ready" })).to.equal("createTopics");
    expect(kind({ role: "creator", awaits: "topics" })).to.equal("createTopics");
    expect(kind({ role: "creator", awaits: "topics" }, 100)).to.equal("wait");
    expect(kind({ role: "preparer", awaits: "questions" })).to.equal("prepareQuestion");
    expect(kind({ role: "preparer", awaits: "topics" })).to.equal("wait");
  });

  it("answers, commits, waits for the others, opens", () => {
    expect(kind({})).to.equal("answerRound");
    expect(kind({ work: "ready" })).to.equal("commitAnswer");
    expect(kind({ work: "ready", committed: 0b010 })).to.equal("wait");
    expect(kind({ work: "ready", committed: 0b110 }, 100)).to.equal("openAnswer");
    expect(kind({ work: "ready", committed: 0b110, revealed: 0b010, awaits: "openings", deadline: 130 }, 101)).to.equal("wait");
    expect(kind({ work: "ready", committed: 0b101 }, 100)).to.equal("wait");
  });

  it("answers again where the commitment is on chain and the work is lost", () => {
    expect(kind({ committed: 0b011 }, 100)).to.equal("answerRound");
  });

  it("scores as it answers, by the panel's bitmaps", () => {
    expect(kind({ role: "validator", awaits: "scores" })).to.equal("scoreRound");
    expect(kind({ role: "validator", awaits: "scores", work: "ready" })).to.equal("commitScores");
    expect(kind({ role: "validator", awaits: "scores", work: "ready", scored: 0b11 }, 100)).to.equal("openScores");
    expect(kind({ role: "validator", awaits: "commitments" })).to.equal("wait");
  });

  it("gives content half of the window", () => {
    expect(decideRound(sight({}), now(50)).giveUpAt).to.equal(80);
  });

  it("owes an opening from its commitment on until it is open or too late", () => {
    expect(owesRound(sight({}), now(50))).to.equal(false);
    expect(owesRound(sight({ committed: 0b011 }), now(50))).to.equal(true);
    expect(owesRound(sight({ committed: 0b011 }), now(100))).to.equal(true);
    expect(owesRound(sight({ committed: 0b011, revealed: 0b010 }), now(100))).to.equal(false);
    expect(owesRound(sight({ committed: 0b011 }), now(130))).to.equal(false);
  });
});

const turns = { node: 1, nodeCount: 4 };
const time = (changes: Partial<TimeSight> = {}): TimeSight => ({
  running: [],
  last: 7,
  mostRunning: 2,
  nextOpenAt: 1_000,
  oracles: 3,
  isOracle: true,
  leads: false,
  mayRotate: false,
  grace: 6,
  slot: 3,
  slotSeconds: 60,
  pings: { window: 6, seconds: 30, pinged: true },
  epoch: { number: 0, seconds: 10_000 },
  done: new Set(),
  ...changes,
});

describe("what a timekeeper does", () => {
  const round = (changes: Partial<RunningRound> = {}): RunningRound => ({
    ...FACTS,
    round: 7,
    awaits: "advance",
    dueSeenAt: 200,
    ...changes,
  });
  const kinds = (changes: Partial<TimeSight>, timestamp = 200) => decideTime(time(changes), turns, now(timestamp)).map(({ kind }) => kind);

  it("advances at once where it leads, after the grace as another oracle, later still as a stand-in", () => {
    const running = [round()];
    expect(kinds({ running, leads: true })).to.include("advanceRound");
    expect(kinds({ running }, 206)).to.deep.equal([]);
    expect(kinds({ running }, 207)).to.deep.equal(["advanceRound"]);
    expect(kinds({ running, isOracle: false }, 222)).to.deep.equal([]);
    expect(kinds({ running, isOracle: false }, 223)).to.deep.equal(["advanceRound"]);
  });

  it("advances nothing that waits for its members", () => {
    expect(kinds({ running: [round({ awaits: "commitments", deadline: 900, dueSeenAt: 1 })], leads: true }, 300)).to.not.include(
      "advanceRound",
    );
  });

  it("opens when a round is due and there is room, and never without a committee", () => {
    expect(kinds({ leads: true, nextOpenAt: 200 })).to.include("openRound");
    expect(kinds({ leads: true, nextOpenAt: 201 })).to.not.include("openRound");
    expect(kinds({ leads: true, nextOpenAt: 200, running: [round(), round()] })).to.not.include("openRound");
    expect(kinds({ nextOpenAt: 190, openSeenAt: 200, isOracle: false }, 230)).to.include("openRound");
    expect(kinds({ nextOpenAt: 20, openSeenAt: 200, isOracle: false }, 207)).to.deep.equal([]);
    expect(kinds({ oracles: 0, nextOpenAt: 0 }, 9_000)).to.deep.equal([]);
  });

  it("shows that it leads twice a slot, each time once", () => {
    const counted = "countService:0:first";
    expect(kinds({ leads: true, done: new Set([counted]) }, 181)).to.deep.equal(["heartbeat"]);
    expect(kinds({ leads: true, done: new Set([counted, "heartbeat:3:0"]) }, 181)).to.deep.equal([]);
    expect(kinds({ leads: true, done: new Set(["heartbeat:3:0"]) }, 211)).to.include("heartbeat");
  });

  it("passes over a silent leader, unless it leads itself or is no oracle", () => {
    expect(kinds({ mayRotate: true })).to.deep.equal(["rotate"]);
    expect(kinds({ mayRotate: true, leads: true })).to.not.include("rotate");
    expect(kinds({ mayRotate: true, isOracle: false })).to.deep.equal([]);
  });

  it("carries everybody's pings as the leader, and its own where nobody did", () => {
    const pings = { window: 6, seconds: 30, pinged: false };
    const carried = (changes: Partial<TimeSight>, timestamp: number) =>
      decideTime(time({ pings, ...changes }), turns, now(timestamp)).filter(({ kind }) => kind === "carryPings");
    expect(carried({ leads: true }, 186)).to.deep.equal([
      { kind: "carryPings", of: "6:all", window: 6, all: true, reason: "this node leads" },
    ]);
    expect(carried({}, 197)).to.deep.equal([]);
    expect(carried({}, 198).map(({ of }) => of)).to.deep.equal(["6:own"]);
  });
});

describe("when accepted prompts are counted for rewards", () => {
  const counts = (changes: Partial<TimeSight>, timestamp: number) => {
    const sight = time({ epoch: { number: 3, seconds: 100 }, ...changes });
    return decideTime(sight, turns, now(timestamp)).flatMap((action) => (action.kind === "countService" ? [[action.of, action.all]] : []));
  };

  it("M4 is at an epoch's beginning and before its end for the leader, who counts everybody's, each time once", () => {
    expect(counts({ leads: true }, 300)).to.deep.equal([["3:first", true]]);
    expect(counts({ leads: true }, 379)).to.deep.equal([["3:first", true]]);
    expect(counts({ leads: true, done: new Set(["countService:3:first"]) }, 379)).to.deep.equal([]);
    expect(counts({ leads: true, done: new Set(["countService:3:first"]) }, 380)).to.deep.equal([["3:last", true]]);
  });

  it("M4 is in its last tenth for every other node, which counts its own", () => {
    expect(counts({}, 389)).to.deep.equal([]);
    expect(counts({ isOracle: false }, 390)).to.deep.equal([["3:own", false]]);
    expect(counts({ oracles: 0 }, 390)).to.deep.equal([]);
  });
});

describe("a round's content", () => {
  it("names topics without numbers, full stops and the word and", () => {
    expect(topicsIn("Dog, cat and horse.")).to.deep.equal(["dog", "cat", "horse"]);
    expect(topicsIn("1. Tides\n2. Rome")).to.deep.equal(["tides", "rome"]);
    expect(topicsIn("...")).to.deep.equal(["..."]);
  });

  it("asks greedily, so that the same model gives the same answer", () => {
    const template = parseRoundTemplate(
      new TextEncoder().encode(
        JSON.stringify({
          name: "t",
          version: 1,
          topics: "T",
          question: "Q {topic}",
          choices: ["What is {a topic}?"],
          answer: "A: {question}",
          rubric: "R",
        }),
      ),
    );
    expect(questionChoices(template, "Dog, owl", 0)).to.deep.equal(["What is a dog?"]);
    expect(questionChoices(template, "Dog, owl", 1)).to.deep.equal(["What is an owl?"]);
    const { prompts, sampling } = answerRequest(template, "What is cat?", 9);
    expect(prompts[0]!.messages[0]!.content).to.equal("A: What is cat?");
    expect([sampling.temperature, sampling.maxTokens]).to.deep.equal([0, 9]);
  });

  it("refuses a template that is none", () => {
    expect(() => parseRoundTemplate(new TextEncoder().encode('{"name":"t"}'))).to.throw("the template is not valid");
  });
});

describe("the store of rounds", () => {
  it("binds a seat to one commitment for ever", () => {
    const store = new RoundStore(":memory:", 31_337n, "0xA0");
    const work = { round: 7, role: "answerer", seat: 1, commitment: "0x01", opening: "{}" } as const;
    store.save(work);
    store.save(work);
    expect(() => store.save({ ...work, commitment: "0x02" })).to.throw(JournalConflict);
    store.save({ ...work, seat: 2, commitment: "0x02" });
    expect(store.work(work)?.commitment).to.equal("0x01");
    store.close();
  });
});
