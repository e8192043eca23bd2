import { expect } from "chai";
import { type CarrierSight, decide, MOST_COMMITS, MOST_REVEALS } from "../../../offchain/router/carrier.ts";
import { type Facts, State, Status } from "../../../offchain/protocol/types.ts";
import { PLAIN_FACTS } from "../../plain.ts";

/** Three seats, two must agree; commits from 1000 to 1100, openings until 1200. */
const FACTS: Facts = {
  seed: 7n,
  lease: 1,
  commitsCloseAt: 1100,
  revealWindow: 100,
  committed: 0,
  revealed: 0,
  redundancy: 3,
  quorum: 2,
  generation: 0,
  state: State.Seeded,
  ...PLAIN_FACTS,
  status: Status.Open,
};

type Changes = Partial<Omit<CarrierSight, "facts" | "carrying">> & { facts?: Partial<Facts>; carrying?: Partial<CarrierSight["carrying"]> };

function sight({ facts, carrying, ...rest }: Changes): CarrierSight {
  return {
    task: 1n,
    terms: { commitWindow: 100, revealWindow: 100 },
    commitments: 0,
    openings: 0,
    ...rest,
    facts: { ...FACTS, ...facts },
    carrying: { commitments: 0, openings: 0, settling: false, ...carrying },
  };
}

const commit = (seats: number) => [{ kind: "commit", tasks: [{ task: 1n, seats }] }];
const reveal = (seats: number) => [{ kind: "reveal", tasks: [{ task: 1n, seats }] }];
const settle = [{ kind: "settle", task: 1n }];

const TABLE: [what: string, at: number, changes: Changes, wanted: unknown[]][] = [
  ["nothing held", 1001, {}, []],
  ["some commitments, early", 1001, { commitments: 0b011 }, []],
  ["all commitments, early", 1001, { commitments: 0b111 }, commit(0b111)],
  ["one commitment when patience ends", 1025, { commitments: 0b010 }, commit(0b010)],
  ["one commitment a second before", 1024, { commitments: 0b010 }, []],
  ["the last one, the others being on chain", 1005, { commitments: 0b111, facts: { committed: 0b011 } }, commit(0b100)],
  ["a late one", 1060, { commitments: 0b110, facts: { committed: 0b010 } }, commit(0b100)],
  ["all on their way", 1005, { commitments: 0b111, carrying: { commitments: 0b111 } }, []],
  ["one more while others are on their way", 1050, { commitments: 0b111, carrying: { commitments: 0b011 } }, commit(0b100)],
  ["the last second for commitments", 1100, { commitments: 0b001 }, commit(0b001)],
  ["too late for commitments, below the quorum", 1101, { commitments: 0b001, facts: { committed: 0b001 } }, settle],
  ["the committee is not drawn yet", 1001, { commitments: 0b111, facts: { state: State.Unseeded, seed: 50n } }, []],
  ["no lease yet", 1001, { commitments: 0b111, facts: { lease: 0 } }, []],
  ["no openings", 1101, { facts: { committed: 0b111 } }, []],
  ["some openings, early", 1101, { openings: 0b011, facts: { committed: 0b111 } }, []],
  ["all openings", 1101, { openings: 0b111, facts: { committed: 0b111 } }, reveal(0b111)],
  ["all openings of those who committed", 1101, { openings: 0b101, facts: { committed: 0b101 } }, reveal(0b101)],
  ["openings when patience ends", 1125, { openings: 0b011, facts: { committed: 0b111 } }, reveal(0b011)],
  ["the missing opening", 1150, { openings: 0b111, facts: { committed: 0b111, revealed: 0b011 } }, reveal(0b100)],
  ["nothing new to reveal", 1150, { openings: 0b011, facts: { committed: 0b111, revealed: 0b011 } }, []],
  ["an opening of a seat that did not commit", 1150, { openings: 0b100, facts: { committed: 0b011 } }, []],
  ["a reveal on its way", 1150, { openings: 0b111, facts: { committed: 0b111 }, carrying: { openings: 0b011 } }, []],
  ["openings before commits have closed", 1050, { openings: 0b011, facts: { committed: 0b011 } }, []],
  ["the last second for openings", 1200, { openings: 0b001, facts: { committed: 0b011 } }, reveal(0b001)],
  ["too late for openings", 1201, { openings: 0b011, facts: { committed: 0b011 } }, settle],
  ["all revealed and not settled", 1150, { facts: { committed: 0b011, revealed: 0b011 } }, settle],
  ["nobody committed", 1101, {}, settle],
  ["a settlement on its way", 1201, { facts: { committed: 0b011 }, carrying: { settling: true } }, []],
  ["an ended task", 1201, { facts: { status: Status.Accepted } }, []],
];

describe("a carrier's decisions", () => {
  for (const [what, timestamp, changes, wanted] of TABLE) {
    it(`${what}: ${wanted.length === 0 ? "waits" : (wanted[0] as { kind: string }).kind}`, () => {
      expect(decide([sight(changes)], { timestamp, blockNumber: 20 })).to.deep.equal(wanted);
    });
  }

  it("sends what is ready in the same moment together, up to a limit", () => {
    const count = MOST_COMMITS + 1;
    const committing = Array.from({ length: count }, (_, i) => sight({ task: BigInt(i), commitments: 0b111 }));
    const revealing = Array.from({ length: 3 }, (_, i) =>
      sight({ task: BigInt(100 + i), openings: 0b111, facts: { committed: 0b111, commitsCloseAt: 1000 } }),
    );
    const actions = decide([...committing, ...revealing], { timestamp: 1001, blockNumber: 20 });
    const sizes = actions.map((action) => (action.kind === "settle" ? [action.kind, 1] : [action.kind, action.tasks.length]));
    expect(sizes).to.deep.equal([
      ["commit", MOST_COMMITS],
      ["commit", 1],
      ["reveal", 3],
    ]);
    expect(MOST_REVEALS).to.be.above(3);
  });
});
