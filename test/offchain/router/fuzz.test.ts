import { expect } from "chai";
import { fuzzRouter } from "./fuzz.ts";

describe("requests made by chance", function () {
  this.timeout(120_000);

  it("never give a 5xx, a hang, or a charge without a task (K8)", async () => {
    const { wrong, statuses, tasks } = await fuzzRouter(600, 20_260_131);
    expect(wrong).to.deep.equal([]);
    // They are of every kind: some are answered, some refused.
    expect(statuses).to.include.keys("200", "400", "404");
    expect(tasks).to.be.above(5);
  });
});
