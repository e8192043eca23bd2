import type { Contract } from "ethers";
import { type Beside, besideMeant } from "../beside.ts";
import { amount, instant } from "../amounts.ts";
import type { Context } from "../command.ts";
import { Refusal } from "../failure.ts";

/** As `IAnchor.Standing` numbers them. */
const STANDINGS = ["none", "pending", "contested", "final", "rejected"] as const;

/** The anchor that --anchor names. Throws Refusal. */
export const anchorMeant = async (context: Context, text: string | undefined): Promise<{ target: Beside; contract: Contract }> =>
  await besideMeant(context, "Anchor", text, "checkpointCount");

interface Stored {
  root: string;
  contents: string;
  blockNumber: bigint;
  proposer: string;
  proposedAt: bigint;
  bond: bigint;
  challenger: string;
  contestedAt: bigint;
  paid: boolean;
}

/** A checkpoint as it stands now. Throws Refusal where there is none with this number. */
export async function checkpointAt(contract: Contract, checkpoint: number) {
  const standing = STANDINGS[Number(await contract.getFunction("standingOf").staticCall(checkpoint))]!;
  if (standing === "none") {
    const count = (await contract.getFunction("checkpointCount").staticCall()) as bigint;
    throw new Refusal("CheckpointUnknown", `found no checkpoint ${checkpoint}, wanted one up to ${count}; see anchor list`);
  }
  const found = (await contract.getFunction("checkpointOf").staticCall(checkpoint)) as Stored;
  return {
    checkpoint,
    standing,
    block: Number(found.blockNumber),
    proposedAt: instant(Number(found.proposedAt)),
    contestedAt: instant(Number(found.contestedAt)),
    bond: amount(found.bond),
    paid: found.paid,
    root: found.root,
    contents: found.contents,
    proposer: found.proposer,
    challenger: found.contestedAt === 0n ? null : found.challenger,
  };
}
