import { existsSync, rmSync } from "node:fs";
import type { Signer } from "ethers";
import { readDeployment, verifyDeployment } from "../../offchain/chain/deployment.ts";
import { LOCAL_CHAIN } from "../../offchain/runtime/settings.ts";
import { MODULES, writeRecord } from "../../scripts/deploy.ts";
import { carryOut, journalOf } from "../../scripts/deployment/ignition.ts";
import { recordOf } from "../../scripts/deployment/record.ts";
import { type CommonArguments, reporting, senderOf } from "../command.ts";
import { connectNetwork, networkName, recordFiles } from "../connection.ts";
import { confirmed } from "../confirmation.ts";
import { Refusal } from "../failure.ts";
import { parametersOf } from "./parameters.ts";
import { placesOf, rehearse } from "./rehearsal.ts";

export default reporting(async (args: CommonArguments & { force: boolean; journal?: string }, hre) => {
  const network = networkName(hre);
  const file = recordFiles(hre, network, args.deployment)[0]!;
  if (existsSync(file) && !args.force)
    throw new Refusal(
      "DeploymentExists",
      `found a deployment record in ${file}, wanted none; see net status, give --deployment for another file, or --force to deploy again`,
    );
  const endpoint = await connectNetwork(hre);
  try {
    const { chainId, provider } = endpoint;
    const { parameters, confirmations } = parametersOf(chainId);
    const sender = await senderOf({ hre, endpoint }, args);
    const from = await sender.getAddress();
    if (args.dryRun) {
      const nonce = await provider.getTransactionCount(from, "latest");
      return { dryRun: true, network, from, record: file, addresses: placesOf(from, nonce, MODULES), ...(await rehearse(hre, parameters)) };
    }
    await confirmed(args, chainId, `deploy ${MODULES.length} contracts to chain ${chainId} as ${from}`);
    const journal = args.journal ?? network;
    // A local chain ends with its process, and an old journal with it.
    if (chainId === LOCAL_CHAIN && args.journal === undefined) rmSync(journalOf(hre, journal), { recursive: true, force: true });
    const key = keyOf(sender);
    const carried = await carryOut({
      hre,
      network,
      journal,
      ...(key !== undefined && { key }),
      deployer: from,
      parameters,
      confirmations,
      pollingMs: chainId === LOCAL_CHAIN ? 50 : 2_000,
      onStep: (step) => void (args.json || process.stderr.write(`${step}\n`)),
    });
    const { blockNumber } = carried.start;
    const about = { network, chainId: Number(chainId), blockNumber, deployer: from, root: hre.config.paths.root };
    const record = await recordOf(provider, about, carried.plan, carried.transactions, parameters);
    writeRecord(file, record);
    await verifyDeployment(endpoint, readDeployment(file));
    return {
      network,
      chainId: record.chainId,
      from,
      record: file,
      resumed: carried.resumed,
      addresses: record.addresses,
      transactions: carried.plan.steps.length,
    };
  } finally {
    endpoint.close();
  }
});

/** The private key of a signer that has one; accounts of the chain's own are named by their address. */
const keyOf = (signer: Signer): string | undefined => (signer as Partial<{ privateKey: string }>).privateKey;
