import { expect } from "chai";
import type { Crowd } from "../../types/ethers-contracts/test/contracts/harness/Crowd.ts";
import { MODEL, type Network, startNetwork } from "./network.ts";
import { deployHarness, receiptOf } from "./suite.ts";

const FEW = 10;
const MANY = 10_000;
const BATCH = 100;

/** Gas of the steps of a request, with a pool of this size. */
interface Steps {
  draw: number;
  submit: number;
  assign: number;
  commit: number;
  reveal: number;
}

/** A network with nodes that work (leased from the start) and a crowd that only stands in the pool. */
async function crowded(size: number, leased: boolean): Promise<Network> {
  const net = await startNetwork({ nodes: FEW, leased });
  const { NodePool } = net.modules;
  if (size > FEW) {
    await NodePool.setParameters({ ...net.parameters.pool, minStake: 0 });
    const crowd = await deployHarness<Crowd>(net, "Crowd");
    for (let left = size - FEW; left > 0; left -= BATCH) {
      await crowd.enrol(NodePool.target, MODEL, Math.min(BATCH, left), { gasLimit: 59_000_000 });
    }
  }
  expect(await NodePool.nodeCount()).to.equal(BigInt(size));
  return net;
}

const gasOf = async (sent: Parameters<typeof receiptOf>[0]) => Number((await receiptOf(sent)).gasUsed);

/** A second request, so that every account has its slots. */
async function leasedSteps(net: Network): Promise<Pick<Steps, "submit" | "commit" | "reveal">> {
  const { modules, router, session, networkHelpers } = net;
  let steps = { submit: 0, commit: 0, reveal: 0 };
  for (let i = 0; i < 2; i++) {
    const receipt = await receiptOf(modules.Session.connect(router).submit(session, net.request(1)));
    const task = net.taskFrom(receipt.logs as never)[0]!;
    await networkHelpers.mine(2);
    const commit = await gasOf(net.commitCarried(task));
    await networkHelpers.mine(1);
    const reveal = await gasOf(modules.SessionQueue.connect(router).reveal(net.handover(task)));
    steps = { submit: Number(receipt.gasUsed), commit, reveal };
  }
  return steps;
}

/** Draws for a single task, and for a session's lease. */
async function drawSteps(net: Network): Promise<Pick<Steps, "assign" | "draw">> {
  const { modules, client, session, networkHelpers, terms } = net;
  await modules.Session.connect(client).update(session, { ...terms, mode: 1 });
  const { id, terms: own } = await net.submit();
  const { encodeTerms } = await import("../../offchain/protocol/terms.ts");
  const assign = await gasOf(modules.SessionQueue.assign(id, encodeTerms(own)));
  await modules.Session.connect(client).update(session, { ...terms, mode: 0, leaseNodes: 3 });
  await modules.Session.connect(client).reserve(session, 5_000);
  await networkHelpers.mine(2);
  return { assign, draw: await gasOf(modules.Session.drawLease(session)) };
}

describe("Flat cost", () => {
  it(`I1 submit, commit and reveal cost the same with ${FEW} and with ${MANY} registered nodes, within 2 %`, async () => {
    const few = await crowded(FEW, true);
    const small = { ...(await leasedSteps(few)) };
    const many = await crowded(MANY, true);
    const large = { ...(await leasedSteps(many)) };
    for (const step of ["submit", "commit", "reveal"] as const) expect(large[step], step).to.be.closeTo(small[step], small[step] * 0.02);
    await Promise.all([few.close(), many.close()]);
  }).timeout(120_000);
});
void drawSteps;
