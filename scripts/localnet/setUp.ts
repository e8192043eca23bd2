import { Contract, type HDNodeWallet, type JsonRpcProvider, parseEther } from "ethers";
import { AGREEMENT_ONLY } from "../../offchain/protocol/assurance.ts";
import { Comparison } from "../../offchain/protocol/types.ts";
import { artifactOf, deploy, type DeploymentRecord, type ModuleName } from "../deploy.ts";
import { localParameters, type ModelParameters } from "../parameters.ts";
import { account, ACCOUNTS } from "./accounts.ts";

/** Terms of the local session: three answers, two must agree; windows short enough to watch, long enough for a busy laptop. */
const TERMS = {
  redundancy: 3,
  quorum: 2,
  queueWindow: 60,
  commitWindow: 20,
  revealWindow: 20,
  maxPrompts: 64,
  maxPromptTokens: 384,
  maxTokens: 128,
};
const DEPOSIT = parseEther("10000");
/** What a session asks for where validators judge every answer. */
const JUDGED = { sampleBps: 10_000, bar: 2, verdictCommitWindow: 40, verdictRevealWindow: 20 };
/** Roles as `NodePool` has them. */
const MINER = 1;
const VALIDATOR = 2;

/** Everything on chain that the programs need. */
export interface LocalSetting {
  record: DeploymentRecord;
  model: ModelParameters;
  session: number;
  /** Node ids, in the order of their processes. */
  nodes: number[];
}

/** A contract of the deployment, used by an account. */
export function contractOf(record: DeploymentRecord, name: ModuleName, signer: HDNodeWallet | JsonRpcProvider): Contract {
  return new Contract(record.addresses[name], artifactOf(name).abi, signer);
}

async function send(contract: Contract, method: string, ...args: unknown[]): Promise<void> {
  await (await contract.getFunction(method).send(...args)).wait();
}

/**
 * Deploys, registers a node for each URL (cold owner and hot operator apart), opens and funds one session with a router. The last `validators` nodes
 * judge every answer of it and serve nothing.
 */
export async function setUp(provider: JsonRpcProvider, nodeUrls: string[], routerUrl: string, validators = 0): Promise<LocalSetting> {
  const parameters = localParameters();
  const deployer = account(ACCOUNTS.deployer, provider);
  const record = await deploy(deployer, "localnet", parameters);
  const model = parameters.models.find(({ name }) => name === "toy-world-f16");
  if (model === undefined) throw new Error("models/registry.json does not list toy-world-f16, the model of the local network");
  const cor = contractOf(record, "COR", deployer);
  const nodes: number[] = [];
  for (const [i, url] of nodeUrls.entries()) {
    const owner = account(ACCOUNTS.firstOwner + i, provider);
    const operator = account(ACCOUNTS.firstOperator + i, provider);
    await send(cor, "transfer", owner.address, parameters.pool.minStake);
    await send(contractOf(record, "COR", owner), "approve", record.addresses.NodePool, parameters.pool.minStake);
    await send(contractOf(record, "NodePool", owner), "register", operator.address, model.id, parameters.pool.minStake, url);
    await send(contractOf(record, "NodePool", operator), "acceptOperator", i + 1);
    const roles = i < nodeUrls.length - validators ? MINER : VALIDATOR;
    if (validators > 0) await send(contractOf(record, "NodePool", operator), "setRoles", i + 1, roles);
    nodes.push(i + 1);
  }
  const client = account(ACCOUNTS.client, provider);
  const sessions = contractOf(record, "Session", client);
  const leaseNodes = Math.min(10, nodeUrls.length - validators);
  const terms = {
    model: model.id,
    leaseNodes,
    mode: 0,
    comparison: Comparison.Semantic,
    priceCeiling: model.price,
    ...AGREEMENT_ONLY,
    ...(validators > 0 && { ...JUDGED, validators }),
    ...TERMS,
  };
  await send(sessions, "open", terms);
  await send(sessions, "setRouter", 1, account(ACCOUNTS.router).address, true, routerUrl);
  // Twice: what is not deposited pays for the second client's questions.
  await send(cor, "transfer", client.address, DEPOSIT * 2n);
  await send(contractOf(record, "COR", client), "approve", record.addresses.SessionPayment, DEPOSIT);
  await send(contractOf(record, "SessionPayment", client), "deposit", 1, DEPOSIT);
  return { record, model, session: 1, nodes };
}
