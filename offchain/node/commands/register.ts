import { formatEther, HDNodeWallet, parseEther, type Wallet } from "ethers";
import { interfaces } from "../../chain/abis.ts";
import { FundsShort } from "../../chain/errors.ts";
import { loadModels, modelNamed } from "../../inference/models.ts";
import { EXIT, Fatal } from "../../runtime/exit.ts";
import { LOCAL_CHAIN } from "../../runtime/settings.ts";
import path from "node:path";
import { type ChainContext, Desk, operatorWallet, ownerWallet } from "./context.ts";
import type { Report } from "./output.ts";

export interface RegisterOptions {
  ownerKeyFile?: string | undefined;
  /** COR; the least that the pool takes where it is not said. */
  stake?: string | undefined;
  endpoint?: string | undefined;
  dryRun: boolean;
}

const GAS_MONEY = parseEther("1");
/** Gas, roughly, of approve, register and acceptOperator. */
const REGISTERING_GAS = 900_000n;

/** Enters the node: stake and owner from the owner's key, operator from the operator's. What was done before is not done again. Throws Fatal. */
export async function register(context: ChainContext, options: RegisterOptions): Promise<Report> {
  const { config, views, deployment, endpoint } = context;
  const owner = await ownerWallet(config, options.ownerKeyFile);
  const operator = await operatorWallet(config);
  const url = options.endpoint ?? `http://${config.listen.host}:${config.listen.port}`;
  const known = await views.nodeOfOperator(operator.address);
  if (known !== 0) return done(known, owner.address, operator.address, [`✔ node ${known} is registered already`]);
  const stake = options.stake === undefined ? (await views.poolParameters()).minStake : corIn(options.stake);
  const model = await wantedModel(context);
  const local = endpoint.chainId === LOCAL_CHAIN;
  const [cor, gas, fee] = await Promise.all([
    views.corBalance(owner.address),
    views.balance(owner.address),
    endpoint.provider.getFeeData(),
  ]);
  const plan = {
    owner: owner.address,
    operator: operator.address,
    endpoint: url,
    model: model.name,
    stake,
    ownerCor: cor,
    ownerGas: gas,
    gasEstimate: REGISTERING_GAS * (fee.maxFeePerGas ?? 0n),
    canBeLost: "the stake, in parts: for commitments that are not opened, and for answers that are proven false",
  };
  if (options.dryRun) return { data: { dryRun: true, ...plan }, lines: planLines(plan, local) };
  const lines: string[] = [];
  if (local) lines.push(...(await fund(context, owner, operator, stake)));
  await refuseShort(context, owner, stake);
  const ownerDesk = await Desk.open(context, owner, "owner");
  const operatorDesk = await Desk.open(context, operator, "operator");
  try {
    const pool = deployment.addresses.NodePool;
    const approving = { id: `approve:${operator.address}`, module: "COR", method: "approve", args: [pool, stake] } as const;
    await ownerDesk.send({ ...approving, args: [...approving.args] });
    const args = [operator.address, model.id, stake, url];
    const receipt = await ownerDesk.send({ id: `register:${operator.address}`, module: "NodePool", method: "register", args });
    const event = receipt.logs.map((log) => interfaces.NodePool.parseLog(log)).find((found) => found?.name === "NodeRegistered");
    const node = Number(event!.args.getValue("node"));
    lines.push(`✔ node ${node} registered with ${formatEther(stake)} COR, transaction ${receipt.hash}`);
    await operatorDesk.send({ id: `accept:${node}`, module: "NodePool", method: "acceptOperator", args: [node] });
    lines.push(`✔ the operator accepted`);
    const view = await views.node(node);
    if (!view.admitted) lines.push("! the pool is permissioned: governance must admit the node before it is drawn");
    return done(node, owner.address, operator.address, [...lines, "", `next: start --data ${config.data}`]);
  } finally {
    ownerDesk.close();
    operatorDesk.close();
  }
}

const done = (node: number, owner: string, operator: string, lines: string[]): Report => ({ data: { node, owner, operator }, lines });

function planLines(plan: Record<string, unknown>, local: boolean): string[] {
  const shown = Object.entries(plan).map(
    ([name, value]) => `  ${name.padEnd(12)} ${typeof value === "bigint" ? formatEther(value) : String(value)}`,
  );
  return [
    "would register:",
    ...shown,
    ...(local ? ["  on the local chain, the chain's own test account pays for it"] : []),
    "nothing was sent",
  ];
}

function corIn(text: string): bigint {
  try {
    return parseEther(text);
  } catch {
    throw new Fatal(EXIT.configInvalid, `found --stake ${JSON.stringify(text)}, wanted an amount of COR, for example 1000`);
  }
}

/** The model that settings or registry name, as registered on chain. */
async function wantedModel({ config, views }: ChainContext): Promise<{ id: string; name: string }> {
  const entry = modelNamed(await loadModels(path.join(config.modelsDir, "registry.json")), config.model);
  const id = `0x${entry.sha256}`;
  if ((await views.model(id)) !== undefined) return { id, name: entry.id };
  throw new Fatal(
    EXIT.integrity,
    `found model ${entry.id}, and ModelRegistry does not know it; wanted a registered one; give another --model`,
  );
}

async function refuseShort({ views }: ChainContext, owner: Wallet, stake: bigint): Promise<void> {
  const found = await views.corBalance(owner.address);
  if (found < stake)
    throw new Fatal(
      EXIT.fundsShort,
      `found ${formatEther(found)} COR at the owner ${owner.address}, wanted ${formatEther(stake)} as stake; send it some`,
    );
  if ((await views.balance(owner.address)) === 0n) throw new FundsShort(owner.address);
}

/** On the local chain the public test account gives what a new node needs. */
async function fund({ endpoint, deployment, views }: ChainContext, owner: Wallet, operator: Wallet, stake: bigint): Promise<string[]> {
  const phrase = "test test test test test test test test test test test junk";
  const rich = HDNodeWallet.fromPhrase(phrase, "", "m/44'/60'/0'/0/0").connect(endpoint.provider);
  const lines: string[] = [];
  for (const { address } of [owner, operator]) {
    if ((await views.balance(address)) >= GAS_MONEY / 2n) continue;
    await (await rich.sendTransaction({ to: address, value: GAS_MONEY })).wait();
  }
  const missing = stake - (await views.corBalance(owner.address));
  if (missing > 0n) {
    const data = interfaces.COR.encodeFunctionData("transfer", [owner.address, missing]);
    await (await rich.sendTransaction({ to: deployment.addresses.COR, data })).wait();
    lines.push(`✔ local chain: its test account gave ${formatEther(missing)} COR for the stake, and gas money`);
  }
  return lines;
}
