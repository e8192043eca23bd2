import type { Command } from "commander";
import { CommanderError, Option } from "commander";
import type { z } from "zod";
import { EXIT, Fatal } from "./exit.ts";

/** One setting: a flag, an environment variable, and an example for messages. */
export interface Setting {
  /** As commander writes it, for example "--rpc <url>". */
  flag: string;
  env: string;
  about: string;
  example: string;
}

/** Adds settings to a command; a flag wins over its environment variable. */
export function addSettings(command: Command, settings: Record<string, Setting>): Command {
  for (const { flag, env, about } of Object.values(settings)) command.addOption(new Option(flag, about).env(env));
  return command;
}

/**
 * Checks raw settings. Throws Fatal (configInvalid) that names flag, variable, what was wanted and an example; what was found is not repeated,
 * because it may be a key.
 */
export function checkedSettings<T extends z.ZodType>(schema: T, raw: unknown, settings: Record<string, Setting>): z.output<T> {
  const outcome = schema.safeParse(raw);
  if (outcome.success) return outcome.data;
  const issue = outcome.error.issues[0]!;
  const setting = settings[String(issue.path[0])];
  if (setting === undefined) throw new Fatal(EXIT.configInvalid, issue.message);
  const { flag, env, example } = setting;
  throw new Fatal(EXIT.configInvalid, `${flag.split(" ")[0]} (${env}): ${issue.message}; for example ${example}`);
}

/** Runs a command line and ends the process with its exit code: one clear line for what is fatal, 2 for wrong usage. */
export async function runCommand(program: Command, argv: readonly string[]): Promise<void> {
  program.exitOverride();
  for (const command of program.commands) command.exitOverride();
  try {
    await program.parseAsync([...argv]);
  } catch (error) {
    if (error instanceof CommanderError) process.exit(error.exitCode === 0 ? EXIT.ok : EXIT.usage);
    throw error;
  }
}
