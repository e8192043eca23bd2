import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { contractOf } from "../../scripts/localnet/setUp.ts";
import { type Localnet, type LocalnetOptions, startLocalnet } from "../../scripts/localnet/network.ts";
import { askQuestion } from "../../scripts/localnet/question.ts";

const QUESTION = "What is the capital of France?";
const ANSWER = "The capital of France is Paris.";
const never = new AbortController().signal;
const quiet = () => {};

/** A network of its own for one test, ended and removed whatever happens. */
async function onNetwork(options: Partial<LocalnetOptions>, test: (net: Localnet) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(path.join(tmpdir(), "corroborate-loop-"));
  // Far from the ports of a network that somebody may be running, and of an earlier test's that are still closing.
  const rpcPort = randomInt(20_000, 30_000);
  const net = await startLocalnet({ folder, nodes: 4, rpcPort, routerPort: rpcPort + 100, ...options });
  try {
    await test(net);
  } finally {
    await net.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("the whole loop, with real processes and real inference", function () {
  this.timeout(240_000);

  it("answers a question that three nodes computed, verified and paid to the unit", async () => {
    await onNetwork({}, async (net) => {
      const asked = await askQuestion(net, QUESTION, quiet, never);
      expect(asked).to.include({ verified: true, paid: true, inferenceProcesses: 3, answer: ANSWER });
      const gained = Object.values(asked.owed).filter((gain) => gain !== "0");
      expect(gained).to.have.length(3);
    });
  });

  it("answers although one of three nodes is killed while the task runs, and the next one too", async () => {
    await onNetwork({ nodes: 3 }, async (net) => {
      const asking = askQuestion(net, QUESTION, quiet, never);
      await untilQueued(net);
      process.kill(net.nodes[2]!.pid, "SIGKILL");
      const asked = await asking;
      expect(asked).to.include({ verified: true, paid: true, answer: ANSWER });
      const next = await askQuestion(net, "What is the capital of Peru?", quiet, never);
      expect(next).to.include({ verified: true, paid: true, answer: "The capital of Peru is Lima." });
      expect(next.accepted).to.not.include(3);
      expect(next.inferenceProcesses).to.equal(2);
    });
  });

  it("makes a poisoned node the outlier: unpaid, its score falls, and the answer is right", async () => {
    await onNetwork({ nodes: 3, poison: 2 }, async (net) => {
      const reputation = contractOf(net.setting.record, "Reputation", net.provider);
      const score = async (node: number) => Number(await reputation.getFunction("scoreOf").staticCall(node));
      const before = { poisoned: await score(2), honest: await score(1) };
      const asked = await askQuestion(net, QUESTION, quiet, never);
      expect(asked).to.include({ verified: true, paid: true, answer: ANSWER });
      expect(asked.accepted).to.have.members([1, 3]);
      expect(asked.owed["2"]).to.equal("0");
      expect(await score(2)).to.be.lessThan(before.poisoned);
      expect(await score(1)).to.be.greaterThan(before.honest);
    });
  });
});

/** Waits until the network's first task is on chain. */
async function untilQueued({ provider, setting }: Localnet): Promise<void> {
  const sessions = contractOf(setting.record, "Session", provider);
  for (;;) {
    const { tasks } = (await sessions.getFunction("sessionOf").staticCall(setting.session)) as { tasks: bigint };
    if (tasks > 0n) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
