import { z } from "zod";
import { checkedSettings, type Setting } from "../runtime/env.ts";
import { checkTogether, COMMON_SETTINGS, commonShape, LOCAL_CHAIN } from "../runtime/settings.ts";

/** Every setting of a node. A flag wins over its variable. */
export const SETTINGS = {
  ...COMMON_SETTINGS,
  role: {
    flag: "--role <roles>",
    env: "CORROBORATE_ROLE",
    about: "miner, oracle, or both (default miner,oracle)",
    example: "miner,oracle",
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
  .pipe(z.array(z.enum(["miner", "oracle"], "wanted miner, oracle, or both with a comma")).min(1));

const schema = z
  .object({
    ...commonShape,
    listen: commonShape.listen.default({ host: "127.0.0.1", port: 9420 }),
    role: roles.default(["miner", "oracle"]),
    poison: z.string().min(1, "wanted a text").max(10_000, "wanted at most 10,000 characters").optional(),
  })
  .superRefine((config, context) => {
    const refuse = (name: keyof typeof SETTINGS, message: string) => context.addIssue({ code: "custom", path: [name], message });
    checkTogether(config, refuse);
    if (config.poison !== undefined && config.chainId !== LOCAL_CHAIN) {
      refuse("poison", `is accepted on chain ${LOCAL_CHAIN} only; leave it out`);
    }
  });

export type NodeConfig = z.output<typeof schema>;

/** A node's settings from what the command line and the environment say. Throws Fatal (configInvalid). */
export function nodeConfig(raw: unknown): NodeConfig {
  return checkedSettings(schema, raw, SETTINGS);
}
