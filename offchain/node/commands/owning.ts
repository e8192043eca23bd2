import { formatEther } from "ethers";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { crashPoint } from "../../runtime/crashPoint.ts";
import { EXIT, Fatal } from "../../runtime/exit.ts";
import { operatorKey } from "../../runtime/operatorKey.ts";
import { CONFIG_FILE } from "../config.ts";
import { type ChainContext, Desk, operatorWallet, ownerWallet } from "./context.ts";
import { keystore, passwordIn } from "./init.ts";
import type { Report } from "./output.ts";

/** What only the node's owner may do. */

async function ownNode({ config, views }: ChainContext): Promise<number> {
  const operator = config.key === undefined && config.keyFile === undefined ? undefined : (await operatorWallet(config)).address;
  const node = operator === undefined ? 0 : await views.nodeOfOperator(operator);
  if (node !== 0) return node;
  throw new Fatal(EXIT.notRegistered, `found no node that ${operator} operates, wanted a registered one; register it first`);
}

/** Withdraws what the node has earned to its owner. What an earlier run left waiting is finished first, so nothing is asked for twice. */
export async function claim(context: ChainContext, ownerKeyFile?: string): Promise<Report> {
  const { views, config } = context;
  const node = await ownNode(context);
  const owner = await ownerWallet(config, ownerKeyFile);
  const desk = await Desk.open(context, owner, "owner");
  try {
    const owed = await views.owedToNode(node);
    crashPoint("claiming");
    if (owed === 0n) return { data: { node, claimed: 0n }, lines: [`nothing is owed to node ${node}`] };
    const id = `claim:${node}:${await context.endpoint.provider.getBlockNumber()}`;
    const receipt = await desk.send({ id, module: "SessionPayment", method: "withdrawNode", args: [node, owner.address] });
    const line = `✔ ${formatEther(owed)} COR or more withdrawn to ${owner.address}, transaction ${receipt.hash}`;
    return { data: { node, claimed: owed, transaction: receipt.hash }, lines: [line] };
  } finally {
    desk.close();
  }
}

/** Leaves: asks to exit; once the stake has thawed, withdraws it. */
export async function exitPool(context: ChainContext, ownerKeyFile?: string): Promise<Report> {
  const { views, config, endpoint } = context;
  const node = await ownNode(context);
  const owner = await ownerWallet(config, ownerKeyFile);
  const desk = await Desk.open(context, owner, "owner");
  try {
    const { exitAt } = await views.node(node);
    if (exitAt === 0) {
      await desk.send({ id: `exit:${node}`, module: "NodePool", method: "requestExit", args: [node] });
      const until = (await views.node(node)).exitAt;
      const when = new Date(until * 1_000).toISOString();
      const lines = [
        `✔ node ${node} leaves the pool; its stake thaws until ${when}`,
        "it may end now: start is no longer needed once nothing is open",
        `run exit again after ${when} to withdraw the stake`,
      ];
      return { data: { node, exitAt: until, withdrawn: false }, lines };
    }
    const { timestamp } = (await endpoint.provider.getBlock("latest"))!;
    if (timestamp < exitAt) {
      const when = new Date(exitAt * 1_000).toISOString();
      return { data: { node, exitAt, withdrawn: false }, lines: [`the stake of node ${node} thaws until ${when}; run exit again then`] };
    }
    const receipt = await desk.send({
      id: `withdraw:${node}:${exitAt}`,
      module: "NodePool",
      method: "withdrawStake",
      args: [node, owner.address],
    });
    return {
      data: { node, exitAt, withdrawn: true, transaction: receipt.hash },
      lines: [`✔ stake of node ${node} withdrawn to ${owner.address}`],
    };
  } finally {
    desk.close();
  }
}

/** Replaces the operator's key: a new keystore, proposed by the owner, accepted by itself. The old one still signs for what it was seated for. */
export async function rotate(context: ChainContext, ownerKeyFile?: string): Promise<Report> {
  const { config, endpoint } = context;
  const node = await ownNode(context);
  const owner = await ownerWallet(config, ownerKeyFile);
  if (config.keyPasswordFile === undefined)
    throw new Fatal(EXIT.configInvalid, "found no password file, wanted the one that opens the keystores; give --key-password-file");
  const file = `operator-${Date.now()}.json`;
  const full = path.join(config.data, file);
  const address = await keystore(full, passwordIn(config.keyPasswordFile));
  const fresh = await operatorKey({ keyFile: full, keyPasswordFile: config.keyPasswordFile, chainId: config.chainId });
  const former = await operatorWallet(config);
  const money = ((await context.views.balance(former.address)) * 9n) / 10n;
  const connected = former.connect(endpoint.provider);
  const ownerDesk = await Desk.open(context, owner, "owner");
  try {
    await ownerDesk.send({ id: `propose:${address}`, module: "NodePool", method: "proposeOperator", args: [node, address] });
    if (money > 0n) await (await connected.sendTransaction({ to: address, value: money })).wait();
    const desk = await Desk.open(context, fresh, `operator-${address}`);
    await desk
      .send({ id: `accept:${node}:${address}`, module: "NodePool", method: "acceptOperator", args: [node] })
      .finally(() => desk.close());
  } finally {
    ownerDesk.close();
  }
  const configFile = path.join(config.data, CONFIG_FILE);
  const settings = JSON.parse(readFileSync(configFile, "utf8")) as Record<string, string>;
  writeFileSync(configFile, `${JSON.stringify({ ...settings, keyFile: file }, null, 2)}\n`);
  return {
    data: { node, operator: address, former: former.address, keyFile: file },
    lines: [
      `✔ node ${node} is operated by ${address} (${file}); restart it to use the new key`,
      `  ${former.address} still signs for tasks it was seated in`,
    ],
  };
}
