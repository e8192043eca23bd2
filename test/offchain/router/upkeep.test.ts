import { expect } from "chai";
import { decideLease, type LeaseSight } from "../../../offchain/router/upkeep.ts";

/** A lease of 1000 seconds that ends at 2000, of three nodes. */
const SESSION = {
  closed: false,
  lease: 1,
  leaseUntil: 2000,
  leaseNodes: 3,
  seedBlock: 0,
  reservedSeconds: 1000,
  reserveBy: 0,
  rules: { leased: true },
};
type Changes = Partial<Omit<typeof SESSION, "rules">> & { rules?: { leased: boolean } };

const sight = (eligible: number, changes: Changes = {}, held = true): LeaseSight => ({
  session: { ...SESSION, ...changes } as LeaseSight["session"],
  eligible,
  held,
});

const TABLE: [what: string, at: number, sight: LeaseSight, wanted: string][] = [
  ["a fresh lease", 1100, sight(3), "wait"],
  ["a lease before 70 % of it", 1699, sight(3), "wait"],
  ["a lease at 70 %, and nodes are free", 1700, sight(3), "reserve"],
  ["a lease at 70 %, and too few nodes are free", 1700, sight(2), "wait"],
  ["no lease", 1000, sight(3, { lease: 0, leaseUntil: 0, reservedSeconds: 0 }), "reserve"],
  ["no lease and too few nodes", 1000, sight(0, { lease: 0, leaseUntil: 0, reservedSeconds: 0 }), "wait"],
  ["a pending draw whose seed is not mined", 1000, sight(3, { seedBlock: 20 }), "wait"],
  ["a pending draw whose seed is mined", 1000, sight(3, { seedBlock: 19 }), "drawLease"],
  ["a pending draw without nodes", 1000, sight(1, { seedBlock: 19, reserveBy: 1500 }), "wait"],
  ["a pending draw without nodes, too late", 1501, sight(1, { seedBlock: 19, reserveBy: 1500 }), "cancelReservation"],
  ["a lapsed lease that holds the nodes", 2001, sight(0), "collect"],
  ["a lapsed lease that was collected", 2001, sight(3, {}, false), "reserve"],
  ["a lapsed lease, collected, and no nodes", 2001, sight(0, {}, false), "wait"],
  ["a closed session", 2001, sight(3, { closed: true }), "wait"],
  ["a session without leases", 2001, sight(3, { rules: { leased: false } }), "wait"],
];

describe("the upkeep of a lease", () => {
  for (const [what, timestamp, given, wanted] of TABLE) {
    it(`${what}: ${wanted}`, () => {
      expect(decideLease(given, { timestamp, blockNumber: 20 }).kind).to.equal(wanted);
    });
  }

  it("says what is short", () => {
    expect(decideLease(sight(2), { timestamp: 1800, blockNumber: 20 })).to.include({ short: true, reason: "found 2 free nodes, wanted 3" });
  });
});
