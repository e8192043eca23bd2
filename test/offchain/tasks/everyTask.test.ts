import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { id, JsonRpcProvider } from "ethers";
import { writeRecord } from "../../../scripts/deploy.ts";
import { type HardhatNode, startHardhatNode } from "../chain/hardhatNode.ts";
import { commitAll } from "./answered.ts";
import { DECLARED, inProcess } from "./inProcess.ts";
import { deployWithMarket } from "./market.ts";
import { schemaOfTask, validate } from "./schemas.ts";

const DAY = 86_400;
const MODEL = "toy-world-f16";
const HASH = `0x${"ab".repeat(32)}`;

describe("tasks: every one prints what its schema says, on a running chain", function () {
  this.timeout(600_000);
  let chain: HardhatNode;
  let folder: string;
  let record: string;
  let hardhat: Awaited<ReturnType<typeof inProcess>>;
  const mine = async () => await chain.rpc("evm_mine");
  const pass = async (seconds: number) => {
    await chain.rpc("evm_increaseTime", seconds);
    await mine();
  };
  const file = (name: string) => path.join(folder, name);

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "corroborate-every-"));
    record = file("deployment.json");
    chain = await startHardhatNode();
    const provider = new JsonRpcProvider(chain.url, undefined, { cacheTimeout: -1, pollingInterval: 50 });
    try {
      writeRecord(record, await deployWithMarket(await provider.getSigner(0)));
    } finally {
      provider.destroy();
    }
    hardhat = await inProcess(chain.url, record);
  });
  after(async () => {
    await chain?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("lists are empty on a fresh network", async () => {
    expect((await hardhat.done("node list")).nodes).to.deep.equal([]);
    expect((await hardhat.done("session list")).sessions).to.deep.equal([]);
    expect((await hardhat.done("round list")).rounds).to.deep.equal([]);
    expect((await hardhat.done("image list")).images).to.deep.equal([]);
    expect((await hardhat.done("governance list")).proposals).to.deep.equal([]);
    expect((await hardhat.done("params diff")).differences).to.have.length(0);
    expect((await hardhat.done("staking show --account 0")).positions).to.deep.equal([]);
    expect((await hardhat.done("round export")).rounds).to.equal(0);
    expect((await hardhat.refused("anchor build")).code).to.equal("CheckpointEmpty");
    await hardhat.done("guard status");
    await hardhat.done("net status");
    await hardhat.done("runtime show");
    await hardhat.done("roles show");
    await hardhat.done("params show");
    await hardhat.done("governance status");
    await hardhat.done("treasury show");
    await hardhat.done("staking show");
  });

  it("deploys a network of its own, verifies it, and takes what changed into its record", async () => {
    const own = await inProcess(chain.url, file("own.json"));
    const journal = path.basename(folder);
    try {
      await own.done(`net deploy --journal ${journal} --from 9`);
    } finally {
      rmSync(`ignition/deployments/${journal}`, { recursive: true, force: true });
    }
    expect(await own.done("net verify")).to.include({ verified: true });
    await own.done("params apply --set session.bounty=1001 --from 9");
    expect((await own.refused("net verify")).code).to.equal("DeploymentDiffers");
    expect((await own.done("net verify --accept")).accepted).to.have.length(1);

    await own.done("governance delegate --from 9");
    await own.done("upgrade deploy --module ImageRegistry --from 9");
    await own.done("upgrade propose --why newer --from 9");
    await own.done("governance enact --from 9");
    // Once: afterwards there is nothing to adopt.
    validate("upgrade adopt", JSON.parse((await own.run("upgrade adopt", "--json")).stdout));
    own.ran.add("upgrade adopt");
    expect(await own.done("net verify")).to.include({ verified: true });
    for (const name of own.ran) hardhat.ran.add(name);
  });

  it("model: registered, repriced, given thresholds, deprecated", async () => {
    const about = ["--name", "another", "--quantisation", "F16", "--price", "2", "--context-tokens", "512", "--agreement", "40"];
    const registered = await hardhat.done("model register", "--model", HASH, ...about, "--embedding", HASH);
    expect(registered).to.deep.include({ model: HASH, name: "another" });
    await hardhat.done("model reprice --model another --price 3");
    await hardhat.done(`model agreement --model ${MODEL} --service oracle --agreement 0`);
    await hardhat.done(`model genuineness --model ${MODEL} --least-match 9900 --most-delta 1200`);
    await hardhat.done(`model engine --model ${MODEL} --engine llama.cpp-b1`);
    await hardhat.done(`model engine --model ${MODEL} --engine llama.cpp-b1 --dismiss`);
    await hardhat.done("model deprecate --model another");
    expect((await hardhat.done("model show --model another")).deprecatedAt).to.be.a("number");
    expect((await hardhat.done(`model show --model ${MODEL}`)).deprecatedAt).to.equal(null);
    await hardhat.done("model list");
  });

  it("node: three registered, with every state that a node is in", async () => {
    for (const owner of [4, 5, 6]) await hardhat.done(`payment transfer --to ${owner} --amount 3000`);
    await hardhat.done("node register --operator-key 1 --from 4 --endpoint http://127.0.0.1:9421");
    await hardhat.done("node register --operator-key 2 --from 5");
    const waiting = await hardhat.done("node register --from 6 --operator 0x000000000000000000000000000000000000dEaD");
    expect(waiting).to.include({ accepted: false, eligible: false });
    await hardhat.done("node propose --node 3 --operator 3 --from 6");
    await hardhat.done("node accept --node 3 --from 3");
    await hardhat.done("node announce --node 1 --endpoint http://127.0.0.1:9422 --from 4");
    for (const [node, owner] of Object.entries({ 1: 4, 2: 5, 3: 6 }))
      await hardhat.done(`node stake --node ${node} --amount 100.5 --from ${owner}`);
    await hardhat.done("node serve --node 1 --off --from 4");
    const off = await hardhat.done("node show --node 1");
    expect(off).to.deep.include({ eligible: false, notEligibleBecause: ["it is switched off"] });
    await hardhat.done("node serve --node 1 --from 1");
    await hardhat.done("node admit --node 3 --dismiss");
    await hardhat.done("node admit --node 3");
    expect((await hardhat.done("node list")).nodes.map(({ eligible }: { eligible: boolean }) => eligible)).to.deep.equal([
      true,
      true,
      true,
    ]);
    expect((await hardhat.done(`node list --model ${MODEL}`)).nodes).to.have.length(3);
  });

  it("round: opened, advanced, ended by its windows", async () => {
    const opened = await hardhat.done("round open --kind liveness");
    expect(opened).to.include({ round: 1, kind: "liveness" });
    await hardhat.done("round show --round 1");
    await pass(61);
    expect((await hardhat.done("round advance --round 1")).round).to.equal(1);
    await hardhat.done("round show --round 1");
    await hardhat.done("round list");
    for (let i = 0; i < 12 && (await hardhat.done("round show --round 1")).ending === null; i++) {
      await pass(300);
      await hardhat.run("round advance --round 1");
    }
    expect((await hardhat.done("round show --round 1")).ending).to.be.a("string");
    expect((await hardhat.done("round list")).rounds).to.have.length(1);
    const first = await hardhat.done("round export", "--out", file("rounds.jsonl"));
    expect((await hardhat.done(`round export --parent ${first.contentId}`)).parent).to.equal(first.contentId);
    expect((await hardhat.refused("round show --round 9")).code).to.equal("RoundUnknown");
  });

  it("session and task: leased, per task, cancelled, answered, paid", async () => {
    await hardhat.done("session open --commit-window 60 --reveal-window 60");
    await hardhat.done("session show --session 1");
    await hardhat.done("session fund --session 1 --amount 50");
    await hardhat.done("payment deposit --session 1 --amount 1");
    await hardhat.done("session router --session 1 --add 7 --endpoint http://127.0.0.1:8080");
    await hardhat.done("session reserve --session 1");
    await hardhat.done("session show --session 1");
    await pass(DAY);
    await hardhat.done("session cancel --session 1");
    await hardhat.done("session reserve --session 1 --tasks 5");
    await mine();
    await hardhat.done("session draw --session 1");
    expect((await hardhat.done("session show --session 1")).lease.nodes).to.have.members([1, 2, 3]);
    expect((await hardhat.done("node list")).nodes[0].lease).to.equal(1);
    await hardhat.done("node show --node 2");
    await hardhat.done("session list");

    const submitted = await hardhat.done("task submit --session 1 --prompt-tokens 12 --reference mine", "--manifest", id("any"));
    await hardhat.done("task show --task 1:1");
    await mine();
    const openings = await commitAll(chain, record, BigInt(submitted.task), submitted.transactions[0].hash);
    await hardhat.done("task show --task 1:1");
    writeFileSync(file("openings.json"), JSON.stringify(openings.slice(0, 2)));
    expect(await hardhat.done("task settle --task 1:1 --from 7", "--openings", file("openings.json"))).to.include({ status: "open" });
    await hardhat.done("task show --task 1:1");
    await hardhat.done("task list --session 1");
    await pass(61);
    expect((await hardhat.refused("node excuse --node 1 --from 7")).code).to.equal("NothingTaken");
    expect(await hardhat.done("task settle --task 1:1 --from 8")).to.include({ status: "accepted", agreedPrompts: 1 });
    // No block was mined in the whole window: the seat that did not open could not have.
    const { committee } = await hardhat.done("task show --task 1:1");
    const { node: silent } = committee.find(({ opened }: { opened: boolean }) => !opened);
    const { stake } = await hardhat.done(`node show --node ${silent}`);
    const { excused, penaltiesLeft } = await hardhat.done(`node excuse --node ${silent} --from 7`);
    expect([excused.length, penaltiesLeft]).to.deep.equal([1, 0]);
    const after = (await hardhat.done(`node show --node ${silent}`)).stake;
    expect(BigInt(after.base) - BigInt(stake.base)).to.equal(BigInt(excused[0].given.base));
    expect((await hardhat.refused(`node excuse --node ${silent} --from 7`)).code).to.equal("NothingTaken");
    await hardhat.done("task show --task 1:1");
    await hardhat.done("task submit --session 1 --prompt-tokens 12 --from 7", "--manifest", id("taken back"));
    await hardhat.done("task cancel --task 1:2 --from 7");
    await hardhat.done("task show --task 1:2");
    await hardhat.done("session router --session 1 --remove 7");
    await hardhat.done("payment show --session 1");
    await hardhat.done("payment show --node 1");
    await hardhat.done("payment show --account 8");
    await hardhat.done("payment withdraw --from 8");
    for (const [node, owner] of Object.entries({ 1: 4, 2: 5, 3: 6 }))
      if ((await hardhat.done(`payment show --node ${node}`)).owed.base !== "0")
        await hardhat.done(`payment withdraw --node ${node} --from ${owner} --to 9`);
    await pass(3_600);
    await hardhat.done("node collect --lease 1");

    await hardhat.done("session open --mode per-task --widen --rerun --commit-window 60 --reveal-window 60 --queue-window 600");
    await hardhat.done("session fund --session 2 --amount 20");
    const prompt = ["--prompt", "Where is the lake?", "--content", file("content")];
    await hardhat.done("task submit --session 2 --prompt-tokens 12", ...prompt);
    await mine();
    expect((await hardhat.done("task assign --task 2:1 --from 7")).nodes).to.have.members([1, 2, 3]);
    await hardhat.done("task show --task 2:1");
    for (let i = 0; i < 4; i++) await pass(61);
    expect((await hardhat.done("task settle --task 2:1 --from 7")).status).to.be.oneOf(["failed", "inconclusive"]);
    await hardhat.done("session show --session 2");
    await hardhat.done("session close --session 1");
    await hardhat.done("session refund --session 1 --amount 1");
    await hardhat.done("session refund --session 1");
    await hardhat.done("session list --last 1");
  });

  it("treasury: collects fees, observes, buys back, pays", async () => {
    await hardhat.done("payment collect --accounts 7,8");
    expect(Number((await hardhat.done("treasury collect --from 7")).collected.base)).to.be.greaterThan(0);
    for (let i = 0; i < 2; i++) {
      await hardhat.done("treasury observe --from 7");
      await pass(1_801);
    }
    expect(Number((await hardhat.done("treasury buyback --amount 1")).bought.cor)).to.be.within(9_000, 10_000);
    await hardhat.done("treasury pay --to 9 --amount 5");
    expect((await hardhat.done("treasury show")).observedAt).to.have.length(2);
  });

  it("image: published, declared, retired, its bond taken back", async () => {
    await hardhat.done("image publish --kind system --source here", "--image", HASH);
    await hardhat.done(`image declare --node 1 --from 4 --image ${HASH}`);
    await hardhat.done("image declare --node 1 --from 4");
    await hardhat.done("image list");
    await hardhat.done(`image retire --image ${HASH}`);
    await pass(7 * DAY);
    await hardhat.done(`image withdraw --image ${HASH}`);
    await hardhat.done("image list");
  });

  it("staking and vesting: locked, relocked, released", async () => {
    await hardhat.done("staking stake --amount 1000 --days 28");
    await hardhat.done("governance delegate --staked");
    await pass(28 * DAY);
    expect(Number((await hardhat.done("staking fund --from 7")).funded.cor)).to.be.greaterThan(0);
    await hardhat.done("staking relock --position 1 --days 56");
    await hardhat.done("staking claim");
    await pass(56 * DAY);
    await hardhat.done("staking show --account 0");
    await hardhat.done("staking unstake --position 1 --to 7");

    const { vesting } = await hardhat.done("vesting create --beneficiary 8 --amount 1200 --months 12 --cliff-months 1");
    expect(await hardhat.done(`vesting show --vesting ${vesting}`)).to.deep.include({ releasable: { cor: "0.0", base: "0" } });
    await pass(365 * DAY);
    expect((await hardhat.done(`vesting release --vesting ${vesting} --from 7`)).released.cor).to.equal("1200.0");
    const shown = await hardhat.done(`vesting show --vesting ${vesting}`);
    expect([shown.allotted.cor, shown.released.cor]).to.deep.equal(["1200.0", "1200.0"]);
    expect((await hardhat.refused(`vesting show --vesting ${HASH.slice(0, 42)}`)).code).to.equal("VestingMissing");
  });

  it("anchor: a checkpoint contested and upheld, another final by itself, and facts proven by them", async () => {
    const built = await hardhat.done("anchor build", "--out", file("contents.json"));
    expect(built).to.include({ chainId: 31337, nodes: 3, tasks: 3 });
    await hardhat.done("anchor build");
    const { anchor } = await hardhat.done(`anchor deploy --source-chain 31337 --source-queue ${built.queue} --bond 10`);
    expect((await hardhat.done(`anchor list --anchor ${anchor}`)).checkpoints).to.deep.equal([]);
    const contents = ["--contents", file("contents.json")];
    await hardhat.done(`anchor propose --anchor ${anchor} --block ${built.block} --from 4`, ...contents);
    const early = await hardhat.refused(`anchor close --anchor ${anchor} --checkpoint 1`);
    expect(early.revert!.name).to.equal("AnchorWrongStanding");
    await hardhat.done(`anchor list --anchor ${anchor}`);
    await hardhat.done(`anchor contest --anchor ${anchor} --checkpoint 1 --from 5 --reason untrue`);
    await hardhat.done(`anchor list --anchor ${anchor}`);
    expect(await hardhat.done(`anchor resolve --anchor ${anchor} --checkpoint 1`)).to.include({ standing: "final" });
    expect((await hardhat.done(`anchor close --anchor ${anchor} --checkpoint 1`)).toProposer.cor).to.equal("20.0");
    expect((await hardhat.done(`anchor show --anchor ${anchor} --account 4`)).owedToAccount.cor).to.equal("20.0");
    await hardhat.done(`anchor withdraw --anchor ${anchor} --from 4 --to 9`);
    await hardhat.done(`anchor propose --anchor ${anchor} --block ${built.block + 1} --from 4`, ...contents);
    await pass(DAY + 1);
    await hardhat.done(`anchor close --anchor ${anchor} --checkpoint 2 --from 7`);
    const proven = await hardhat.done(`anchor prove --anchor ${anchor} --checkpoint 2 --task 1:1`, ...contents);
    expect(proven).to.include({ kind: "task", key: "4294967297", proven: true, block: built.block + 1 });
    expect(await hardhat.done(`anchor prove --anchor ${anchor} --checkpoint 1 --node 3`, ...contents)).to.include({
      kind: "node",
      key: "3",
    });
    expect((await hardhat.refused(`anchor prove --anchor ${anchor} --checkpoint 9 --node 3`, ...contents)).code).to.equal(
      "CheckpointUnknown",
    );
    expect((await hardhat.refused(`anchor list --anchor ${HASH.slice(0, 42)}`)).code).to.equal("AnchorMissing");
  });

  it("governance: a vote from delegation to execution, and what an administrator does at once", async () => {
    await hardhat.done("governance delegate");
    const { proposal } = await hardhat.done("params propose --set session.bounty=2000");
    const call = ["--call", "NodePool.admit", "--args", "[3,false]", "--why", "it is late"];
    await hardhat.done("governance propose", ...call);
    await hardhat.done(`governance status --proposal ${proposal}`);
    await pass(61);
    await hardhat.done(`governance vote --proposal ${proposal} --reason cheaper`);
    await pass(3_601);
    await hardhat.done(`governance status --proposal ${proposal}`);
    await hardhat.done(`governance queue --proposal ${proposal} --from 3`);
    await hardhat.done(`governance status --proposal ${proposal}`);
    await pass(3_601);
    await hardhat.done(`governance execute --proposal ${proposal} --from 3`);
    expect((await hardhat.done("governance list")).proposals).to.have.length(2);
    await hardhat.done("params apply --set allowance.rate=50,pool.open=false");
    expect((await hardhat.done("params diff")).differences).to.have.length(3);
  });

  it("guard and exits: paused, lifted; a node leaves with its stake while it is paused", async () => {
    await hardhat.done("guard pause --hours 2");
    await hardhat.done("guard status");
    await hardhat.done("node exit --node 2 --from 5");
    await hardhat.done("node show --node 2");
    await hardhat.done("guard lift");
    await pass(7 * DAY);
    await hardhat.done("node withdraw --node 2 --from 5");
    await hardhat.done("net status");
  });

  it("net watch prints every event on a line, for people and as JSON", async () => {
    const told = await hardhat.done("net watch --since 0 --seconds 0");
    expect(told.map(({ event }: { event: string }) => event)).to.include.members(["NodeRegistered", "TaskQueued", "VoteCast"]);
    const some = await hardhat.done("net watch --since 0 --seconds 0 --module CorGovernor");
    expect(new Set(some.map(({ module }: { module: string }) => module))).to.deep.equal(new Set(["CorGovernor"]));
    const text = (await hardhat.run("net watch --since 0 --seconds 0 --module CorGovernor")).stdout;
    expect(text).to.match(/^\d+ {2}\d\d:\d\d:\d\d {2}CorGovernor\.ProposalCreated {2}proposalId \d+, proposer 0x[0-9A-Fa-f]{8}…/m);
  });

  it("no task is left out: each has run, and has a schema", () => {
    const names = [...DECLARED.keys()];
    expect(
      names.filter((name) => !hardhat.ran.has(name)),
      "tasks that this file never runs",
    ).to.deep.equal([]);
    const lacking = names.filter((name) => schemaOfTask(name.replace(" ", ".")) === undefined);
    expect(lacking, "tasks without a schema in tasks/schemas").to.deep.equal([]);
  });
});
