import { existsSync, readFileSync } from "node:fs";
import { type Addresses, creationPlanOf, placesOf } from "../../scripts/deploy.ts";
import { isFull } from "../../scripts/deployment/record.ts";
import { createdWith, noteUpgrade, upgradeFile } from "../../scripts/deployment/upgrade.ts";
import { required } from "../arguments.ts";
import { command, type CommonArguments } from "../command.ts";
import { confirmed } from "../confirmation.ts";
import { Refusal } from "../failure.ts";
import { carryOutAs } from "../net/carrying.ts";
import { parametersOf } from "../net/parameters.ts";
import { withVoted } from "./inForce.ts";

export default command(async (context, args: CommonArguments & { module?: string }) => {
  const { hre, network, deploymentFile, endpoint } = context;
  const { chainId, provider } = endpoint;
  const record: unknown = JSON.parse(readFileSync(deploymentFile, "utf8"));
  if (!isFull(record))
    throw new Refusal("RecordPartial", `found only addresses in ${deploymentFile}, wanted a full record, as net deploy writes it`);
  const file = upgradeFile(deploymentFile);
  if (existsSync(file))
    throw new Refusal("UpgradeExists", `found an upgrade in ${file}, wanted none; have it voted on and adopted, or remove that file`);
  const { parameters: deployed, confirmations } = parametersOf(chainId);
  const parameters = await withVoted(context, deployed);
  const module = required(args.module, "--module", "a module's name, for example Judge");
  const names = createdWith(module, parameters);
  const sender = await context.sender();
  const from = await sender.getAddress();
  if (from !== record.deployer)
    throw new Refusal("DeployerDiffers", `found ${from} as the sender, wanted ${record.deployer}, who deployed what is recorded`);
  const nonce = await provider.getTransactionCount(from, "latest");
  if (context.dryRun) return { dryRun: true, module, from, addresses: placesOf(names, from, nonce) };
  await confirmed(args, chainId, `create ${names.join(", ")} on chain ${chainId} as ${from}`);
  const at: Addresses = record.addresses;
  // An upgrade of what this record names: another one begins anew.
  const journal = `${network}-upgrade-${module}-${at[names[0]!].slice(2, 10)}`;
  const planAt = (first: number) => creationPlanOf(from, first, parameters, at, names);
  const carried = await carryOutAs(
    { sender, chainId, json: args.json },
    { hre, network, journal, parameters: { parameters, at, names }, planAt, confirmations },
  );
  const upgrade = await noteUpgrade(provider, deploymentFile, { record, module }, carried.plan, carried.transactions);
  return {
    network,
    module,
    upgrade: file,
    resumed: carried.resumed,
    created: upgrade.names.map((name) => ({ module: name, from: at[name], to: upgrade.record.addresses[name] })),
    next: "upgrade propose; node owners can register with the new NodePool before the vote ends",
  };
});
