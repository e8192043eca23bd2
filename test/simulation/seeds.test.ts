import { expect } from "chai";
import { readFileSync } from "node:fs";
import { simulate } from "./simulation.ts";

/** Seeds that once found something; each stays. */
const KEPT = JSON.parse(readFileSync(new URL("./seeds.json", import.meta.url), "utf8")) as { seed: number; hours: number; found: string }[];

describe("three nodes in virtual time", function () {
  this.timeout(180_000);

  it("K10: without faults every task is accepted, and nobody is silent", async () => {
    const { tasks, accepted, silentSeats, unopened, violations } = await simulate({ seed: 1, hours: 0.1, faults: false });
    expect(tasks).to.be.greaterThan(2);
    expect({ accepted, silentSeats, unopened, violations }).to.deep.equal({ accepted: tasks, silentSeats: 0, unopened: 0, violations: [] });
  });

  for (const seed of [11, 12]) {
    it(`K1, K3, K4, K5, K10: seed ${seed} ends as without faults, or with penalties that a lasting fault explains`, async () => {
      expect((await simulate({ seed, hours: 0.15 })).violations).to.deep.equal([]);
    });
  }

  for (const { seed, hours, found } of KEPT) {
    it(`seed ${seed} over ${hours} h, which once found: ${found.replace(/\d{6,}/g, "N")}`, async () => {
      expect((await simulate({ seed, hours })).violations).to.deep.equal([]);
    });
  }
});
