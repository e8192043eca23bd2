import { NETWORKS, type NetworkProfile } from "../../scripts/parameters.ts";
import { Refusal } from "../failure.ts";

/** What a network is deployed with. Throws Refusal. */
export function parametersOf(chainId: bigint): NetworkProfile {
  const found = NETWORKS.find((profile) => BigInt(profile.chainId) === chainId);
  if (found !== undefined) return found;
  throw new Refusal(
    "NoParameters",
    `found chain ${chainId}, wanted one with parameters (${NETWORKS.map((profile) => `${profile.chainId} ${profile.name}`).join(", ")}); deploy to one of these, or add a profile to scripts/parameters.ts`,
  );
}
