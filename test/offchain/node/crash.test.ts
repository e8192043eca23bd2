import { expect } from "chai";
import { rmSync } from "node:fs";
import { createServer, request as ask, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { Status } from "../../../offchain/protocol/types.ts";
import { eventually } from "../chain/hardhatNode.ts";
import { startNode, type Daemon } from "./daemon.ts";
import { OneSeat } from "./oneSeat.ts";

async function statusOf(daemon: Daemon): Promise<string> {
  return ((await (await fetch(`${daemon.url()}/healthz`)).json()) as { status: string }).status;
}

describe("a node that is killed, cut off or misled", function () {
  this.timeout(120_000);
  let bench: OneSeat;

  before(async () => {
    bench = await OneSeat.open();
  });
  after(async () => await bench.close());
  beforeEach(() => bench.begin("refuses"));
  afterEach(async () => await bench.end());

  describe("K4: kill -9 and started again", () => {
    it("after answering, before anything left: makes the same commitment", async () => {
      bench.carrier.manner = "hangs";
      await bench.start();
      const task = await bench.submit();
      const [before] = await eventually(() => {
        const found = bench.rows(`SELECT commitment FROM work WHERE task = '${task}'`);
        return found.length > 0 && found;
      }, "the answer in the journal");
      await bench.kill();
      bench.carrier.manner = "refuses";
      await bench.start();
      await bench.settled(task);
      expect(await bench.commitments(task)).to.deep.equal([before!["commitment"]]);
    });

    it("with the commitment in the pool: the same transaction is mined", async () => {
      await bench.start();
      const task = await bench.submit();
      const sent = await bench.inPool();
      await bench.kill();
      await bench.start();
      await bench.mine(1);
      expect((await bench.facts(task)).committed).to.equal(1);
      expect(await bench.mined()).to.deep.equal(sent);
      await bench.settled(task);
      expect((await bench.commitments(task)).length).to.equal(1);
    });

    it("with a commitment that the pool forgot: broadcasts the same transaction again", async () => {
      await bench.start();
      const task = await bench.submit();
      const sent = await bench.inPool();
      await bench.kill();
      await bench.network.chain.rpc("hardhat_dropTransaction", sent[0]);
      expect(await bench.pool()).to.deep.equal([]);
      await bench.start();
      // At once: it does not wait for a block.
      expect(await bench.inPool()).to.deep.equal(sent);
      await bench.mine(1);
      await bench.settled(task);
    });

    it("committed and not revealed: reveals", async () => {
      await bench.start();
      const task = await bench.submit();
      await bench.inPool();
      await bench.kill();
      await bench.mine(1);
      expect(await bench.facts(task)).to.include({ committed: 1, revealed: 0 });
      await bench.start();
      await bench.settled(task);
    });

    it("with the opening in the pool: the task settles once", async () => {
      await bench.start();
      const task = await bench.submit();
      await bench.inPool();
      await bench.mine(1);
      const sent = await bench.inPool();
      await bench.kill();
      await bench.start();
      await bench.mine(1);
      expect((await bench.facts(task)).status).to.equal(Status.Accepted);
      expect(await bench.mined()).to.deep.equal(sent);
    });

    it("4b corrupt journal, moved away: committed, and the journal lost: answers again, finds the same commitment, and reveals", async () => {
      await bench.start();
      const task = await bench.submit();
      await bench.inPool();
      await bench.kill();
      await bench.mine(1);
      expect(await bench.facts(task)).to.include({ committed: 1, revealed: 0, status: Status.Open });
      const before = await bench.commitments(task);
      rmSync(path.dirname(bench.journalFile), { recursive: true });
      await bench.start();
      await bench.settled(task);
      expect(await bench.commitments(task)).to.deep.equal(before);
      expect(bench.rows(`SELECT commitment FROM work WHERE task = '${task}'`)).to.deep.equal([{ commitment: before[0] }]);
    });

    it("while the task settled without it: has nothing left to do", async () => {
      await bench.start();
      const task = await bench.submit();
      await bench.inPool();
      await bench.mine(1);
      await bench.inPool();
      await bench.kill();
      await bench.mine(1);
      expect((await bench.facts(task)).status).to.equal(Status.Accepted);
      await bench.start();
      await bench.mine(3);
      expect(await bench.pool()).to.deep.equal([]);
    });
  });

  it("4b two agents, same key, K1: two processes with one key, which nobody should run, still make one commitment", async () => {
    const twin = await startNode(bench.network, 1, { data: path.join(bench.network.folder, "twin") });
    await bench.start();
    const task = await bench.submit();
    await bench.settled(task);
    expect((await bench.commitments(task)).length).to.equal(1);
    await twin.end("SIGKILL");
    expect(twin.output() + bench.daemon!.output()).not.to.include("JournalConflict");
  });

  it("4b reorg, K1: a reorganisation takes the commitment out: the same one goes in again, never another", async () => {
    const { output } = await bench.start();
    const task = await bench.submit();
    const sent = await bench.inPool();
    const { rpc } = bench.network.chain;
    const snapshot = await rpc("evm_snapshot");
    await bench.mine(1);
    await eventually(() => output().includes('"kind":"mined","id":"commit:'), "the receipt");
    const before = await bench.commitments(task);
    await rpc("evm_revert", snapshot);
    await rpc("evm_increaseTime", 2);
    for (const hash of await bench.pool()) await rpc("hardhat_dropTransaction", hash);
    await bench.mine(1);
    expect((await bench.facts(task)).committed).to.equal(0);
    await eventually(async () => (await bench.pool()).includes(sent[0]!), "the same transaction again");
    await bench.settled(task);
    expect(await bench.commitments(task)).to.deep.equal(before);
    expect(output()).to.include("the chain was reorganised");
  });

  it("4b RPC down: the RPC server goes away for a while: says so, waits, and goes on", async () => {
    const upstream = new URL(bench.network.chain.url);
    const serve = (port: number): Server =>
      createServer((incoming, outgoing) => {
        const forward = ask({ host: upstream.hostname, port: upstream.port, method: "POST", headers: incoming.headers }, (answer) => {
          outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
          answer.pipe(outgoing);
        });
        incoming.pipe(forward);
      }).listen(port, "127.0.0.1");
    let proxy = serve(0);
    await once(proxy, "listening");
    const { port } = proxy.address() as AddressInfo;
    const daemon = await bench.start({ rpc: `http://127.0.0.1:${port}` });
    const task = await bench.submit();
    await bench.inPool();
    proxy.closeAllConnections();
    proxy.close();
    await eventually(async () => (await statusOf(daemon)) === "degraded", "a node that knows");
    expect((await fetch(`${daemon.url()}/healthz`)).status).to.equal(503);
    await bench.mine(1);
    proxy = serve(port);
    await eventually(async () => (await statusOf(daemon)) === "ok", "a node that is well again", 30_000);
    await bench.settled(task);
    const warnings = daemon
      .output()
      .split("\n")
      .filter((line) => line.includes("the chain cannot be read"));
    expect(warnings.length, "one line for an outage").to.equal(1);
    await bench.kill();
    proxy.closeAllConnections();
    proxy.close();
  });

  it("SIGTERM: opens what is committed, takes nothing new, and ends with 0", async () => {
    const daemon = await bench.start();
    const task = await bench.submit();
    await bench.inPool();
    await bench.mine(1);
    expect(await bench.facts(task)).to.include({ committed: 1, revealed: 0 });
    daemon.process.kill("SIGTERM");
    await eventually(async () => (await statusOf(daemon)) === "draining", "the drain");
    const next = await bench.submit();
    await bench.settled(task);
    expect(await daemon.exited).to.equal(0);
    expect((await bench.facts(next)).committed).to.equal(0);
    await bench.start();
    await bench.settled(next);
  });

  it("a second signal ends it at once, and a restart finishes", async () => {
    const daemon = await bench.start();
    const task = await bench.submit();
    await bench.inPool();
    daemon.process.kill("SIGTERM");
    await eventually(async () => (await statusOf(daemon)) === "draining", "the drain");
    daemon.process.kill("SIGTERM");
    expect(await daemon.exited).to.equal(0);
    expect((await bench.facts(task)).status).to.equal(Status.Open);
    await bench.start();
    await bench.settled(task);
  });
});
