import { rmSync } from "node:fs";
import { writeRecord } from "../../scripts/deploy.ts";
import { adopted, readUpgrade, upgradeFile } from "../../scripts/deployment/upgrade.ts";
import { command } from "../command.ts";

export default command(async ({ endpoint: { provider }, network, deploymentFile }) => {
  const upgrade = readUpgrade(deploymentFile);
  const record = await adopted(provider, upgrade);
  writeRecord(deploymentFile, record);
  rmSync(upgradeFile(deploymentFile));
  const switched = upgrade.names.map((module) => ({ module, address: record.addresses[module] }));
  return { network, record: deploymentFile, module: upgrade.module, switched };
});
