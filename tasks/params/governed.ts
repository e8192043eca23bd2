import type { ParamType, Result } from "ethers";
import { interfaces, type ModuleName } from "../../offchain/chain/abis.ts";
import type { NetworkParameters } from "../../scripts/parameters.ts";
import type { Context } from "../command.ts";
import { Refusal } from "../failure.ts";

/** A value of a governed parameter. */
export type Value = bigint | boolean;
/** One group: what reads it, what sets it whole, and what a network is deployed with. */
interface Group {
  module: ModuleName;
  view: string;
  setter: string;
  deployed: (parameters: NetworkParameters) => Record<string, Value | number>;
}

/** Every group of governed parameters that one call sets. */
export const GROUPS: Record<string, Group> = {
  pool: { module: "NodePool", view: "parameters", setter: "setParameters", deployed: ({ pool }) => ({ ...pool }) },
  session: { module: "Session", view: "parameters", setter: "setParameters", deployed: ({ session }) => ({ ...session }) },
  images: { module: "ImageRegistry", view: "terms", setter: "setTerms", deployed: ({ images }) => ({ ...images }) },
  allowance: { module: "Allowance", view: "rate", setter: "setRate", deployed: ({ allowanceRate }) => ({ rate: allowanceRate }) },
  treasury: {
    module: "Treasury",
    view: "slippage",
    setter: "setSlippage",
    deployed: ({ treasury }) => ({ slippage: treasury.slippageBps }),
  },
};

/** Names of a group's fields with their types, in order. */
function fieldsOf({ module, view }: Group): { name: string; type: string }[] {
  const outputs = interfaces[module].getFunction(view)!.outputs;
  const only = outputs[0]!;
  const parts: readonly ParamType[] = outputs.length === 1 && only.components != null ? only.components : outputs;
  return parts.map(({ name, type }) => ({ name: name === "" ? view : name, type }));
}

/** All governed parameters as they are in force, by names like `session.bounty`. */
export async function parametersInForce({ endpoint, deployment }: Context): Promise<Map<string, Value>> {
  const found = new Map<string, Value>();
  for (const [group, about] of Object.entries(GROUPS)) {
    const abi = interfaces[about.module];
    const answer = await endpoint.provider.call({
      to: deployment.addresses[about.module],
      data: abi.encodeFunctionData(about.view, []),
    });
    const decoded = abi.decodeFunctionResult(about.view, answer);
    const values = (typeof decoded[0] === "object" ? decoded[0] : decoded) as Result;
    fieldsOf(about).forEach(({ name }, i) => found.set(`${group}.${name}`, values[i] as Value));
  }
  return found;
}

/** What a network with these parameters is deployed with, by the same names. */
export const deployedWith = (parameters: NetworkParameters): Map<string, Value> =>
  new Map(
    Object.entries(GROUPS).flatMap(([group, { deployed }]) =>
      Object.entries(deployed(parameters)).map(([name, value]): [string, Value] => [
        `${group}.${name}`,
        typeof value === "number" ? BigInt(value) : value,
      ]),
    ),
  );

/** What `name=value` pairs, with commas between them, change; and the calls that would do it, one for each group. Throws Refusal. */
export async function changesOf(context: Context, text: string) {
  const inForce = await parametersInForce(context);
  const next = new Map(inForce);
  const changed = text.split(",").map((pair) => {
    const [name = "", given = ""] = pair.split("=").map((part) => part.trim());
    const from = inForce.get(name);
    if (from === undefined)
      throw new Refusal(
        "ParameterUnknown",
        `found ${JSON.stringify(name)}, wanted one of ${[...inForce.keys()].join(", ")}; see params show`,
      );
    const wanted = typeof from === "boolean" ? "true or false" : "a whole number in base units";
    if (typeof from === "boolean" ? !/^(true|false)$/.test(given) : !/^\d{1,40}$/.test(given))
      throw new Refusal("ArgumentInvalid", `found ${name}=${JSON.stringify(given)}, wanted ${wanted}; see params show`);
    const to = typeof from === "boolean" ? given === "true" : BigInt(given);
    next.set(name, to);
    return { parameter: name, from, to };
  });
  const groups = [...new Set(changed.map(({ parameter }) => parameter.split(".")[0]!))];
  const calls = groups.map((group) => {
    const about = GROUPS[group]!;
    const values = fieldsOf(about).map(({ name }) => next.get(`${group}.${name}`)!);
    const inputs = interfaces[about.module].getFunction(about.setter)!.inputs;
    const args: unknown[] = inputs.length === 1 && inputs[0]!.components != null ? [values] : values;
    return { module: about.module, method: about.setter, args };
  });
  return { changed, calls };
}
