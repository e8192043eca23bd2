import { Contract, type Provider } from "ethers";
import { agrees, checkpointOf, type Leaf, leavesIn } from "../protocol/checkpoint.ts";

const ANCHOR = [
  "function checkpointOf(uint256) view returns (tuple(bytes32 root, bytes32 contents, address proposer, uint40 proposedAt, uint48 blockNumber, uint128 bond, address challenger, uint40 contestedAt, bool resolved, bool upheld, bool paid))",
  "function standingOf(uint256) view returns (uint8)",
  "function proves(uint256 checkpoint, uint8 kind, uint256 key, bytes32 value, bytes32[] proof) view returns (bool)",
];
const STANDINGS = ["none", "pending", "contested", "final", "rejected"] as const;

/** A fact of another chain cannot be proven: the message says what was found, what was wanted, and what to do. */
export class AnchorProofFailed extends Error {
  override readonly name = "AnchorProofFailed";
  readonly code: "ContentsMismatch" | "NotInCheckpoint" | "NotFinal";
  constructor(code: AnchorProofFailed["code"], message: string) {
    super(message);
    this.code = code;
  }
}

/** Where a checkpoint is: the `Anchor` on chain one, and the bytes that its `contents` digest names. */
export interface AnchoredCheckpoint {
  provider: Provider;
  anchor: string;
  checkpoint: number;
  contents: Uint8Array;
}

/**
 * Proves on chain one that a task of chain two ended as it did, or what a node's account was there. Gives the fact as the checkpoint has it.
 * Throws AnchorProofFailed where the contents are not the checkpoint's, the fact is not in it, or it is not final.
 */
export async function proveOnAnchor(
  where: AnchoredCheckpoint,
  { kind, key }: Pick<Leaf, "kind" | "key">,
): Promise<Leaf & { blockNumber: number }> {
  const { provider, anchor, checkpoint, contents } = where;
  const contract = new Contract(anchor, ANCHOR, provider);
  const found = (await contract.getFunction("checkpointOf").staticCall(checkpoint)) as {
    root: string;
    contents: string;
    blockNumber: bigint;
  };
  if (!agrees(found.root, found.contents, contents))
    throw new AnchorProofFailed(
      "ContentsMismatch",
      `found bytes that are not the contents of checkpoint ${checkpoint}, wanted those with sha256 ${found.contents}; fetch them again, and contest the checkpoint if they cannot be had`,
    );
  const leaves = leavesIn(contents);
  const leaf = leaves.find((one) => one.kind === kind && one.key === key);
  if (leaf === undefined)
    throw new AnchorProofFailed(
      "NotInCheckpoint",
      `found no fact of kind ${kind} on ${key} in checkpoint ${checkpoint}, wanted one; wait for a later checkpoint`,
    );
  const standing = STANDINGS[Number(await contract.getFunction("standingOf").staticCall(checkpoint))];
  if (standing !== "final")
    throw new AnchorProofFailed(
      "NotFinal",
      `found checkpoint ${checkpoint} ${standing}, wanted it final; wait until its challenge window is over`,
    );
  const proof = checkpointOf(leaves).proofOf(leaf);
  const proven = (await contract.getFunction("proves").staticCall(checkpoint, leaf.kind, leaf.key, leaf.value, proof)) as boolean;
  if (!proven)
    throw new AnchorProofFailed(
      "ContentsMismatch",
      `found a proof that the anchor refuses, wanted the contents of checkpoint ${checkpoint}`,
    );
  return { ...leaf, blockNumber: Number(found.blockNumber) };
}
