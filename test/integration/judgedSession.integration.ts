import { rmSync } from "node:fs";
import path from "node:path";
import { expect } from "chai";
import { interfaces } from "../../offchain/chain/abis.ts";
import { manifestBytes } from "../../offchain/protocol/manifest.ts";
import { taskSettled } from "../../offchain/protocol/events.ts";
import { Status } from "../../offchain/protocol/types.ts";
import { FINDING, opinionIn } from "../../offchain/protocol/verdicts.ts";
import { eventually } from "../offchain/chain/hardhatNode.ts";
import { type Daemon, give, promptTokens, startNode } from "../offchain/node/daemon.ts";
import { type LocalNetwork, question, startLocalNetwork } from "../offchain/node/localNetwork.ts";

const MINERS = 3;
const VALIDATORS = 3;
/** The miner that runs the cheapest quantisation under the registered model's name. */
const CHEAT = 2;
const QUESTION = question("Tell me a story about a fox named Tim.", 64);
const BYTES = manifestBytes(QUESTION);

interface Opened {
  seat: number;
  node: number;
  verdict: bigint;
}

describe("a session with three validators, real processes and real inference", function () {
  this.timeout(240_000);
  let net: LocalNetwork;
  let tokens: number[];
  const daemons = new Map<number, Daemon>();

  before(async () => {
    tokens = await promptTokens(QUESTION);
    net = await startLocalNetwork({ nodes: MINERS, redundancy: MINERS, validators: VALIDATORS, verdictWindow: 90 });
    for (let node = 1; node <= MINERS + VALIDATORS; node++) await give(net, node, BYTES);
    for (let node = 1; node <= MINERS + VALIDATORS; node++) await start(node);
    // Validators fetch from the miners.
    for (let node = 1; node <= MINERS; node++)
      await net.send("NodePool", "announceEndpoint", [node, daemons.get(node)!.url()!], net.operators[node - 1]);
    await net.chain.rpc("evm_setIntervalMining", 1_000);
  });
  after(async () => {
    await Promise.all([...daemons.values()].map(async (daemon) => await daemon.end("SIGKILL")));
    await net.stop();
  });

  const rolesOf = (node: number) => (node > MINERS ? "validator" : node === 1 ? "miner,oracle" : "miner");
  async function start(node: number, env: Record<string, string> = {}): Promise<Daemon> {
    const cheats = node === CHEAT ? { substitute: "toy-world-q4_0" } : {};
    const daemon = await startNode(net, node, { role: rolesOf(node), "poll-ms": "250", ...cheats }, env);
    daemons.set(node, daemon);
    return daemon;
  }

  async function events(module: "Validation" | "SessionQueue", name: string, task: bigint) {
    const topics = interfaces[module].encodeFilterTopics(name, [task]) as string[];
    const logs = await net.endpoint.provider.getLogs({ address: net.deployment.addresses[module], fromBlock: 0, topics });
    return logs.map((log) => interfaces[module].parseLog(log)!.args as unknown as Record<string, unknown>);
  }

  const opened = async (task: bigint): Promise<Opened[]> =>
    (await events("Validation", "VerdictRevealed", task)).map(({ seat, validator, verdict }) => ({
      seat: Number(seat),
      node: Number(validator),
      verdict: verdict as bigint,
    }));

  async function settled(task: bigint) {
    const [event] = await eventually(
      async () => {
        const found = await events("SessionQueue", "TaskSettled", task);
        return found.length > 0 && found;
      },
      "the end of the task",
      150_000,
    );
    return taskSettled(event!);
  }

  async function seatOf(task: bigint, node: number): Promise<number> {
    const commits = await events("SessionQueue", "ResultRevealed", task);
    return Number(commits.find((one) => Number(one["node"]) === node)!["seat"]);
  }

  it("finds that a miner runs another quantisation, pays it nothing, and pays the others", async () => {
    const all = Array.from({ length: MINERS + VALIDATORS }, (_, i) => i + 1);
    const owed = async () => await Promise.all(all.map(async (node) => await net.views.owedToNode(node)));
    const before = await owed();
    const task = await net.submit(BYTES, tokens, 64);
    const { status, rejected } = await settled(task);
    expect(status).to.equal(Status.Accepted);
    const cheat = await seatOf(task, CHEAT);
    expect(rejected).to.equal(1 << cheat);
    const verdicts = await opened(task);
    expect(verdicts.length).to.equal(VALIDATORS);
    for (const { verdict } of verdicts) {
      for (let seat = 0; seat < MINERS; seat++) {
        const { finding, score, deviation } = opinionIn(verdict, seat);
        expect(finding, `seat ${seat}`).to.equal(seat === cheat ? FINDING.notGenuine : FINDING.genuine);
        if (seat === cheat) expect(deviation).to.be.greaterThan(50);
        else expect(score).to.be.at.least(2);
      }
    }
    const gained = (await owed()).map((sum, i) => sum > before[i]!);
    expect(gained).to.deep.equal(all.map((node) => node !== CHEAT));
    expect(await net.views.evidence(CHEAT)).to.equal(281);
  });

  it("lets a validator that is wiped after its commitment finish from its key and the chain alone", async () => {
    const wiped = MINERS + 1;
    await daemons.get(wiped)!.end("SIGKILL");
    await start(wiped, { CORROBORATE_CRASH_AT: "verdictCommitted" });
    const task = await net.submit(BYTES, tokens, 64);
    expect(await daemons.get(wiped)!.exited).to.equal(null);
    const committed = (await events("Validation", "VerdictCommitted", task)).find(({ validator }) => Number(validator) === wiped);
    expect(committed?.["commitment"]).to.match(/^0x[0-9a-f]{64}$/);
    expect((await opened(task)).map(({ node }) => node)).to.not.include(wiped);
    rmSync(path.join(net.folder, `node-${wiped}`), { recursive: true });
    await start(wiped);
    const { status } = await settled(task);
    expect(status).to.equal(Status.Accepted);
    const mine = (await opened(task)).find(({ node }) => node === wiped);
    expect(mine, "its own opening").to.not.equal(undefined);
    expect(opinionIn(mine!.verdict, await seatOf(task, CHEAT)).finding).to.equal(FINDING.notGenuine);
  });
});
