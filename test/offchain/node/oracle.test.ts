import { expect } from "chai";
import { decideOracle, GRACE, type TaskSight } from "../../../offchain/node/roles/oracle.ts";
import { type Facts, State, Status } from "../../../offchain/protocol/types.ts";
import { PLAIN_FACTS } from "../../plain.ts";

const FACTS: Facts = {
  seed: 50n,
  lease: 1,
  commitsCloseAt: 1_100,
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
const QUEUED = { lease: 0, state: State.Unseeded };
const NONE = { tasks: [], draws: [], leases: [] };
/** Node 4 of 8: its turn for task 4 is the first, for task 5 the second. */
const TURNS = { node: 4, nodeCount: 8 };

const kinds = (sight: Partial<Parameters<typeof decideOracle>[0]>, timestamp: number, blockNumber = 100, turns = TURNS) =>
  decideOracle({ ...NONE, ...sight }, turns, { timestamp, blockNumber }).map(({ kind }) => kind);
const task = (facts: Partial<Facts>, closedSeenAt?: number, id = 4n): { tasks: TaskSight[] } => ({
  tasks: [{ task: id, facts: { ...FACTS, ...facts }, ...(closedSeenAt !== undefined && { closedSeenAt }) }],
});

describe("keeper's decisions", () => {
  it("assigns a task without nodes once its seed block is mined, in time, and in turn", () => {
    expect(kinds(task(QUEUED), 1_000, 50)).to.deep.equal([]);
    expect(kinds(task(QUEUED), 1_000, 51)).to.deep.equal(["assign"]);
    expect(kinds(task(QUEUED, undefined, 5n), 1_000, 51)).to.deep.equal([]);
    expect(kinds(task(QUEUED, undefined, 5n), 1_000, 53)).to.deep.equal(["assign"]);
    expect(kinds(task(QUEUED), 1_100, 51)).to.deep.equal([]);
  });

  it("leaves a leased task alone while it runs", () => {
    expect(kinds(task({}), 1_050)).to.deep.equal([]);
    expect(kinds(task({ committed: 0b111, commitsCloseAt: 1_040 }), 1_050)).to.deep.equal([]);
  });

  it("settles what is closed after the others' grace, in turn", () => {
    expect(kinds(task({}, 1_101), 1_101 + GRACE - 1)).to.deep.equal([]);
    expect(kinds(task({}, 1_101), 1_101 + GRACE)).to.deep.equal(["settle"]);
    expect(kinds(task({}, 1_101, 5n), 1_101 + GRACE)).to.deep.equal([]);
    expect(kinds(task({}, 1_101, 5n), 1_101 + 2 * GRACE)).to.deep.equal(["settle"]);
  });

  it("settles also what everybody opened, what was never assigned, and what stayed unopened", () => {
    expect(kinds(task({ committed: 0b11, revealed: 0b11 }, 1_150), 1_180)).to.deep.equal(["settle"]);
    expect(kinds(task(QUEUED, 1_101), 1_120)).to.deep.equal(["settle"]);
    expect(kinds(task({ committed: 0b11, revealed: 0b01 }, 1_201), 1_220)).to.deep.equal(["settle"]);
    expect(kinds(task({ status: Status.Accepted }, 1_101), 1_120)).to.deep.equal([]);
  });

  it("draws a lease that was asked for, and collects one that has lapsed", () => {
    const draws = [{ session: 4, seedBlock: 50 }];
    expect(kinds({ draws }, 1_000, 50)).to.deep.equal([]);
    expect(kinds({ draws }, 1_000, 51)).to.deep.equal(["drawLease"]);
    const leases = [{ lease: 4, until: 1_000 }];
    expect(kinds({ leases }, 1_000)).to.deep.equal([]);
    expect(kinds({ leases }, 1_001)).to.deep.equal(["collect"]);
    expect(kinds({ leases }, 1_004, 100, { node: 5, nodeCount: 8 })).to.deep.equal([]);
    expect(kinds({ leases }, 1_005, 100, { node: 5, nodeCount: 8 })).to.deep.equal(["collect"]);
  });

  it("gives each of the first keepers another turn, and makes none wait for more than four", () => {
    const after = (node: number) => {
      for (let waited = 0; waited < 100; waited++)
        if (kinds(task({}, 1_101), 1_101 + waited, 100, { node, nodeCount: 1_000 }).length > 0) return waited;
      throw new Error("never");
    };
    expect([4, 5, 6, 7].map(after)).to.deep.equal([GRACE, 2 * GRACE, 3 * GRACE, 4 * GRACE]);
    for (let node = 1; node < 60; node++) expect(after(node)).to.be.at.most(4 * GRACE);
  });
});
