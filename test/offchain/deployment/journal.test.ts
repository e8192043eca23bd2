import { readFileSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import type { NetworkConnection } from "hardhat/types/network";
import { goOn, journalOf } from "../../../scripts/deployment/ignition.ts";
import { type Plan, planOf } from "../../../scripts/deploy.ts";
import { localParameters } from "../../../scripts/parameters.ts";
import { type HardhatNode, startAnvil } from "../chain/hardhatNode.ts";
import { hardhatRuntime } from "../hardhatRuntime.ts";

const DEPLOYER = "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266";
/** Of the whole plan: creations and calls, one after the other, and whatever only they need. */
const SHORT = ["AccessManager", "COR", "ModelRegistry", "ModelRegistry.register toy-world-f16", "COR.transfer to Incentives"];
const JOURNAL = `rehearsal-${process.pid}-cut`;

/** Where a process was killed: behind so many records, and whether half of the next one is there too. */
interface Cut {
  records: number;
  torn: boolean;
  /** Transactions that the chain has by then. */
  sent: number;
}

describe("a deployment that was killed between two records of its journal, or within one", function () {
  this.timeout(240_000);
  let chain: HardhatNode;
  let hre: HardhatRuntimeEnvironment;
  let connection: NetworkConnection;
  let plan: Plan;
  let folder: string;
  let whole: Map<string, string>;
  let lines: string[];
  /** Of the block of each step. */
  let baseFees: string[] = [];

  before(async () => {
    chain = await startAnvil();
    await chain.rpc("anvil_setBlockTimestampInterval", 1);
    hre = await hardhatRuntime();
    connection = await hre.network.create({ network: "localhost", override: { url: chain.url } });
    const { addresses, steps } = planOf(DEPLOYER, 0, localParameters());
    plan = { addresses, steps: SHORT.map((id) => steps.find((step) => step.id === id)!) };
    folder = journalOf(hre, JOURNAL);
  });
  // Each test begins where an undisturbed run has ended.
  beforeEach(async () => {
    await backTo(0);
    rmSync(folder, { recursive: true, force: true });
    whole = await resume();
    baseFees = await Promise.all(SHORT.map(async (_, i) => (await blockAt(i + 1)).baseFeePerGas));
    lines = readFileSync(file(), "utf8").trim().split("\n");
  });
  after(async () => {
    await connection?.close();
    await chain?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  const file = () => path.join(folder, "journal.jsonl");
  const nonce = async () => Number(await chain.rpc("eth_getTransactionCount", DEPLOYER, "latest"));
  const typeOf = (record: number) => (JSON.parse(lines[record]!) as { type: string }).type;
  const lastOf = (type: string) => lines.findLastIndex((_, record) => typeOf(record) === type);

  async function resume(told: string[] = []): Promise<Map<string, string>> {
    const going = { journal: JOURNAL, folder, deployer: DEPLOYER, start: { blockNumber: 0 }, confirmations: 1, pollingMs: 10 };
    return await goOn(connection, plan, { ...going, onStep: (text) => told.push(text) });
  }

  const blockAt = async (block: number) =>
    (await chain.rpc("eth_getBlockByNumber", `0x${block.toString(16)}`, false)) as { baseFeePerGas: string };

  /** Takes the chain back to so many transactions, one a block. The next fee is what it was then, and so are hashes. */
  async function backTo(sent: number): Promise<void> {
    const back = (await nonce()) - sent;
    if (back > 0) await chain.rpc("anvil_rollback", back);
    if (baseFees[sent] !== undefined) await chain.rpc("anvil_setNextBlockBaseFeePerGas", baseFees[sent]);
  }

  /** Takes chain and journal back to a moment of the undisturbed run. */
  async function killedAt({ records, torn, sent }: Cut): Promise<void> {
    await backTo(sent);
    const next = lines[records] ?? "";
    const half = torn ? `\n${next.slice(0, next.length / 2)}` : "";
    writeFileSync(
      file(),
      lines
        .slice(0, records)
        .map((line) => `\n${line}`)
        .join("") + half,
    );
    writeFileSync(path.join(folder, "deployed_addresses.json"), "{");
  }

  function cuts(): Cut[] {
    const all: Cut[] = [];
    let sent = 0;
    for (let records = 1; records < lines.length; records++) {
      const [last, next] = [typeOf(records - 1), typeOf(records)];
      if (last === "TRANSACTION_SEND") sent++;
      all.push({ records, torn: false, sent }, { records, torn: true, sent: next === "TRANSACTION_SEND" ? sent + 1 : sent });
      // The process may also end between the answer of the chain and the record of it.
      if (next === "TRANSACTION_SEND") all.push({ records, torn: false, sent: sent + 1 });
    }
    return all;
  }

  it("goes on to the same transactions, each sent once", async () => {
    const all = cuts();
    expect(all.length).to.be.greaterThan(2 * SHORT.length * 6);
    for (const cut of all) {
      await killedAt(cut);
      const found = await resume().catch((error: unknown) => {
        throw new Error(`after ${JSON.stringify(cut)}, ${typeOf(cut.records - 1)}: ${(error as Error).message}`, { cause: error });
      });
      expect([...found], JSON.stringify(cut)).to.deep.equal([...whole]);
      expect(await nonce(), JSON.stringify(cut)).to.equal(SHORT.length);
      const listed = JSON.parse(readFileSync(path.join(folder, "deployed_addresses.json"), "utf8")) as Record<string, string>;
      expect(Object.values(listed)).to.have.members(["AccessManager", "COR", "ModelRegistry"].map((name) => plan.addresses[name as "COR"]));
    }
  });

  it("waits for a transaction that was sent, is in no block yet, and is not in the journal", async () => {
    const sent = (await chain.rpc("eth_getTransactionByHash", whole.get(SHORT.at(-1)!))) as Record<string, string>;
    await killedAt({ records: lastOf("TRANSACTION_SEND"), torn: false, sent: SHORT.length - 1 });
    await chain.rpc("evm_setAutomine", false);
    const { from, to, input: data, gas, nonce: own, maxFeePerGas, maxPriorityFeePerGas } = sent;
    await chain.rpc("eth_sendTransaction", { from, to, data, gas, nonce: own, maxFeePerGas, maxPriorityFeePerGas });
    const told: string[] = [];
    const resuming = resume(told);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(told).to.deep.equal([]);
    await chain.rpc("evm_mine");
    await chain.rpc("evm_setAutomine", true);
    expect([...(await resuming)]).to.deep.equal([...whole]);
    expect(told).to.deep.equal([`journal: Network#COR_transfer_to_Incentives was sent as ${whole.get(SHORT.at(-1)!)}`]);
  });

  it("is refused where the account sent something else with the nonce of a step", async () => {
    await killedAt({ records: lastOf("TRANSACTION_SEND"), torn: false, sent: SHORT.length - 1 });
    await chain.rpc("eth_sendTransaction", { from: DEPLOYER, to: DEPLOYER, value: "0x1" });
    const error = await resume().catch((thrown: unknown) => thrown as Error);
    expect(error).to.include({ code: "ResumeRefused" });
    expect((error as Error).message).to.match(/found transaction 0x\w+ with nonce 4 .*, wanted that of Network#COR_transfer_to_Incentives/);
  });

  it("is refused where a record in the middle is none", async () => {
    await killedAt({ records: lines.length, torn: false, sent: SHORT.length - 1 });
    writeFileSync(file(), readFileSync(file(), "utf8").replace('\n{"', "\n{"));
    const error = await resume().catch((thrown: unknown) => thrown as Error);
    expect((error as Error).message).to.match(/found a record that is no JSON at byte 0 of the journal/);
  });
});
