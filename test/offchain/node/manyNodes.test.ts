import { expect } from "chai";
import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import Database from "better-sqlite3";
import { Contract, type HDNodeWallet, id, parseEther } from "ethers";
import { interfaces, type ModuleName } from "../../../offchain/chain/abis.ts";
import { createViews } from "../../../offchain/chain/views.ts";
import { digestOf } from "../../../offchain/content/contentId.ts";
import { encodePromptTokens } from "../../../offchain/protocol/answers.ts";
import { AGREEMENT_ONLY } from "../../../offchain/protocol/assurance.ts";
import { taskQueued } from "../../../offchain/protocol/events.ts";
import { manifestBytes } from "../../../offchain/protocol/manifest.ts";
import { Status } from "../../../offchain/protocol/types.ts";
import { deploy } from "../../../scripts/deploy.ts";
import { localParameters } from "../../../scripts/parameters.ts";
import { eventually } from "../chain/hardhatNode.ts";
import { flags, promptTokens, run, type Daemon } from "./daemon.ts";
import { DEPLOYER, question, startLocalNetwork, type LocalNetwork } from "./localNetwork.ts";
import { LocalStore } from "../../../offchain/content/localStore.ts";

const CANARY = "zanzibar-canary";
const MANIFEST = question(`What is the capital of France, ${CANARY}?`);
const BYTES = manifestBytes(MANIFEST);

describe("two nodes in one process", function () {
  this.timeout(180_000);
  let network: LocalNetwork;
  let daemon: Daemon;
  let data: string;
  let sink: string;
  let tokens: number[];
  let urls: string[];

  before(async () => {
    tokens = await promptTokens(MANIFEST);
    network = await startLocalNetwork({ nodes: 2, redundancy: 2 });
    await network.chain.rpc("evm_setIntervalMining", 500);
    data = path.join(network.folder, "both");
    sink = path.join(network.folder, "sink");
    for (const { address } of network.operators) await (await LocalStore.open(path.join(data, address, "content"))).put(BYTES);
    daemon = run(flags(network, 1, { key: network.operators.map(({ privateKey }) => privateKey).join(","), data, sink }));
    urls = await eventually(
      () => {
        const found = [...daemon.output().matchAll(/"url":"(http:[^"]+)"/g)].map(([, url]) => url!);
        return found.length === 2 && found;
      },
      "two nodes",
      60_000,
    );
    await eventually(
      async () => (await Promise.all(urls.map(async (url) => (await fetch(`${url}/readyz`)).ok))).every(Boolean),
      "ready nodes",
    );
  });
  after(async () => {
    await daemon.end("SIGKILL");
    await network.stop();
  });

  const health = async (url: string) =>
    (await (await fetch(`${url}/healthz`)).json()) as { node: number; engine: { pid: number; modelId: string } };

  it("share one engine, have a port and a folder each, and serve both seats of a task", async () => {
    const [first, second] = await Promise.all(urls.map(health));
    expect([first!.node, second!.node].sort()).to.deep.equal([1, 2]);
    expect(first!.engine.pid).to.equal(second!.engine.pid);
    const task = await network.submit(BYTES, tokens, 32);
    await eventually(async () => (await network.views.facts(task)).status === Status.Accepted, "a settled task", 60_000);
    expect((await network.views.facts(task)).revealed).to.equal(0b11);
  });

  it("bring each result to the sink exactly once", async () => {
    const files = await eventually(() => {
      const found = readdirSync(sink).filter((file) => file.endsWith(".json"));
      return found.length >= 2 && found;
    }, "two results");
    expect(files.length).to.equal(2);
    const records = files.map(
      (file) => JSON.parse(readFileSync(path.join(sink, file), "utf8")) as { seat: number; digest: string; result: string },
    );
    expect(records.map(({ seat }) => seat).sort()).to.deep.equal([0, 1]);
    for (const { digest, result } of records) expect(digestOf(Buffer.from(result, "base64"))).to.equal(digest);
  });

  it("K7: key, salt, prompt and answer are in no log, number, error or file that should not have them", async () => {
    const works = network.operators.flatMap(({ address }) => {
      const database = new Database(path.join(data, address, "journal.db"), { readonly: true });
      const rows = database.prepare("SELECT salt, r FROM work").all() as { salt: string; r: string }[];
      database.close();
      return rows;
    });
    expect(works.length).to.equal(2);
    const secrets = [
      CANARY,
      ...network.operators.map(({ privateKey }) => privateKey.slice(2)),
      ...works.flatMap(({ salt, r }) => [salt.slice(-32), r.slice(2)]),
    ];
    const told = [daemon.output()];
    for (const url of urls)
      for (const where of ["healthz", "readyz", "metrics", "content/nonsense", "nowhere"])
        told.push(await (await fetch(`${url}/${where}`)).text());
    for (const secret of secrets) expect(told.join("\n").includes(secret), secret).to.equal(false);
    // On disk: keys nowhere; the prompt in the content store and nowhere else; salts in the journal alone.
    const files = readdirSync(data, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const { parentPath, name } of files) {
      const bytes = readFileSync(path.join(parentPath, name));
      for (const { privateKey } of network.operators) {
        expect(bytes.includes(privateKey.slice(2)), name).to.equal(false);
        expect(bytes.includes(Buffer.from(privateKey.slice(2), "hex")), name).to.equal(false);
      }
      if (bytes.includes(CANARY)) expect(path.relative(data, parentPath)).to.match(/content/);
      for (const { salt } of works) if (bytes.includes(salt)) expect(name).to.match(/^journal/);
    }
  });

  it("follow Runtime to other contracts, and a model that is switched on chain, without a restart", async () => {
    const { endpoint, operators, chain } = network;
    const deployer = DEPLOYER.connect(endpoint.provider);
    const parameters = localParameters();
    // Transactions of other accounts take turns with the nodes' own.
    const { addresses } = await deploy(deployer, "second", parameters);
    const send = async (module: ModuleName, method: string, args: unknown[], from: HDNodeWallet = DEPLOYER) => {
      const contract = new Contract(addresses[module], interfaces[module], from.connect(endpoint.provider));
      return (await (await contract.getFunction(method).send(...args)).wait())!.logs;
    };
    const model = parameters.models[0]!;
    // Owners of their own: a draw takes distinct owners, and never the session owner's nodes.
    for (const operator of operators) {
      await send("COR", "transfer", [operator.address, parameters.pool.minStake]);
      await send("COR", "approve", [addresses.NodePool, parameters.pool.minStake], operator);
      await send("NodePool", "register", [operator.address, model.id, parameters.pool.minStake, ""], operator);
    }
    const names = Object.keys(addresses).filter((name) => name !== "Runtime") as ModuleName[];
    await network.send("Runtime", "setModules", [names, names.map((name) => addresses[name])]);
    await eventually(() => daemon.output().split("the node follows Runtime to other contracts").length === 3, "both nodes there", 60_000);

    const other = parameters.models.find(({ name }) => name === "toy-world-q8_0")!;
    await send("NodePool", "serve", [1, other.id, true], operators[0]);
    await eventually(
      async () => (await Promise.all(urls.map(health))).some(({ engine }) => engine.modelId === other.name),
      "the other model",
      60_000,
    );
    await send("NodePool", "serve", [1, model.id, true], operators[0]);
    await eventually(
      async () => (await Promise.all(urls.map(health))).every(({ engine }) => engine.modelId === model.name),
      "the first model again",
      60_000,
    );

    const limits = {
      queueWindow: 60,
      commitWindow: 60,
      revealWindow: 60,
      maxPrompts: 1,
      maxPromptTokens: 256,
      maxTokens: 128,
      priceCeiling: parseEther("1"),
    };
    await send("Session", "open", [
      { model: model.id, redundancy: 2, quorum: 2, leaseNodes: 2, mode: 0, comparison: 1, ...AGREEMENT_ONLY, ...limits },
    ]);
    await send("COR", "approve", [addresses.SessionPayment, parseEther("100000")]);
    await send("SessionPayment", "deposit", [1, parseEther("10000")]);
    await send("Session", "reserve", [1, 3_600, 0]);
    const views = createViews(endpoint, { addresses });
    await eventually(async () => {
      // Keepers draw it too; whoever is first will do.
      if ((await views.session(1)).lease === 0) await send("Session", "drawLease", [1]);
      return (await views.session(1)).lease !== 0;
    }, "a lease");
    const request = { manifest: digestOf(BYTES), promptTokens: encodePromptTokens(tokens), maxTokens: 32, clientReference: id("second") };
    const logs = await send("Session", "submit", [1, request]);
    const born = logs.map((log) => interfaces.SessionQueue.parseLog(log)).find((found) => found?.name === "TaskQueued");
    const { task } = taskQueued(born!.args);
    await eventually(async () => (await views.facts(task)).status === Status.Accepted, "a settled task there", 60_000);
    expect(daemon.process.exitCode).to.equal(null);
    await chain.rpc("evm_setIntervalMining", 0);
  });

  it("end together, in order", async () => {
    expect(await daemon.end("SIGTERM"), daemon.output().slice(-2_000)).to.equal(0);
  });
});
