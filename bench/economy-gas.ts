// Gas of the economy, governance, registries and randomness: node bench/economy-gas.ts [--json] [--write]
import { readFileSync, writeFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { id, parseEther, ZeroHash } from "ethers";
import { artifactOf, MODULES } from "../scripts/deploy.ts";
import { MODEL, startNetwork } from "../test/contract/network.ts";

const { values: flags } = parseArgs({ options: { json: { type: "boolean" }, write: { type: "boolean" }, help: { type: "boolean" } } });
if (flags.help) {
  console.log(
    "node bench/economy-gas.ts [--json] [--write]\n  --json   one JSON object on stdout\n  --write  also store it as bench/economy-gas.json",
  );
  process.exit(0);
}

const DAY = 86_400;
const net = await startNetwork({ nodes: 3 });
const { modules, stranger, keeper, client, router, networkHelpers, terms, operators } = net;
const { COR, Staking, Incentives, Allowance, ImageRegistry, ModelRegistry, CorGovernor, Session, SessionPayment, Treasury, NodePool } =
  modules;
const gas: Record<string, number> = {};
type Sent = Promise<{ wait(): Promise<{ gasUsed: bigint } | null> }>;
const measure = async (name: string, sent: Sent) => {
  gas[name] = Number((await (await sent).wait())!.gasUsed);
};

// While the lease lasts: a task whose fees the treasury collects.
const task = await net.submit();
await net.commitCarried(task);
await networkHelpers.mine(1);
await (await modules.SessionQueue.connect(router).reveal(net.handover(task))).wait();
await SessionPayment.collectFees([router.address]);
await measure("treasury: collect fees", Treasury.connect(keeper).collect());

for (const account of [stranger, keeper]) {
  await COR.transfer(account.address, parseEther("50000000"));
  for (const module of [Staking, ImageRegistry]) await COR.connect(account).approve(module.target, parseEther("50000000"));
}
const staking = Staking.connect(stranger);
await measure("staking: first stake of an account (its vault included)", staking.stake(0, parseEther("100")));
await measure("staking: another stake", staking.stake(2, parseEther("30000000")));
await networkHelpers.time.increase(28 * DAY);
await measure("staking: claim of two positions", staking.claim([1, 2], stranger.address));
await measure("staking: relock", staking.relock(1, 0));
await networkHelpers.time.increase(28 * DAY);
await measure("staking: unstake", staking.unstake(1, stranger.address));
await measure("incentives: fund staking", Incentives.connect(keeper).fundStaking());
await COR.transfer(Allowance.target, parseEther("10000"));
await measure("allowance: open a session", Allowance.connect(stranger).open(terms));
await measure("allowance: first use", Allowance.connect(stranger).use(2, parseEther("1")));
await measure("allowance: another use", Allowance.connect(stranger).use(2, parseEther("1")));
await measure("images: publish", ImageRegistry.connect(keeper).publish(id("image"), 0, "https://images.example/1"));
await measure("images: declare", ImageRegistry.connect(operators.get(1)).declare(1, id("image")));
await measure("models: agreement of a service", ModelRegistry.setAgreement(MODEL, 1, 40));
await measure("models: genuineness thresholds", ModelRegistry.setGenuineness(MODEL, { leastMatch: 9_900, mostDelta: 1_200 }));
await measure("models: admit an engine class", ModelRegistry.admitEngine(MODEL, id("engine"), true));
await measure("session: open", Session.connect(client).open(terms));
await measure(
  "pool: add stake",
  (async () => {
    await COR.transfer(operators.get(1)!.address, 10n);
    await COR.connect(operators.get(1)).approve(NodePool.target, 10n);
    return await NodePool.connect(operators.get(1)).addStake(1, 10n);
  })(),
);
await measure("guardian: pause", NodePool.pause(DAY));

await staking.delegate(stranger.address);
await COR.connect(stranger).delegate(stranger.address);
const call = [[Session.target], [0n], [Session.interface.encodeFunctionData("setParameters", [{ ...net.parameters.session }])]] as [
  string[],
  bigint[],
  string[],
];
await networkHelpers.mine(1);
const governor = CorGovernor.connect(stranger);
const proposal = await CorGovernor.getProposalId(call[0], call[1], call[2], id("why"));
await measure("governance: propose", governor.propose(...call, "why"));
await networkHelpers.time.increase(61);
await measure("governance: vote", governor.castVote(proposal, 1));
await COR.delegate(net.deployer.address);
await networkHelpers.time.increase(3_600);
await measure("governance: queue", governor.queue(...call, id("why")));
await networkHelpers.time.increase(3_601);
await measure("governance: execute", governor.execute(...call, id("why")));

const manager = modules.AccessManager;
const make = async (name: string, ...args: unknown[]) => await (await net.ethers.getContractFactory(name)).deploy(...args);
const anchor = (await make("Anchor", manager.target, COR.target, 7, Session.target, DAY, parseEther("1"))) as unknown as {
  target: string;
  propose(root: string, contents: string, block: number): Sent;
  close(checkpoint: number): Sent;
  proves: { estimateGas(...args: unknown[]): Promise<bigint> };
};
await COR.approve(anchor.target, parseEther("10"));
await measure("anchor: propose", anchor.propose(id("root"), ZeroHash, 9));
await networkHelpers.time.increase(DAY + 1);
await measure("anchor: close", anchor.close(1));
const proof = Array.from({ length: 20 }, (_, i) => id(`${i}`));
gas["anchor: prove a leaf among a million"] = Number(await anchor.proves.estimateGas(1, 1, 1, ZeroHash, proof));

const sizes = Object.fromEntries([...MODULES.map((name) => [name, (artifactOf(name).deployedBytecode.length - 2) / 2] as const)]);
const result = { gas, bytecode: sizes };
if (flags.write) writeFileSync(new URL("./economy-gas.json", import.meta.url), `${JSON.stringify(result, null, 2)}\n`);
if (flags.json) console.log(JSON.stringify(result));
else {
  const stored = new URL("./economy-gas.json", import.meta.url);
  const before = (() => {
    try {
      return (JSON.parse(readFileSync(stored, "utf8")) as typeof result).gas;
    } catch {
      return {};
    }
  })();
  for (const [name, used] of Object.entries(gas))
    console.log(
      `${name.padEnd(60)}${used.toLocaleString("en").padStart(12)}${before[name] === undefined ? "" : `   stored ${before[name].toLocaleString("en")}`}`,
    );
}
await net.close();
