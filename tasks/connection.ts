import { existsSync } from "node:fs";
import path from "node:path";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import { type Deployment, readDeployment, verifyDeployment } from "../offchain/chain/deployment.ts";
import { connect, type Endpoint } from "../offchain/chain/endpoint.ts";
import { RpcUnreachable, WrongChainId } from "../offchain/chain/errors.ts";
import { createViews, type Views } from "../offchain/chain/views.ts";
import { type Contracts, contractsAt } from "./contracts.ts";
import { Refusal } from "./failure.ts";

/** The network that a command talks to where --network is not given. */
const DEFAULT_NETWORK = "localhost";
/** What `npm start` leaves behind while its chain runs. */
const DEMO_RECORD = ".demo/deployment.json";

/** A chain with this project's contracts on it. */
export interface Connection {
  network: string;
  endpoint: Endpoint;
  deployment: Deployment;
  deploymentFile: string;
  views: Views;
  contracts: Contracts;
}

export const networkName = ({ globalOptions }: HardhatRuntimeEnvironment): string => globalOptions.network ?? DEFAULT_NETWORK;

/** Connects to the network that --network names. Throws Refusal. */
export async function connectNetwork(hre: HardhatRuntimeEnvironment): Promise<Endpoint> {
  const network = networkName(hre);
  const config = hre.config.networks[network];
  if (config?.type !== "http")
    throw new Refusal(
      "NetworkUnusable",
      `found network ${network} ${config === undefined ? "not configured" : "inside this process only"}, wanted one behind an RPC address; give --network ${DEFAULT_NETWORK}`,
    );
  const url = await config.url.get();
  try {
    return await connect({ url, retries: 1, ...(config.chainId !== undefined && { chainId: BigInt(config.chainId) }) });
  } catch (error) {
    if (error instanceof WrongChainId)
      throw new Refusal(
        "WrongChainId",
        `found chain ${error.found} at the address of network ${network}, wanted its chain ${error.wanted}; give another --network, or correct the network's RPC address`,
      );
    if (!(error instanceof RpcUnreachable)) throw error;
    throw new Refusal(
      "RpcUnreachable",
      `found no chain at ${error.url}, wanted the chain of network ${network}; start it, or set the address of the network (RPC_URL for ${DEFAULT_NETWORK})`,
    );
  }
}

/** Where a deployment record is looked for, in this order. The defaults lie in the project, wherever the command is run. */
export function recordFiles({ config }: HardhatRuntimeEnvironment, network: string, given: string | undefined): string[] {
  if (given !== undefined) return [given];
  const files = [`deployments/${network}/deployment.json`, ...(network === DEFAULT_NETWORK ? [DEMO_RECORD] : [])];
  return files.map((file) => path.relative("", path.join(config.paths.root, file)));
}

/** Connects and finds the contracts. A record of another chain is refused. Throws Refusal, ChainError. */
export async function connectDeployment(hre: HardhatRuntimeEnvironment, given: string | undefined): Promise<Connection> {
  const network = networkName(hre);
  const endpoint = await connectNetwork(hre);
  try {
    const { deployment, deploymentFile } = await foundDeployment(endpoint, network, recordFiles(hre, network, given));
    const { addresses } = deployment;
    return {
      network,
      endpoint,
      deployment,
      deploymentFile,
      views: createViews(endpoint, deployment),
      contracts: contractsAt(addresses, endpoint.provider),
    };
  } catch (error) {
    endpoint.close();
    throw error;
  }
}

/** The first record whose contracts are on the chain: one of an earlier local chain does not hide that of the present one. */
async function foundDeployment(endpoint: Endpoint, network: string, files: string[]) {
  const existing = files.filter((file) => existsSync(file));
  if (existing.length === 0)
    throw new Refusal(
      "DeploymentMissing",
      `found no ${files.join(" or ")}, wanted a deployment record; run net deploy, or give --deployment`,
    );
  let first: unknown;
  for (const deploymentFile of existing) {
    try {
      return { deployment: await checkedDeployment(endpoint, network, deploymentFile), deploymentFile };
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}

async function checkedDeployment(endpoint: Endpoint, network: string, file: string): Promise<Deployment> {
  const deployment = readDeployment(file);
  if (deployment.chainId !== endpoint.chainId)
    throw new Refusal(
      "WrongChainId",
      `found chain ${endpoint.chainId} at ${endpoint.url}, wanted chain ${deployment.chainId} of ${file}; give another --network than ${network}, or another --deployment`,
    );
  await verifyDeployment(endpoint, deployment);
  return deployment;
}
