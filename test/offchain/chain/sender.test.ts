import { expect } from "chai";
import type Database from "better-sqlite3";
import { Contract, ContractFactory, parseEther, Transaction, Wallet } from "ethers";
import { interfaces } from "../../../offchain/chain/abis.ts";
import { connect, type Endpoint } from "../../../offchain/chain/endpoint.ts";
import { ChainRevert, FundsShort } from "../../../offchain/chain/errors.ts";
import { Sender } from "../../../offchain/chain/sender.ts";
import type { Intent } from "../../../offchain/chain/senderStore.ts";
import { openDatabase, SqliteStore } from "../../../offchain/chain/sqliteStore.ts";
import { artifactOf } from "../../../scripts/deploy.ts";
import { DEPLOYER } from "../node/localNetwork.ts";
import { startHardhatNode, type HardhatNode } from "./hardhatNode.ts";

const SPENDER = `0x${"99".repeat(20)}`;

async function failure(promise: Promise<unknown>): Promise<Error & { code?: string }> {
  return await promise.then(
    () => new Error("nothing failed"),
    (error: unknown) => error as Error,
  );
}

describe("sender", () => {
  let chain: HardhatNode;
  let endpoint: Endpoint;
  let token: string;
  let wallet: Wallet;
  let database: Database.Database;
  let sender: Sender;
  let events: string[];

  before(async () => {
    chain = await startHardhatNode();
    endpoint = await connect({ url: chain.url });
    const { abi, bytecode } = artifactOf("COR");
    const deployed = await new ContractFactory(abi, bytecode, DEPLOYER.connect(endpoint.provider)).deploy(DEPLOYER.address);
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
    await (await DEPLOYER.connect(endpoint.provider).sendTransaction({ to: wallet.address, value: parseEther("1") })).wait();
    database = openDatabase(":memory:");
    sender = opened();
    await chain.rpc("evm_setAutomine", false);
  });
  afterEach(async () => {
    await chain.rpc("evm_mine");
    database.close();
  });

  function opened(options: Partial<ConstructorParameters<typeof Sender>[0]> = {}): Sender {
    events = [];
    const onEvent = ({ kind, id }: { kind: string; id: string }) => events.push(`${kind} ${id}`);
    return new Sender({ endpoint, signer: wallet, store: new SqliteStore(database, 31337n, token), onEvent, ...options });
  }
  const approve = (id: string, amount = 1n): Intent => ({
    id,
    to: token,
    data: interfaces.COR.encodeFunctionData("approve", [SPENDER, amount]),
  });
  const allowance = async () =>
    (await new Contract(token, interfaces.COR, endpoint.provider).getFunction("allowance").staticCall(wallet.address, SPENDER)) as bigint;
  const used = async () => await endpoint.provider.getTransactionCount(wallet.address, "latest");
  async function tick(by = sender) {
    const block = await endpoint.provider.getBlock("latest");
    await by.tick({ number: block!.number, timestamp: block!.timestamp });
  }
  async function mineAndTick(by = sender) {
    await chain.rpc("evm_mine");
    await tick(by);
  }
  /** Lets a call of send reach its broadcast. */
  const broadcast = async (count = 1, by = sender) => {
    for (let i = 0; i < 200 && by.pending.length < count; i++) await new Promise((resolve) => setTimeout(resolve, 10));
    await tick(by);
  };

  it("sends many at once with nonces in order, and resolves each with its receipt", async () => {
    const sent = Promise.all([1, 2, 3, 4, 5].map((n) => sender.send(approve(`a${n}`, BigInt(n)))));
    await broadcast(5);
    await mineAndTick();
    const receipts = await sent;
    expect(receipts.map(({ status }) => status)).to.deep.equal([1, 1, 1, 1, 1]);
    expect(await used()).to.equal(5);
    expect(sender.pending).to.deep.equal([]);
  });

  it("has a transaction in the journal before the chain has seen it", async () => {
    const seen: number[] = [];
    const original = endpoint.provider.send.bind(endpoint.provider);
    endpoint.provider.send = async (method, params) => {
      if (method === "eth_sendRawTransaction")
        seen.push((database.prepare("SELECT COUNT(*) AS n FROM raw_transactions").get() as { n: number }).n);
      return (await original(method, params)) as unknown;
    };
    const sent = sender.send(approve("a"));
    await broadcast();
    endpoint.provider.send = original;
    await mineAndTick();
    await sent;
    expect(seen).to.deep.equal([1]);
  });

  it("sends the same id once, however often it is asked, before and after it is mined", async () => {
    const both = Promise.all([sender.send(approve("a")), sender.send(approve("a"))]);
    await broadcast();
    await mineAndTick();
    const [first, second] = await both;
    const third = await sender.send(approve("a"));
    expect(first.hash).to.equal(second.hash).and.to.equal(third.hash);
    expect(await used()).to.equal(1);
  });

  it("goes on after a restart: joins what is pending and broadcasts it again where the server forgot it", async () => {
    void sender.send(approve("a", 7n)).catch(() => {});
    await broadcast();
    const { hash } = sender.pending[0]!.raws[0]!;
    await chain.rpc("hardhat_dropTransaction", hash);
    await chain.rpc("evm_mine");
    const restarted = opened();
    const joined = restarted.send(approve("a", 7n));
    await tick(restarted);
    await mineAndTick(restarted);
    expect((await joined).hash).to.equal(hash);
    expect(await allowance()).to.equal(7n);
    expect(await used()).to.equal(1);
  });

  it("finds out after a restart that what it sent has been mined meanwhile", async () => {
    void sender.send(approve("a")).catch(() => {});
    await broadcast();
    await chain.rpc("evm_mine");
    const restarted = opened();
    await tick(restarted);
    expect(restarted.pending).to.deep.equal([]);
    expect((await restarted.send(approve("a"))).status).to.equal(1);
    expect(await used()).to.equal(1);
  });

  it("refuses what a simulation refuses, with the custom error and its arguments, and uses no nonce", async () => {
    const data = interfaces.COR.encodeFunctionData("transfer", [SPENDER, 5n]);
    const error = await failure(sender.send({ id: "t", to: token, data }));
    expect(error).to.be.instanceOf(ChainRevert).and.include({ revert: "ERC20InsufficientBalance", retryable: false });
    expect((error as ChainRevert).args).to.deep.equal({ sender: wallet.address, balance: 0n, needed: 5n });
    expect(sender.pending).to.deep.equal([]);
    const gasGiven = await failure(sender.send({ id: "t", to: token, data, gasLimit: 100_000n }));
    expect(gasGiven).to.be.instanceOf(ChainRevert);
  });

  it("tells why a mined transaction reverted, and lets the same id be sent again", async () => {
    const cor = DEPLOYER.connect(endpoint.provider);
    const coins = interfaces.COR.encodeFunctionData("transfer", [wallet.address, 5n]);
    const sentCoins = await cor.sendTransaction({ to: token, data: coins });
    await chain.rpc("evm_mine");
    await sentCoins.wait();
    const transfer = interfaces.COR.encodeFunctionData("transfer", [SPENDER, 5n]);
    const first = sender.send({ id: "first", to: token, data: transfer });
    const second = failure(sender.send({ id: "second", to: token, data: transfer }));
    await broadcast(2);
    await mineAndTick();
    await first;
    expect(await second)
      .to.be.instanceOf(ChainRevert)
      .and.include({ revert: "ERC20InsufficientBalance" });
    const again = sender.send({ ...approve("second") });
    await broadcast();
    await mineAndTick();
    expect((await again).status).to.equal(1);
  });

  it("4b stuck transaction: raises the fees of what is not mined, under the same nonce and with the same content", async () => {
    sender = opened({ bumpAfterBlocks: 1 });
    const sent = sender.send(approve("a", 3n));
    await broadcast();
    const head = (await endpoint.provider.getBlock("latest"))!;
    await sender.tick({ number: head.number + 1, timestamp: head.timestamp });
    await sender.tick({ number: head.number + 2, timestamp: head.timestamp });
    const versions = sender.pending[0]!.raws.map(({ raw }) => Transaction.from(raw));
    expect(versions.length).to.equal(3);
    for (const [i, version] of versions.entries()) {
      expect(version).to.include({ nonce: versions[0]!.nonce, data: versions[0]!.data, to: versions[0]!.to });
      if (i > 0) expect(version.maxFeePerGas! >= (versions[i - 1]!.maxFeePerGas! * 9n) / 8n).to.equal(true);
    }
    await mineAndTick();
    expect((await sent).status).to.equal(1);
    expect(await used()).to.equal(1);
  });

  it("never pays more per gas than it may", async () => {
    sender = opened({ bumpAfterBlocks: 1, maxFeePerGas: 3_000_000_000n });
    void sender.send(approve("a")).catch(() => {});
    await broadcast();
    const head = (await endpoint.provider.getBlock("latest"))!;
    for (let i = 1; i < 20; i++) await sender.tick({ number: head.number + i, timestamp: head.timestamp });
    for (const { raw } of sender.pending[0]!.raws) expect(Transaction.from(raw).maxFeePerGas! <= 3_000_000_000n).to.equal(true);
    await mineAndTick();
  });

  it("gives up what is too late, by an empty transfer under the same nonce", async () => {
    const sent = failure(sender.send({ ...approve("late"), deadline: 1 }));
    await broadcast();
    const head = (await endpoint.provider.getBlock("latest"))!;
    await sender.tick({ number: head.number + 1, timestamp: head.timestamp });
    await mineAndTick();
    expect(await sent).to.include({ code: "Expired" });
    expect(await allowance()).to.equal(0n);
    expect(events).to.include("abandoned late");
  });

  it("puts back what a reorganisation took out: the same transaction, never another one", async () => {
    const snapshot = await chain.rpc("evm_snapshot");
    const sent = sender.send(approve("a", 9n));
    await broadcast();
    await mineAndTick();
    const { hash, blockNumber } = await sent;
    await chain.rpc("evm_revert", snapshot);
    expect(await allowance()).to.equal(0n);
    expect(sender.reorged(blockNumber)).to.equal(1);
    await chain.rpc("evm_mine");
    await tick();
    await mineAndTick();
    expect((await sender.send(approve("a", 9n))).hash).to.equal(hash);
    expect(await allowance()).to.equal(9n);
  });

  it("4b nonce gap: notices that somebody else used its nonce, and goes on with the next", async () => {
    void sender.send(approve("a")).catch(() => {});
    await broadcast();
    const { hash } = sender.pending[0]!.raws[0]!;
    await chain.rpc("hardhat_dropTransaction", hash);
    await wallet.connect(endpoint.provider).sendTransaction({ to: SPENDER, value: 1n, nonce: 0 });
    const lost = failure(sender.send(approve("a")));
    for (let i = 0; i < 3; i++) await mineAndTick();
    expect(await lost).to.include({ code: "NonceTaken", retryable: true });
    const again = sender.send(approve("a"));
    await broadcast();
    await mineAndTick();
    expect((await again).status).to.equal(1);
  });

  it("4b nonce gap: fills a nonce that the journal lost, so that later ones are not stuck", async () => {
    void sender.send(approve("lost")).catch(() => {});
    await broadcast();
    const { hash } = sender.pending[0]!.raws[0]!;
    const next = sender.send(approve("next", 4n));
    await broadcast(2);
    await chain.rpc("hardhat_dropTransaction", hash);
    database.prepare("DELETE FROM transactions WHERE id = 'lost'").run();
    await mineAndTick();
    await mineAndTick();
    expect((await next).status).to.equal(1);
    expect(await used()).to.equal(2);
  });

  it("4b insufficient funds: says where gas money is short, and sends nothing", async () => {
    await chain.rpc("hardhat_setBalance", wallet.address, "0x1000");
    const error = await failure(sender.send({ ...approve("a"), gasLimit: 60_000n }));
    expect(error).to.be.instanceOf(FundsShort);
    expect(error.message).to.include(wallet.address);
    expect(sender.pending).to.deep.equal([]);
  });

  it("takes no more than so many at once", async () => {
    sender = opened({ maxInFlight: 2 });
    const sent = [sender.send(approve("a")), sender.send(approve("b"))];
    await broadcast(2);
    expect(await failure(sender.send(approve("c")))).to.include({ code: "LaneFull", retryable: true });
    await mineAndTick();
    await Promise.all(sent);
  });
});

describe("sqlite store", () => {
  it("is bound to one chain and one queue", () => {
    const database = openDatabase(":memory:");
    new SqliteStore(database, 31337n, SPENDER);
    new SqliteStore(database, 31337n, SPENDER.toUpperCase().replace("0X", "0x"));
    expect(() => new SqliteStore(database, 1n, SPENDER))
      .to.throw("found data of chain 31337")
      .with.property("code", "StoreOfOtherChain");
    expect(() => new SqliteStore(database, 31337n, `0x${"88".repeat(20)}`)).to.throw("use another data directory");
    database.close();
  });
});
