import { task } from "hardhat/config";
import { ArgumentType } from "hardhat/types/arguments";
import type { NewTaskActionFunction, NewTaskDefinition } from "hardhat/types/tasks";

/** What an option is for, and its default where it has one. */
type Option = string | readonly [about: string, fallback: string];

export interface Declaration {
  /** By name in camelCase; on the command line in kebab-case. */
  options?: Record<string, Option>;
  flags?: Record<string, string>;
  /** Whether it sends transactions: then it takes keys and --dry-run. */
  changes?: boolean;
}

const COMMON = {
  deployment: "deployment record (default: deployments/<network>/deployment.json, on localhost also .demo/deployment.json)",
};
const KEYS = {
  from: ["who sends: index of an account of the network, or the name of a variable in environment or keystore", "0"],
  keyFile: "who sends, instead of --from: file with a key (JSON keystore; on chain 31337 also plain)",
  keyPasswordFile: "file with the password of --key-file",
} as const;

/** A subtask of this project, with the options that all have. Options are texts here: the action reads and refuses them in its own words. */
export function subtask(
  id: [scope: string, name: string],
  about: string,
  { options = {}, flags = {}, changes = false }: Declaration,
  action: () => Promise<{ default: NewTaskActionFunction }>,
): NewTaskDefinition {
  const sending = changes
    ? {
        dryRun: "Send nothing; show the decoded calls, whether they would succeed, and their gas",
        yes: "On a chain that is not local: send without asking",
      }
    : {};
  const allFlags: Record<string, string> = { ...flags, ...sending, json: "Print one JSON document" };
  const allOptions: Record<string, Option> = { ...options, ...(changes ? KEYS : {}), ...COMMON };
  let builder = task(id, about).setAction(action);
  for (const [name, description] of Object.entries(allFlags)) builder = builder.addFlag({ name, description });
  for (const [name, option] of Object.entries(allOptions)) {
    builder =
      typeof option === "string"
        ? builder.addOption({ name, description: option, type: ArgumentType.STRING_WITHOUT_DEFAULT, defaultValue: undefined })
        : builder.addOption({ name, description: option[0], type: ArgumentType.STRING, defaultValue: option[1] });
  }
  return builder.build();
}
