import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { type HardhatNode, startHardhatNode } from "../chain/hardhatNode.ts";
import { commandLine } from "./commandLine.ts";

const DAY = 86_400;

describe("tasks: economy and governance by hand on a running chain", function () {
  this.timeout(90_000);
  let chain: HardhatNode;
  let folder: string;
  let hardhat: ReturnType<typeof commandLine>;
  const pass = async (seconds: number) => {
    await chain.rpc("evm_increaseTime", seconds);
    await chain.rpc("evm_mine");
  };
  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "corroborate-governance-"));
    chain = await startHardhatNode();
    hardhat = commandLine(chain.url, path.join(folder, "deployment.json"));
    await hardhat.done("net deploy");
  });
  after(async () => {
    await chain?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("M8 a vote changes a parameter: delegate, propose, vote, queue, execute, with the state told at every step", async () => {
    const { differences } = await hardhat.done("params diff");
    expect(differences).to.deep.equal([]);
    await hardhat.done("governance delegate");
    const planned = await hardhat.done("params propose --set session.bounty=2000,session.protocolFeeBps=400 --dry-run");
    expect(planned.calls[0]).to.include({ call: "CorGovernor.propose", checked: true });
    const { proposal, changed } = await hardhat.done("params propose --set session.bounty=2000,session.protocolFeeBps=400");
    expect(changed).to.deep.equal([
      { parameter: "session.bounty", from: "1000", to: "2000" },
      { parameter: "session.protocolFeeBps", from: "500", to: "400" },
    ]);
    const stateOf = async () => (await hardhat.done(`governance status --proposal ${proposal}`)).state;
    expect(await stateOf()).to.equal("pending");
    expect((await hardhat.refused(`governance vote --proposal ${proposal}`)).revert!.name).to.equal("GovernorUnexpectedProposalState");
    await pass(61);
    const voted = await hardhat.done(`governance vote --proposal ${proposal} --reason cheaper`);
    expect(voted.support).to.equal("for");
    await pass(3_601);
    expect(await stateOf()).to.equal("succeeded");
    expect((await hardhat.done(`governance queue --proposal ${proposal} --from 3`)).state).to.equal("queued");
    expect((await hardhat.refused(`governance execute --proposal ${proposal}`)).revert!.name).to.equal("TimelockUnexpectedOperationState");
    await pass(3_601);
    const done = await hardhat.done(`governance execute --proposal ${proposal} --from 3`);
    expect(done).to.include({ state: "executed" });
    expect(done.calls.map(({ call }: { call: string }) => call)).to.deep.equal(["Session.setParameters"]);
    expect((await hardhat.done("params diff")).differences).to.deep.equal([
      { parameter: "session.protocolFeeBps", inForce: "400", inFile: "500" },
      { parameter: "session.bounty", inForce: "2000", inFile: "1000" },
    ]);
    expect((await hardhat.done("governance list")).proposals).to.have.length(1);
  });

  it("params apply changes them at once for an administrator, and for nobody else", async () => {
    const refused = await hardhat.refused("params apply --set allowance.rate=50 --from 2");
    expect(refused.revert!.name).to.equal("AccessManagedUnauthorized");
    await hardhat.done("params apply --set allowance.rate=50,images.delay=60");
    const { parameters } = await hardhat.done("params show");
    const value = (name: string) => parameters.find(({ parameter }: { parameter: string }) => parameter === name).value;
    expect([value("allowance.rate"), value("images.delay"), value("pool.open")]).to.deep.equal(["50", "60", true]);
    expect((await hardhat.refused("params apply --set pool.nothing=1")).code).to.equal("ParameterUnknown");
    expect((await hardhat.refused("params apply --set pool.open=maybe")).code).to.equal("ArgumentInvalid");
  });

  it("roles show and guard tell who may do what, and a pause ends by itself", async () => {
    const { roles } = await hardhat.done("roles show");
    const byName = Object.fromEntries(roles.map((row: { role: string }) => [row.role, row]));
    expect(byName.administrator.members).to.include("TimelockController");
    expect(byName.guardian.functions).to.have.members(["NodePool.pause", "Session.pause", "Staking.pause"]);
    expect(byName.registrar.functions).to.deep.equal(["NodePool.admit"]);
    await hardhat.done("guard pause --hours 2");
    expect((await hardhat.refused("staking stake --amount 1")).revert!.name).to.equal("PauseActive");
    await hardhat.done("guard lift --module Session");
    const { modules } = await hardhat.done("guard status");
    expect(modules.map(({ module, paused }: Record<string, unknown>) => [module, paused])).to.deep.equal([
      ["NodePool", true],
      ["Session", false],
      ["Staking", true],
    ]);
    await pass(2 * 3_600);
    expect((await hardhat.done("guard status")).modules.some(({ paused }: { paused: boolean }) => paused)).to.equal(false);
  });

  it("stakes, earns, takes back; publishes, declares and retires an image; reads the treasury", async () => {
    const staked = await hardhat.done("staking stake --amount 1000 --days 28");
    expect(staked.position).to.equal(1);
    expect((await hardhat.refused("staking unstake --position 1")).revert!.name).to.equal("StakingLocked");
    await pass(28 * DAY);
    const shown = await hardhat.done("staking show --account 0");
    expect(shown.positions[0].earned.cor).to.match(/^46\.02/);
    expect((await hardhat.done("staking unstake --position 1 --to 7")).unstaked.cor).to.equal("1000.0");
    expect((await hardhat.done("staking claim --to 7")).claimed.cor).to.match(/^46\.02/);

    const file = path.join(folder, "image");
    writeFileSync(file, "a build");
    const { image } = await hardhat.done(`image publish --kind binary --source here --file ${file}`);
    await hardhat.done("node register --operator-key 1 --from 0");
    await hardhat.done(`image declare --node 1 --image ${image}`);
    expect((await hardhat.done("image list")).images[0]).to.include({ image, nodes: 1, kind: "binary", source: "here" });
    await hardhat.done(`image retire --image ${image}`);
    expect((await hardhat.refused(`image withdraw --image ${image}`)).revert!.name).to.equal("ImageRegistryTooEarly");
    await pass(61);
    expect((await hardhat.done(`image withdraw --image ${image}`)).withdrawn.cor).to.equal("1000.0");
    await hardhat.done("model agreement --model toy-world-f16 --service classification --agreement 0");
    await hardhat.done("model genuineness --model toy-world-f16 --least-match 9900 --most-delta 1200");
    await hardhat.done("model engine --model toy-world-f16 --engine llama.cpp-b1");
    expect((await hardhat.done("treasury show")).router).to.equal(null);
    expect((await hardhat.refused("treasury observe")).revert!.name).to.equal("TreasuryNoPair");
  });
});
