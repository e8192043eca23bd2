import { expect } from "chai";
import type Database from "better-sqlite3";
import { copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ContractFactory, parseEther, toBeHex, Transaction, Wallet } from "ethers";
import { interfaces } from "../../../offchain/chain/abis.ts";
import { EventCursor, type DecodedLog, type SeenBlock } from "../../../offchain/chain/cursor.ts";
import { connect, type Endpoint } from "../../../offchain/chain/endpoint.ts";
import { Sender } from "../../../offchain/chain/sender.ts";
import type { Intent } from "../../../offchain/chain/senderStore.ts";
import { openDatabase, SqliteStore } from "../../../offchain/chain/sqliteStore.ts";
import { artifactOf } from "../../../scripts/deploy.ts";
import { startAnvil, type HardhatNode } from "./hardhatNode.ts";

// Anvil's first account; worthless anywhere else.
const RICH = new Wallet("0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80");
const SPENDER = `0x${"99".repeat(20)}`;
const GWEI = 1_000_000_000n;

describe("faults of a chain, on Anvil", function () {
  this.timeout(60_000);
  let chain: HardhatNode;
  let endpoint: Endpoint;
  let token: string;
  let wallet: Wallet;
  let folder: string;
  let file: string;
  let database: Database.Database;
  let sender: Sender;

  before(async () => {
    chain = await startAnvil();
    endpoint = await connect({ url: chain.url });
    const { abi, bytecode } = artifactOf("COR");
    const deployed = await new ContractFactory(abi, bytecode, RICH.connect(endpoint.provider)).deploy(RICH.address);
    await deployed.waitForDeployment();
    token = await deployed.getAddress();
  });
  after(async () => {
    endpoint.close();
    await chain.stop();
  });
  beforeEach(async () => {
    await chain.rpc("evm_setAutomine", true);
    wallet = new Wallet(Wallet.createRandom().privateKey);
    await chain.rpc("anvil_setBalance", wallet.address, toBeHex(parseEther("1")));
    folder = mkdtempSync(path.join(tmpdir(), "anvil-"));
    file = path.join(folder, "sender.db");
    database = openDatabase(file);
    sender = opened();
  });
  afterEach(() => {
    database.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const opened = () => new Sender({ endpoint, signer: wallet, store: new SqliteStore(database, 31337n, token), bumpAfterBlocks: 2 });
  const approve = (id: string, more: Partial<Intent> = {}): Intent => ({
    id,
    to: token,
    data: interfaces.COR.encodeFunctionData("approve", [SPENDER, 1n]),
    ...more,
  });
  const failure = async (promise: Promise<unknown>) =>
    await promise.then(
      () => new Error("nothing failed"),
      (error: unknown) => error as Error & { code?: string },
    );
  async function tick(): Promise<void> {
    const block = await endpoint.provider.getBlock("latest");
    await sender.tick({ number: block!.number, timestamp: block!.timestamp });
  }
  /** Sends and ticks until it is mined. */
  async function mined(intent: Intent) {
    let done = false;
    const sent = sender.send(intent).finally(() => (done = true));
    sent.catch(() => undefined);
    while (!done) {
      await tick();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return await sent;
  }

  for (const depth of [1, 5, 64]) {
    it(`4b reorg of ${depth}, K3: events that were followed are those that a fresh reader finds`, async () => {
      let blocks: SeenBlock[] = [];
      const store = () => {
        let own: SeenBlock[] = [];
        return { position: () => own, savePosition: (next: SeenBlock[]) => void (own = next) };
      };
      const followed = { position: () => blocks, savePosition: (next: SeenBlock[]) => void (blocks = next) };
      const cursor = new EventCursor({ endpoint, addresses: { COR: token }, store: followed, fromBlock: 0 });
      let events: DecodedLog[] = [];
      const read = async () => {
        for (let caughtUp = false; !caughtUp;) {
          const batch = await cursor.poll();
          if (batch.removedFrom !== undefined) events = events.filter(({ blockNumber }) => blockNumber < batch.removedFrom!);
          events.push(...batch.added);
          cursor.confirm(batch);
          caughtUp = batch.caughtUp;
        }
      };
      await mined(approve("a"));
      for (let i = 0; i < depth; i++) await chain.rpc("evm_mine");
      await mined(approve("b"));
      await read();
      const before = events.length;
      await chain.rpc("anvil_reorg", depth, []);
      await chain.rpc("evm_mine");
      await read();
      const fresh = await new EventCursor({ endpoint, addresses: { COR: token }, store: store(), fromBlock: 0 }).poll();
      const print = (logs: DecodedLog[]) => logs.map(({ blockHash, logIndex, name }) => `${blockHash} ${logIndex} ${name}`);
      expect(print(events)).to.deep.equal(print(fresh.added));
      expect(events.length).to.be.lessThan(before);
    });
  }

  it("4b reorg, K1 K5: a transaction that was taken out goes in again, the same one, under the same nonce", async () => {
    const receipt = await mined(approve("a"));
    await chain.rpc("anvil_reorg", 1, []);
    expect(sender.reorged(receipt.blockNumber)).to.equal(1);
    await tick();
    await chain.rpc("evm_mine");
    await tick();
    expect(await endpoint.provider.getTransactionCount(wallet.address, "latest")).to.equal(1);
    expect((await endpoint.provider.getTransactionReceipt(receipt.hash))?.status).to.equal(1);
  });

  it("4b gas spike, K6: what is not worth the price waits, what is worth it is sent, and never above its worth", async () => {
    const cheap = parseEther("0.001");
    const dear = parseEther("0.5");
    const spike = async () => await chain.rpc("anvil_setNextBlockBaseFeePerGas", toBeHex(5_000n * GWEI));
    await spike();
    await chain.rpc("evm_mine");
    expect(await failure(sender.send(approve("commit:1", { worth: cheap })))).to.include({ code: "NotWorth", retryable: true });
    expect(sender.pending).to.deep.equal([]);
    await spike();
    const receipt = await mined(approve("reveal:1", { worth: dear, gasLimit: 60_000n }));
    expect(receipt.gasPrice >= 4_000n * GWEI).to.equal(true);
    const { maxFeePerGas } = (await endpoint.provider.getTransaction(receipt.hash))!;
    expect(maxFeePerGas! * 60_000n <= dear).to.equal(true);
    await chain.rpc("anvil_setNextBlockBaseFeePerGas", toBeHex(GWEI));
    await chain.rpc("evm_mine");
    expect((await mined(approve("commit:1", { worth: cheap }))).status).to.equal(1);
  });

  it("4b insufficient funds: nothing is sent that would leave too little for what is promised", async () => {
    await chain.rpc("anvil_setBalance", wallet.address, toBeHex(parseEther("0.0005")));
    const intent = approve("commit:1", { gasLimit: 60_000n });
    expect(await failure(sender.send({ ...intent, reserveGas: 1_000_000_000n }))).to.include({ code: "FundsShort", retryable: true });
    expect(await endpoint.provider.getTransactionCount(wallet.address, "pending")).to.equal(0);
    expect((await mined(intent)).status).to.equal(1);
  });

  it("4b stuck transaction: its fees rise under the same nonce, with every block once half of its time is over", async () => {
    await chain.rpc("evm_setAutomine", false);
    const { timestamp } = (await endpoint.provider.getBlock("latest"))!;
    const sent = sender.send(approve("reveal:1", { deadline: timestamp + 100, worth: parseEther("0.5"), gasLimit: 60_000n }));
    while (sender.pending.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    await tick();
    const [first] = sender.pending[0]!.raws;
    await chain.rpc("anvil_dropTransaction", first!.hash);
    await chain.rpc("evm_increaseTime", 60);
    await chain.rpc("evm_mine");
    await tick();
    const { raws, nonce } = sender.pending[0]!;
    expect(raws.length).to.equal(2);
    const fees = raws.map(({ raw }) => Transaction.from(raw)).map((one) => ({ nonce: one.nonce, fee: one.maxFeePerGas!, data: one.data }));
    expect(fees[1]!.fee * 8n >= fees[0]!.fee * 9n).to.equal(true);
    expect(fees[1]).to.include({ nonce, data: fees[0]!.data });
    await chain.rpc("evm_mine");
    await tick();
    expect((await sent).hash).to.equal(raws[1]!.hash);
  });

  it("4b journal restored from backup, K5: nonces follow the chain, and what was sent since is not sent again", async () => {
    await mined(approve("a"));
    database.pragma("wal_checkpoint(TRUNCATE)");
    const backup = path.join(folder, "backup.db");
    copyFileSync(file, backup);
    await mined(approve("b"));
    await mined(approve("c"));
    database.close();
    copyFileSync(backup, file);
    for (const rest of ["-wal", "-shm"]) rmSync(`${file}${rest}`, { force: true });
    database = openDatabase(file);
    sender = opened();
    await mined(approve("d"));
    expect(await endpoint.provider.getTransactionCount(wallet.address, "latest")).to.equal(4);
    const row = new SqliteStore(database, 31337n, token).byId("d");
    expect(row).to.include({ nonce: 3, state: "mined" });
  });

  it("4b disk full: nothing is broadcast that is not in the journal", async () => {
    database.pragma("max_page_count = 1");
    const before = await endpoint.provider.getTransactionCount(wallet.address, "pending");
    const data = `${interfaces.COR.encodeFunctionData("approve", [SPENDER, 1n])}${"00".repeat(60_000)}`;
    expect(await failure(sender.send({ id: "a", to: token, data }))).to.include({ code: "SQLITE_FULL" });
    expect(await endpoint.provider.getTransactionCount(wallet.address, "pending")).to.equal(before);
    database.pragma("max_page_count = 4294967294");
    expect((await mined(approve("a"))).status).to.equal(1);
  });
});
