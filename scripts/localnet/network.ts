import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { JsonRpcProvider } from "ethers";
import { writeRecord } from "../deploy.ts";
import { account, ACCOUNTS } from "./accounts.ts";
import { welcomeNewcomers } from "./newcomers.ts";
import { freePort, type Program, ROOT, startProgram, untilReady } from "./processes.ts";
import { contractOf, type LocalSetting, setUp } from "./setUp.ts";

/** What may be set about a local network. */
export interface LocalnetOptions {
  /** Folder for state and logs; emptied first. */
  folder: string;
  nodes: number;
  /** So many nodes more, which judge every answer. */
  validators?: number;
  rpcPort: number;
  routerPort: number;
  /** This node answers something else. */
  poison?: number;
  /** Further flags of the router. */
  routerFlags?: string[];
  /** Further flags of every node. */
  nodeFlags?: string[];
  /** Told of every stage that is done. */
  onStage?: (text: string) => void;
}

/** A running local network: a chain, the contracts, a router and nodes, each program in a process of its own. */
export interface Localnet {
  provider: JsonRpcProvider;
  rpc: string;
  routerUrl: string;
  nodeUrls: string[];
  setting: LocalSetting;
  chain: Program;
  router: Program;
  nodes: Program[];
  programs: Program[];
  /** Ends nodes and router first, so that what is committed can still be opened, and the chain last. */
  stop(): Promise<void>;
}

/** Starts everything and waits until the session has leased its nodes. Whatever fails, nothing is left running. */
export async function startLocalnet(options: LocalnetOptions): Promise<Localnet> {
  const { folder, onStage = () => {} } = options;
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const rpcPort = await freePort(options.rpcPort);
  const routerPort = await freePort(options.routerPort);
  const nodePorts: number[] = [];
  const validators = options.validators ?? 0;
  for (let i = 0; i < options.nodes + validators; i++) nodePorts.push(await freePort((nodePorts.at(-1) ?? routerPort) + 1));
  const rpc = `http://127.0.0.1:${rpcPort}`;
  const routerUrl = `http://127.0.0.1:${routerPort}`;
  const nodeUrls = nodePorts.map((port) => `http://127.0.0.1:${port}`);
  const programs: Program[] = [];
  // Beside everything else, and only where a source changed; the router serves whatever is built.
  const page = startProgram("the page's build", ["scripts/buildDashboard.mjs"], path.join(folder, "dashboard.log"));
  const provider = new JsonRpcProvider(rpc, 31_337, { staticNetwork: true, cacheTimeout: -1, pollingInterval: 100 });
  const stop = async () => {
    provider.destroy();
    await page.stop(0);
    const [chain, ...others] = programs;
    await Promise.all(others.map(async (program) => await program.stop()));
    await chain?.stop(5_000);
  };
  try {
    const chain = startChain(rpcPort, folder);
    programs.push(chain);
    await untilReady(chain, async () => await answers(rpc));
    onStage(`chain 31337 at ${rpc}`);
    const setting = await setUp(provider, nodeUrls, routerUrl, validators);
    // A block a second and no other, as where others mine: with a block for every transaction besides, each a second later, the chain's clock
    // would run ahead under load, and windows would close before their time.
    await provider.send("evm_setAutomine", [false]);
    await provider.send("evm_setIntervalMining", [1_000]);
    const deployment = path.join(folder, "deployment.json");
    writeRecord(deployment, setting.record);
    onStage(
      `${Object.keys(setting.record.addresses).length} contracts deployed, ${nodeUrls.length} nodes registered, session ${setting.session} funded`,
    );
    const common = [
      "--rpc",
      rpc,
      "--chain-id",
      "31337",
      "--deployment",
      deployment,
      "--models-dir",
      "models",
      "--model",
      setting.model.name,
    ];
    const router = startRouter([...common, ...(options.routerFlags ?? [])], setting, folder, routerPort);
    programs.push(router);
    const nodes = nodePorts.map((port, i) =>
      startNode(
        [...common, ...(options.nodeFlags ?? [])],
        folder,
        i,
        port,
        i < options.nodes ? "miner,oracle" : "validator",
        options.poison === i + 1,
      ),
    );
    programs.push(...nodes);
    const healthy = (url: string) => async () => (await fetch(`${url}/healthz`)).ok;
    await Promise.all([
      untilReady(router, healthy(routerUrl)),
      ...nodes.map(async (node, i) => await untilReady(node, healthy(nodeUrls[i]!))),
    ]);
    onStage(`router at ${routerUrl} and ${options.nodes} nodes run${validators > 0 ? `, and ${validators} validators` : ""}`);
    const sessions = contractOf(setting.record, "Session", provider);
    await untilReady(router, async () => {
      const { lease } = (await sessions.getFunction("sessionOf").staticCall(setting.session)) as { lease: bigint };
      return lease > 0n;
    });
    onStage("the session has leased its nodes");
    // For programs that join: node init, and whoever wants to know where things are.
    writeFileSync(path.join(folder, "network.json"), `${JSON.stringify({ rpc, router: routerUrl, deployment }, null, 2)}\n`);
    const newcomers = welcomeNewcomers(provider, setting, routerUrl);
    const stopAll = async () => {
      await newcomers.stop();
      await stop();
    };
    return { provider, rpc, routerUrl, nodeUrls, setting, chain, router, nodes, programs, stop: stopAll };
  } catch (error) {
    await stop();
    throw error;
  }
}

function startChain(port: number, folder: string): Program {
  const hardhat = path.join(ROOT, "node_modules/hardhat/dist/src/cli.js");
  return startProgram("the chain", [hardhat, "node", "--hostname", "127.0.0.1", "--port", String(port)], path.join(folder, "chain.log"));
}

function startRouter(common: string[], { session }: LocalSetting, folder: string, port: number): Program {
  const own = ["--key", account(ACCOUNTS.router).privateKey, "--session", String(session), "--data", path.join(folder, "router")];
  const args = ["offchain/router/main.ts", "start", ...common, ...own, "--dashboard", "--listen", `127.0.0.1:${port}`];
  return startProgram("the router", args, path.join(folder, "router.log"));
}

function startNode(common: string[], folder: string, i: number, port: number, roles: string, poisoned: boolean): Program {
  const own = ["--key", account(ACCOUNTS.firstOperator + i).privateKey, "--role", roles, "--data", path.join(folder, `node-${i + 1}`)];
  const args = ["offchain/node/cli.ts", "start", ...common, ...own, "--listen", `127.0.0.1:${port}`];
  if (poisoned) args.push("--poison", "I would rather talk about turnips.");
  return startProgram(`node ${i + 1}`, args, path.join(folder, `node-${i + 1}.log`));
}

async function answers(rpc: string): Promise<boolean> {
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "eth_chainId", params: [] });
  const answer = await fetch(rpc, { method: "POST", body, headers: { "content-type": "application/json" } });
  return ((await answer.json()) as { result?: string }).result === "0x7a69";
}
