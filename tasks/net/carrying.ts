import { rmSync } from "node:fs";
import type { Signer } from "ethers";
import { LOCAL_CHAIN } from "../../offchain/runtime/settings.ts";
import { type Carried, type Carrying, carryOut, journalOf } from "../../scripts/deployment/ignition.ts";

/** Who sends, and how a task was asked to. */
interface Manner {
  sender: Signer;
  chainId: bigint;
  json: boolean;
  /** Whether a person named the journal: then it is gone on with also on a local chain. */
  named?: boolean;
}

/** Carries a plan out as tasks do: with the sender's own key where it has one, at the pace of the chain, steps told on stderr unless JSON is wanted. */
export async function carryOutAs(
  { sender, chainId, json, named = false }: Manner,
  carrying: Omit<Carrying, "key" | "deployer" | "pollingMs" | "onStep">,
): Promise<Carried> {
  const isLocal = chainId === LOCAL_CHAIN;
  // A local chain ends with its process, and an old journal with it.
  if (isLocal && !named) rmSync(journalOf(carrying.hre, carrying.journal), { recursive: true, force: true });
  // Accounts of the chain's own are named by their address.
  const key = (sender as Partial<{ privateKey: string }>).privateKey;
  return await carryOut({
    ...carrying,
    ...(key !== undefined && { key }),
    deployer: await sender.getAddress(),
    pollingMs: isLocal ? 50 : 2_000,
    onStep: (step) => void (json || process.stderr.write(`${step}\n`)),
  });
}
