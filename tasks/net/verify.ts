import { readFileSync } from "node:fs";
import { writeRecord } from "../../scripts/deploy.ts";
import { stateOf } from "../../scripts/deployment/chainState.ts";
import { type FullRecord, isFull } from "../../scripts/deployment/record.ts";
import { verify } from "../../scripts/deployment/verify.ts";
import { command } from "../command.ts";
import { Refusal } from "../failure.ts";

export default command(async ({ endpoint: { provider }, network, deploymentFile }, { accept }: { accept: boolean }) => {
  const record: unknown = JSON.parse(readFileSync(deploymentFile, "utf8"));
  if (!isFull(record))
    throw new Refusal(
      "RecordPartial",
      `found only addresses in ${deploymentFile}, wanted a full record; those that net deploy writes can be verified`,
    );
  const { checked, differences } = await verify(provider, record);
  if (differences.length === 0) return { network, record: deploymentFile, verified: true, checked };
  if (accept) {
    const state = await stateOf(provider, record.addresses, record.blockNumber + 1);
    if (
      differences.some(
        ({ what }) => !what.includes(".") || /\.(code|creation|sourceHash|bytecodeHash)/.test(what) || what.startsWith("code."),
      )
    )
      throw new Refusal("CodeDiffers", `${told(differences)}; other code is never accepted: deploy anew`);
    const updated: FullRecord = { ...record, state };
    writeRecord(deploymentFile, updated);
    return { network, record: deploymentFile, verified: true, accepted: differences, checked };
  }
  throw new Refusal(
    "DeploymentDiffers",
    `${told(differences)}; find out who changed it; what governance changed is taken into the record with --accept`,
  );
});

const told = (all: { what: string; found: unknown; wanted: unknown }[]): string =>
  all.map(({ what, found, wanted }) => `${what}: found ${JSON.stringify(found)}, wanted ${JSON.stringify(wanted)}`).join("; ");
