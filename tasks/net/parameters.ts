import { LOCAL_CHAIN } from "../../offchain/runtime/settings.ts";
import { localParameters, type NetworkParameters } from "../../scripts/parameters.ts";
import { Refusal } from "../failure.ts";

/** What a network is deployed with, by chain id; for chains without an entry there are no parameters to deploy. */
const PARAMETERS = new Map<bigint, () => NetworkParameters>([[LOCAL_CHAIN, localParameters]]);

/** The parameters of a chain. Throws Refusal. */
export function parametersOf(chainId: bigint): NetworkParameters {
  const found = PARAMETERS.get(chainId);
  if (found !== undefined) return found();
  throw new Refusal(
    "NoParameters",
    `found chain ${chainId}, wanted one with parameters (${[...PARAMETERS.keys()].join(", ")}); deploy to a local chain, or add parameters to scripts/parameters.ts`,
  );
}
