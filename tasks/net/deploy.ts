import { existsSync } from "node:fs";
import { readDeployment, verifyDeployment } from "../../offchain/chain/deployment.ts";
import { deploy, MODULES, writeRecord } from "../../scripts/deploy.ts";
import { type CommonArguments, reporting, senderOf } from "../command.ts";
import { connectNetwork, networkName, recordFiles } from "../connection.ts";
import { Refusal } from "../failure.ts";
import { parametersOf } from "./parameters.ts";
import { placesOf, rehearse } from "./rehearsal.ts";

export default reporting(async (args: CommonArguments & { force: boolean }, hre) => {
  const network = networkName(hre);
  const file = recordFiles(hre, network, args.deployment)[0]!;
  if (existsSync(file) && !args.force)
    throw new Refusal(
      "DeploymentExists",
      `found a deployment record in ${file}, wanted none; see net status, give --deployment for another file, or --force to deploy again`,
    );
  const endpoint = await connectNetwork(hre);
  try {
    const parameters = parametersOf(endpoint.chainId);
    const sender = await senderOf({ hre, endpoint }, args);
    const from = await sender.getAddress();
    if (args.dryRun) {
      const nonce = await endpoint.provider.getTransactionCount(from, "latest");
      return { dryRun: true, network, from, record: file, addresses: placesOf(from, nonce, MODULES), ...(await rehearse(hre, parameters)) };
    }
    const steps: string[] = [];
    const record = await deploy(sender, network, parameters, (step) => {
      steps.push(step);
      if (!args.json) process.stderr.write(`${step}\n`);
    });
    writeRecord(file, record);
    await verifyDeployment(endpoint, readDeployment(file));
    return { network, chainId: record.chainId, from, record: file, addresses: record.addresses, transactions: steps.length };
  } finally {
    endpoint.close();
  }
});
