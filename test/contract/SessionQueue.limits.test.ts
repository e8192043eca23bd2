import { expect } from "chai";
import { Status } from "../../offchain/protocol/types.ts";
import { differing, startNetwork } from "./network.ts";
import { receiptOf } from "./suite.ts";

const QUARTER_OF_A_BLOCK = 30_000_000 / 4;

describe("SessionQueue: the largest tasks", () => {
  for (const [redundancy, prompts] of [
    [1, 1_024],
    [3, 341],
    [9, 113],
  ] as const) {
    it(`G2 I2 ${prompts} prompts with ${redundancy} answers that all differ end within a quarter of a block of 30 million gas`, async () => {
      const net = await startNetwork({ nodes: redundancy, redundancy, maxPrompts: prompts });
      const { SessionQueue: queue } = net.modules;
      const task = await net.submit(prompts);
      // All mean the same, so that nothing is saved: every prompt is compared, and every seat paid.
      await net.commitCarried(task, (seat) => differing(prompts, seat, 20));
      await net.networkHelpers.mine(1);
      const receipt = await receiptOf(queue.reveal(net.handover(task)));
      expect((await net.factsOf(task)).status).to.equal(Status.Accepted);
      expect(Number(receipt.gasUsed)).to.be.lessThan(QUARTER_OF_A_BLOCK);
      await net.close();
    }).timeout(120_000);
  }
});
