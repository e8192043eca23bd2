import { z } from "zod";
import { checkedSettings, type Setting } from "../runtime/env.ts";
import { ROLES } from "./decide.ts";
import { checkTogether, COMMON_SETTINGS, commonShape, LOCAL_CHAIN } from "../runtime/settings.ts";

/** Every setting of a node. A flag wins over its variable. */
export const SETTINGS = {
  ...COMMON_SETTINGS,
  role: {
    flag: "--role <roles>",
    env: "CORROBORATE_ROLE",
    about: "miner, oracle, validator, or several (default miner,oracle,validator)",
    example: "miner,oracle",
  },
  substitute: {
    flag: "--substitute <model>",
    env: "CORROBORATE_SUBSTITUTE",
    about: "answer by this model of the registry in place of the registered one, to make a cheat in tests; chain 31337 only",
    example: "toy-world-q4_0",
  },
  poison: {
    flag: "--poison <text>",
    env: "CORROBORATE_POISON",
    about: "answer this text to everything, to make an outlier in tests; chain 31337 only",
    example: '"I am an outlier."',
  },
} satisfies Record<string, Setting>;

const roles = z
  .string()
  .transform((text) => [...new Set(text.split(",").map((role) => role.trim()))])
  .pipe(z.array(z.enum(ROLES, "wanted miner, oracle, validator, or several with commas")).min(1));

const schema = z
  .object({
    ...commonShape,
    listen: commonShape.listen.default({ host: "127.0.0.1", port: 9420 }),
    role: roles.default([...ROLES]),
    substitute: z.string().min(1, "wanted the id of a model").optional(),
    poison: z.string().min(1, "wanted a text").max(10_000, "wanted at most 10,000 characters").optional(),
  })
  .superRefine((config, context) => {
    const refuse = (name: keyof typeof SETTINGS, message: string) => context.addIssue({ code: "custom", path: [name], message });
    checkTogether(config, refuse);
    for (const name of ["poison", "substitute"] as const)
      if (config[name] !== undefined && config.chainId !== LOCAL_CHAIN)
        refuse(name, `is accepted on chain ${LOCAL_CHAIN} only; leave it out`);
  });

export type NodeConfig = z.output<typeof schema>;

/** A node's settings from what the command line and the environment say. Throws Fatal (configInvalid). */
export function nodeConfig(raw: unknown): NodeConfig {
  return checkedSettings(schema, raw, SETTINGS);
}
