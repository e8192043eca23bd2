import { Command } from "commander";
import { addSettings, runCommand } from "../runtime/env.ts";
import { EXIT, Fatal, oneLine } from "../runtime/exit.ts";
import { exitCodeOf } from "../runtime/exitCode.ts";
import { type ChainContext, withChain } from "./commands/context.ts";
import { doctor } from "./commands/doctor.ts";
import { init, type InitOptions } from "./commands/init.ts";
import { exportJournal, importJournal } from "./commands/interchange.ts";
import { listKeys } from "./commands/keys.ts";
import { listModels, pullModel, useModel } from "./commands/models.ts";
import { print, type Report } from "./commands/output.ts";
import { claim, exitPool, rotate } from "./commands/owning.ts";
import { register, type RegisterOptions } from "./commands/register.ts";
import { status } from "./commands/status.ts";
import { HIDDEN_SETTINGS, nodeConfig, SETTINGS } from "./config.ts";
import { start } from "./start.ts";

const CODES = `
Exit codes: 0 ended as asked; 2 wrong usage; 3 a setting is not valid; 4 no chain, or another one; 5 gas or stake is short;
6 a hash does not match, or data is damaged; 8 the key operates no registered node; 9 data folder or port in use;
10 doctor has warnings; 11 doctor found failures; 1 anything else.`;
const START_HELP = `${CODES}

SIGTERM or SIGINT: takes no new work, opens what it has committed (at most 30 s), then ends. A second signal ends it at once.`;
const DEFAULT_DATA = "node-data";

/** Runs the command line. Ends the process; a fatal error is one line on standard error. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = commandLine();
  try {
    await runCommand(program, argv);
    process.exit(process.exitCode ?? EXIT.ok);
  } catch (error) {
    if (argv.includes("--json")) process.stdout.write(`${JSON.stringify({ error: oneLine(error), code: codeOf(error) })}\n`);
    process.stderr.write(`node: ${oneLine(error)}\n`);
    process.exit(codeOf(error));
  }
}

const codeOf = (error: unknown) => (error instanceof Fatal ? error.exitCode : exitCodeOf(error));

function commandLine(): Command {
  const program = new Command("corroborate-node")
    .description("A Corroborate node: answers tasks with a local model, and keeps time.")
    .addHelpText("after", CODES);
  const on = (name: string, about: string, parent = program) => {
    return parent.command(name).description(about);
  };

  const initial = on("init", "make a data folder: two keystores, their password, and settings")
    .requiredOption("--network <name>", SETTINGS.network.about)
    .option("--data <folder>", SETTINGS.data.about, DEFAULT_DATA)
    .option("--rpc <urls>", SETTINGS.rpc.about)
    .option("--listen <host:port>", SETTINGS.listen.about)
    .option("--model <id or file>", SETTINGS.model.about)
    .option("--password-file <file>", "password for the keystores; without it one is drawn and kept beside them, mode 600")
    .option("--json", "one JSON object on standard output");
  initial.action(async () => show(initial, await init(initial.opts<InitOptions>())));

  const looking = withSettings(on("doctor", "look at everything a node needs, and say what to do about it; changes nothing"));
  looking.action(async () => show(looking, await doctor(configOf(looking))));

  const registering = withSettings(on("register", "enter the node into the pool: approve, stake, accept"))
    .option("--owner-key-file <file>", "the owner's keystore (default owner.json in the data folder)")
    .option("--stake <amount>", "COR to stake (default: the least the pool takes)")
    .option("--endpoint <url>", "where others reach this node's content (default: http:// and --listen)")
    .option("--dry-run", "say what would be done and what it costs; sends nothing", false);
  registering.action(
    async () => await chainCommand(registering, async (chain) => await register(chain, registering.opts<RegisterOptions>())),
  );

  const starting = withSettings(on("start", "run the node until it is told to end")).addHelpText("after", START_HELP);
  starting.action(async () => await start(configOf(starting)));

  const asking = withSettings(on("status", "how the node does: its process, its stake, its earnings"));
  asking.action(async () => show(asking, await status(configOf(asking))));

  const owners = (name: string, about: string, act: (chain: ChainContext, ownerKeyFile?: string) => Promise<Report>, parent = program) => {
    const command = withSettings(on(name, about, parent)).option(
      "--owner-key-file <file>",
      "the owner's keystore (default owner.json in the data folder)",
    );
    command.action(
      async () => await chainCommand(command, async (chain) => await act(chain, command.opts<{ ownerKeyFile?: string }>().ownerKeyFile)),
    );
  };
  owners("claim", "withdraw what the node has earned to its owner", claim);
  owners("exit", "leave the pool; run again after the thaw to withdraw the stake", exitPool);

  const keys = program.command("keys").description("the node's keys");
  const listing = on("list", "keystores, addresses and file modes", keys)
    .option("--data <folder>", SETTINGS.data.about, DEFAULT_DATA)
    .option("--json", "one JSON object on standard output");
  listing.action(() => show(listing, listKeys(listing.opts<{ data: string }>().data)));
  owners("rotate", "replace the operator's key by a new one", rotate, keys);

  const models = program.command("models").description("model files");
  const modelList = withSettings(on("list", "models of the folder: files, hashes, what the chain knows", models));
  modelList.action(async () => await chainCommand(modelList, listModels));
  const pulling = withSettings(
    on("pull <url>", "download a model with resume; its sha256 must be one that ModelRegistry knows", models),
  ).option("--sha256 <hex>", "the hash that is wanted (default: the node's registered model)");
  pulling.action(async (url: string) => {
    const { sha256 } = pulling.opts<{ sha256?: string }>();
    await chainCommand(pulling, async (chain) => await pullModel(chain, url, sha256));
  });
  const using = withSettings(on("use <id>", "serve another registered model, without a restart; not while leased", models));
  using.action(async (id: string) => await chainCommand(using, async (chain) => await useModel(chain, id)));

  const journal = program.command("journal").description("what the node must not forget");
  const exporting = withSettings(on("export <file>", "write every commitment ever made, for another machine", journal));
  exporting.action((file: string) => show(exporting, exportJournal(configOf(exporting), file)));
  const importing = withSettings(on("import <file>", "take such a file in; the node must not run", journal));
  importing.action((file: string) => show(importing, importJournal(configOf(importing), file)));
  return program;
}

function withSettings(command: Command): Command {
  addSettings(command, SETTINGS);
  for (const { flag, env, about } of Object.values(HIDDEN_SETTINGS)) {
    command.addOption(command.createOption(flag, about).env(env).hideHelp());
  }
  return command.name() === "start" ? command : command.option("--json", "one JSON object on standard output");
}

function configOf(command: Command) {
  const raw: Record<string, unknown> = { ...command.opts() };
  delete raw["json"];
  return nodeConfig({ ...raw, data: raw["data"] ?? DEFAULT_DATA });
}

function show(command: Command, report: Report): void {
  print(report, command.opts<{ json?: boolean }>().json === true);
  process.exitCode = report.exitCode ?? EXIT.ok;
}

async function chainCommand(command: Command, work: (chain: ChainContext) => Promise<Report>): Promise<void> {
  show(command, await withChain(configOf(command), work));
}
