import { formatEther } from "ethers";
import { EXIT, Fatal } from "../runtime/exit.ts";
import type { Logger } from "../runtime/log.ts";
import { type Deployment, deploymentFromRuntime, readDeployment, verifyDeployment } from "./deployment.ts";
import type { Endpoint } from "./endpoint.ts";

/** Checks that every program makes before it works with the chain. */

/** How a program was told where the contracts are: a record's file, or the Runtime's address and the first block to read. */
export interface DeploymentSettings {
  deployment?: string | undefined;
  runtime?: string | undefined;
  fromBlock: number;
}

/** Where the contracts are, checked against the chain. Throws DeploymentInvalid, WrongChainId. */
export async function deploymentOf(settings: DeploymentSettings, endpoint: Endpoint): Promise<Deployment> {
  const { deployment: file, runtime, fromBlock } = settings;
  const deployment = runtime === undefined ? readDeployment(file!) : await deploymentFromRuntime(endpoint, runtime, fromBlock);
  await verifyDeployment(endpoint, deployment);
  return deployment;
}

/** Gas, roughly, of one reveal that settles. */
const GAS_OF_A_REVEAL = 1_000_000n;
/** Below the price of so many reveals the balance is low. */
const RESERVE = 20n;

/** Whether the operator can pay for some time; warns where not. Throws Fatal (fundsShort) where it cannot pay at all. */
export async function checkBalance(endpoint: Endpoint, operator: string, log: Logger): Promise<boolean> {
  const [balance, block] = await Promise.all([endpoint.provider.getBalance(operator), endpoint.provider.getBlock("latest")]);
  if (balance === 0n)
    throw new Fatal(EXIT.fundsShort, `found no balance for gas at ${operator}, wanted some of the chain's currency; send it some`);
  const wanted = RESERVE * GAS_OF_A_REVEAL * (block?.baseFeePerGas ?? 0n);
  if (balance >= wanted) return true;
  log.warn({ operator, found: formatEther(balance), wanted: formatEther(wanted) }, "the balance for gas is low; send the operator some");
  return false;
}
