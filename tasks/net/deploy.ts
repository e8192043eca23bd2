import { existsSync } from "node:fs";
import { readDeployment, verifyDeployment } from "../../offchain/chain/deployment.ts";
import { MODULES, placesOf, planOf, writeRecord } from "../../scripts/deploy.ts";
import { recordOf } from "../../scripts/deployment/record.ts";
import { type CommonArguments, reporting, senderOf } from "../command.ts";
import { connectNetwork, networkName, recordFiles } from "../connection.ts";
import { confirmed } from "../confirmation.ts";
import { Refusal } from "../failure.ts";
import { carryOutAs } from "./carrying.ts";
import { parametersOf } from "./parameters.ts";
import { rehearse } from "./rehearsal.ts";

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
      return { dryRun: true, network, from, record: file, addresses: placesOf(MODULES, from, nonce), ...(await rehearse(hre, parameters)) };
    }
    await confirmed(args, chainId, `deploy ${MODULES.length} contracts to chain ${chainId} as ${from}`);
    const journal = args.journal ?? network;
    const carried = await carryOutAs(
      { sender, chainId, json: args.json, named: args.journal !== undefined },
      { hre, network, journal, parameters, planAt: (nonce) => planOf(from, nonce, parameters), confirmations },
    );
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
