import { Contract, isAddress, getAddress } from "ethers";
import { z } from "zod";
import { interfaces, MODULE_NAMES, type ModuleName } from "./abis.ts";
import type { Endpoint } from "./endpoint.ts";
import { ChainError, revertIn, WrongChainId } from "./errors.ts";

export type Addresses = Record<ModuleName, string>;

/** Where the contracts are. */
export interface Deployment {
  network: string;
  chainId: bigint;
  /** Block before the first contract: where an event cursor starts. */
  blockNumber: number;
  addresses: Addresses;
}

/** The deployment record is missing, malformed, or names an address without code. */
export class DeploymentInvalid extends ChainError {
  constructor(message: string, code: "DeploymentInvalid" | "ContractMissing" = "DeploymentInvalid") {
    super(code, message);
  }
}

const address = z.string().refine(isAddress, "no address").transform(getAddress);
const recordSchema = z.object({
  network: z.string().min(1).max(64),
  chainId: z.union([z.int().positive(), z.string().regex(/^\d+$/)]).transform(BigInt),
  blockNumber: z.int().min(0),
  addresses: z.object(Object.fromEntries(MODULE_NAMES.map((name) => [name, address])) as Record<ModuleName, typeof address>),
});

/** Reads deployments/<network>/deployment.json, under Node.js. Throws DeploymentInvalid. */
export function readDeployment(file: string): Deployment {
  let value: unknown;
  try {
    value = JSON.parse(process.getBuiltinModule("node:fs").readFileSync(file, "utf8"));
  } catch (error) {
    throw new DeploymentInvalid(
      `found no deployment record in ${file} (${(error as Error).message}); wanted the JSON that scripts/deploy.ts writes`,
    );
  }
  return parseDeployment(value, file);
}

/** A deployment from what a record holds; `source` names it in errors. Throws DeploymentInvalid. */
export function parseDeployment(value: unknown, source = "given"): Deployment {
  const parsed = recordSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw new DeploymentInvalid(`the deployment record ${source} is not valid: ${issue?.path.join(".") || "record"}: ${issue?.message}`);
}

/** Asks a Runtime contract for all modules. The cursor starts at `blockNumber`. Throws DeploymentInvalid. */
export async function deploymentFromRuntime(endpoint: Endpoint, runtime: string, blockNumber = 0): Promise<Deployment> {
  if (!isAddress(runtime)) throw new DeploymentInvalid(`found ${JSON.stringify(runtime)}, wanted the address of a Runtime contract`);
  if ((await endpoint.provider.getCode(runtime)) === "0x") throw noCode("Runtime", runtime, endpoint);
  const contract = new Contract(runtime, interfaces.Runtime, endpoint.provider);
  const [names, found] = (await contract
    .getFunction("modules")
    .staticCall()
    .catch((error: unknown) => {
      if (revertIn(error, "modules") !== undefined || (error as { code?: string }).code === "BAD_DATA")
        throw noCode("Runtime", runtime, endpoint);
      throw error;
    })) as [string[], string[]];
  const addresses = Object.fromEntries([...names.map((name, i) => [name, found[i]]), ["Runtime", runtime]]) as Addresses;
  const missing = MODULE_NAMES.filter((name) => addresses[name] === undefined);
  if (missing.length > 0) throw new DeploymentInvalid(`the Runtime at ${runtime} names no ${missing.join(", ")}; wanted all modules`);
  return { network: `chain-${endpoint.chainId}`, chainId: endpoint.chainId, blockNumber, addresses };
}

/** Checks that the deployment is of this chain and that every address holds code. Throws WrongChainId, DeploymentInvalid. */
export async function verifyDeployment(endpoint: Endpoint, { chainId, addresses }: Deployment): Promise<void> {
  if (chainId !== endpoint.chainId) throw new WrongChainId(endpoint.url, endpoint.chainId, chainId);
  await Promise.all(
    MODULE_NAMES.map(async (name) => {
      if ((await endpoint.provider.getCode(addresses[name])) === "0x") throw noCode(name, addresses[name], endpoint);
    }),
  );
}

function noCode(name: string, found: string, { url }: Endpoint): DeploymentInvalid {
  return new DeploymentInvalid(
    `found no ${name} at ${found} on ${url}; wanted the deployed contract; deploy first or give the right record`,
    "ContractMissing",
  );
}
