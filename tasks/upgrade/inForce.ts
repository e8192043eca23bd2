import type { NetworkParameters } from "../../scripts/parameters.ts";
import type { Context } from "../command.ts";
import { parametersInForce } from "../params/governed.ts";

/** A network's parameters, with those that votes have changed as they are in force: a new version begins with what the old one had. */
export async function withVoted(context: Context, parameters: NetworkParameters): Promise<NetworkParameters> {
  const inForce = await parametersInForce(context);
  const group = <T extends object>(name: string, values: T): T =>
    Object.fromEntries(Object.entries(values).map(([field, value]) => [field, inForce.get(`${name}.${field}`) ?? (value as unknown)])) as T;
  return {
    ...parameters,
    pool: group("pool", parameters.pool),
    session: group("session", parameters.session),
    images: group("images", parameters.images),
    allowanceRate: Number(inForce.get("allowance.rate")),
    treasury: { ...parameters.treasury, slippageBps: Number(inForce.get("treasury.slippage")) },
  };
}
