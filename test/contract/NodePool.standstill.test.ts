import { expect } from "chai";
import { PendingDraws } from "../../scripts/scale/standstill.ts";
import { Random } from "../simulation/random.ts";
import { MODEL } from "./network.ts";
import { signerAt, useNetwork } from "./suite.ts";

const STEPS = 80;
const MOST = 4;

describe("NodePool: overlapping draws", () => {
  const net = useNetwork({ nodes: 3, leased: false });

  it("keep the lists still exactly when the simulation of scale says so, and whoever joins meanwhile waits", async () => {
    const { modules, client, ethers, networkHelpers, parameters, record } = net();
    const { NodePool, COR } = modules;
    const pool = NodePool.connect(await signerAt(net(), record.addresses.Session));
    const pending = new PendingDraws();
    const random = new Random(11);
    const seedBlocks: number[] = [];
    let [held, moved, joined] = [0, 0, 0];
    await COR.transfer(client.address, parameters.pool.minStake);
    await COR.connect(client).approve(NodePool.target, parameters.pool.minStake);
    for (let step = 0; step < STEPS; step++) {
      const next = (await ethers.provider.getBlockNumber()) + 1;
      if (seedBlocks.length > 0 && next > seedBlocks[0]! && random.chance(0.6)) {
        await pool.retireDraw(MODEL);
        pending.retire();
        seedBlocks.shift();
      } else if (seedBlocks.length < MOST && random.chance(0.5)) {
        const seedBlock = next + parameters.seedDelay;
        await pool.announceDraw(MODEL, seedBlock);
        pending.announce(seedBlock);
        seedBlocks.push(seedBlock);
      } else if (joined === 0 && pending.at(next)) {
        await NodePool.connect(client).register(client.address, MODEL, parameters.pool.minStake, "");
        joined = Number(await NodePool.nodeCount());
        expect((await NodePool.eligible(MODEL, 0, 10)).map(Number)).not.to.include(joined);
      } else await networkHelpers.mine(1);
      const found = await NodePool.drawPending(MODEL);
      expect(found, `step ${step}`).to.equal(pending.at(await ethers.provider.getBlockNumber()));
      if (found) held++;
      else moved++;
    }
    expect(Math.min(held, moved), "both were seen").to.be.greaterThan(5);
    expect(joined, "somebody joined while they stood still").to.be.greaterThan(0);
    for (; seedBlocks.length > 0; seedBlocks.pop()) {
      await networkHelpers.mine(parameters.seedDelay + 1);
      await pool.retireDraw(MODEL);
    }
    await NodePool.enlist(joined);
    expect((await NodePool.eligible(MODEL, 0, 10)).map(Number)).to.include(joined);
  });
});
