import { id } from "ethers";
import { interfaces, MODULE_NAMES, type ModuleName } from "../../offchain/chain/abis.ts";
import { required } from "../arguments.ts";
import type { Context } from "../command.ts";
import { Refusal } from "../failure.ts";
import { logsOf } from "../logs.ts";

/** What a proposal calls, and why, as the governor hashes it. */
export interface Proposal {
  targets: string[];
  values: bigint[];
  calldatas: string[];
  description: string;
}

/** As OpenZeppelin's Governor numbers them. */
const STATES = ["pending", "active", "canceled", "defeated", "succeeded", "queued", "expired", "executed"] as const;

export const stateWord = (state: bigint): string => STATES[Number(state)] ?? `unknown (${state})`;

/** One call as a proposal. */
export const proposalOf = ({ deployment }: Context, module: ModuleName, method: string, args: unknown[], why: string): Proposal => ({
  targets: [deployment.addresses[module]],
  values: [0n],
  calldatas: [interfaces[module].encodeFunctionData(method, args)],
  description: why,
});

export const argsOf = ({ targets, values, calldatas, description }: Proposal) => [targets, values, calldatas, id(description)];

/** The call that a word like `Session.setParameters` and JSON arguments mean. Throws Refusal. */
export function parsedCall(word: string | undefined, json: string | undefined): { module: ModuleName; method: string; args: unknown[] } {
  const given = required(word, "--call", "a module and a function like Session.setParameters");
  const [name, method = ""] = given.split(".");
  const module = MODULE_NAMES.find((one) => one === name);
  const fragment = module === undefined ? null : interfaces[module].getFunction(method);
  if (module === undefined || fragment === null || fragment.constant)
    throw new Refusal(
      "CallUnknown",
      `found --call ${JSON.stringify(given)}, wanted a module's function that changes something, like Session.setParameters`,
    );
  try {
    const args: unknown = JSON.parse(json ?? "[]");
    if (!Array.isArray(args)) throw new Error("no list");
    interfaces[module].encodeFunctionData(fragment, args);
    return { module, method, args: args as unknown[] };
  } catch (error) {
    const wanted = fragment.format("full").replace(/^function /, "");
    throw new Refusal(
      "ArgumentInvalid",
      `found --args that do not fit (${(error as Error).message.slice(0, 120)}), wanted a JSON list for ${wanted}`,
    );
  }
}

/** The proposal with this number, from the event that announced it. Throws Refusal. */
export async function foundProposal(context: Context, text: string | undefined): Promise<Proposal & { id: bigint; proposer: string }> {
  const wanted = required(text, "--proposal", "a proposal's number, as governance propose or governance list print it");
  const found = (await proposals(context)).find(({ id: number }) => number.toString() === wanted);
  if (found === undefined)
    throw new Refusal("ProposalUnknown", `found no proposal ${wanted.slice(0, 90)}, wanted one; see governance list`);
  return found;
}

/** All proposals, in order. */
export async function proposals(context: Context) {
  const logs = await logsOf(context, { module: "CorGovernor", event: "ProposalCreated", indexed: [] });
  return logs.map(({ args }) => {
    const targets = [...(args.getValue("targets") as string[])];
    return {
      id: args.getValue("proposalId") as bigint,
      proposer: args.getValue("proposer") as string,
      targets,
      values: targets.map(() => 0n),
      calldatas: [...(args.getValue("calldatas") as string[])],
      description: args.getValue("description") as string,
    };
  });
}

/** What a proposal would call, in words. */
export function callsOf({ deployment }: Context, { targets, calldatas }: Proposal) {
  const names = new Map(Object.entries(deployment.addresses).map(([name, address]) => [address.toLowerCase(), name as ModuleName]));
  return targets.map((target, i) => {
    const name = names.get(target.toLowerCase());
    const parsed = name === undefined ? null : interfaces[name].parseTransaction({ data: calldatas[i]! });
    if (name === undefined || parsed === null) return { call: `${target} ${calldatas[i]!.slice(0, 10)}`, arguments: calldatas[i] };
    return {
      call: `${name}.${parsed.name}`,
      arguments: JSON.stringify(parsed.args.toArray(true), (_, v: unknown) => (typeof v === "bigint" ? v.toString() : v)),
    };
  });
}
