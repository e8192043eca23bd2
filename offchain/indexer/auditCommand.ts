#!/usr/bin/env node
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { Command } from "commander";
import { z } from "zod";
import { deploymentOf } from "../chain/boot.ts";
import { connect, type Endpoint } from "../chain/endpoint.ts";
import type { Digest } from "../content/contentId.ts";
import { HttpPeer } from "../content/httpPeer.ts";
import { addSettings, checkedSettings, runCommand, type Setting } from "../runtime/env.ts";
import { EXIT, Fatal, oneLine } from "../runtime/exit.ts";
import { exitCodeOf } from "../runtime/exitCode.ts";
import { COMMON_SETTINGS, commonShape } from "../runtime/settings.ts";
import { type AuditBundle, exportBundle, verifyBundle } from "../sdk/audit.ts";

const { rpc, chainId, deployment, runtime, fromBlock } = COMMON_SETTINGS;
const CHAIN = { rpc, chainId: { ...chainId, about: "id that the chain must have (default 31337)" } } satisfies Record<string, Setting>;
const EXPORT = {
  ...CHAIN,
  deployment: { ...deployment, about: "deployment record (default .demo/deployment.json, of npm start)" },
  runtime,
  fromBlock,
  content: {
    flag: "--content <urls>",
    env: "CORROBORATE_CONTENT",
    about: "content servers (routers, nodes), comma separated (default http://127.0.0.1:8080)",
    example: "http://127.0.0.1:8080,http://127.0.0.1:9420",
  },
  out: {
    flag: "--out <file>",
    env: "CORROBORATE_AUDIT_OUT",
    about: "where to write the bundle (default task-TASK.audit.json)",
    example: "bundle.json",
  },
} satisfies Record<string, Setting>;

const chainShape = { rpc: commonShape.rpc.default("http://127.0.0.1:8545"), chainId: commonShape.chainId.default(31337n) };
const exportSchema = z.object({
  ...chainShape,
  deployment: commonShape.deployment,
  runtime: commonShape.runtime,
  fromBlock: commonShape.fromBlock,
  content: z
    .string()
    .default("http://127.0.0.1:8080")
    .transform((text) => text.split(","))
    .refine((urls) => urls.every((url) => /^https?:$/.test(URL.parse(url)?.protocol ?? "")), "wanted http(s) addresses"),
  out: z.string().min(1).optional(),
});

const HELP = `
A bundle holds the task's events, the draw of its lease, the block that decided its committee, the calldata that opened its commitments, the
contract's record, every content that somebody hands out, and what all of it amounts to. To verify it only a chain endpoint is needed.

Exit codes: 0 exported, or verified; 2 wrong usage; 3 a setting is not valid; 4 no chain, or another one; 6 the bundle is not what the chain
says, with the name of what differs; 1 anything else.`;

async function exportTask(text: string, raw: unknown, json: boolean): Promise<void> {
  if (!/^\d{1,20}$/.test(text))
    throw new Fatal(EXIT.usage, `found task ${JSON.stringify(text.slice(0, 40))}, wanted its number, for example 4294967297`);
  const config = checkedSettings(exportSchema, raw, EXPORT);
  const source =
    config.runtime === undefined && config.deployment === undefined ? { ...config, deployment: ".demo/deployment.json" } : config;
  const endpoint = await connect({ url: config.rpc, chainId: config.chainId });
  const found = await deploymentOf(source, endpoint);
  const peers = config.content.map((url) => new HttpPeer(url.replace(/\/+$/, "")));
  const contentOf = async (digest: string) => {
    for (const peer of peers) {
      const bytes = await peer.get(digest as Digest).catch(() => undefined);
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  };
  const bundle = await exportBundle(BigInt(text), { endpoint, deployment: found, contentOf });
  const out = config.out ?? `task-${text}.audit.json`;
  writeFileSync(out, `${JSON.stringify(bundle, null, 2)}\n`);
  endpoint.close();
  const contents = Object.values(bundle.contents);
  const held = contents.filter((bytes) => bytes !== null).length;
  const { status } = bundle.findings;
  if (json)
    process.stdout.write(
      `${JSON.stringify({ file: out, task: text, status, events: bundle.logs.length, contents: held, missing: contents.length - held })}\n`,
    );
  else process.stdout.write(`${out}: task ${text}, ${status}, ${bundle.logs.length} events, ${held} of ${contents.length} contents\n`);
}

async function verifyFile(file: string, raw: unknown, json: boolean): Promise<void> {
  const config = checkedSettings(z.object(chainShape), raw, CHAIN);
  let bundle: AuditBundle;
  try {
    bundle = JSON.parse(readFileSync(file, "utf8")) as AuditBundle;
  } catch (error) {
    throw new Fatal(EXIT.usage, `found no bundle in ${file} (${(error as Error).message}), wanted the JSON that export writes`);
  }
  const endpoint: Endpoint = await connect({ url: config.rpc, chainId: config.chainId });
  const { ok, checks } = await verifyBundle(bundle, endpoint);
  endpoint.close();
  if (json) process.stdout.write(`${JSON.stringify({ ok, differs: checks.filter((one) => !one.ok).map(({ name }) => name), checks })}\n`);
  else
    for (const { name, ok: fine, detail } of checks)
      process.stdout.write(`${fine ? "ok     " : "DIFFERS"} ${name.padEnd(12)} ${oneLine(detail)}\n`);
  const [first] = checks.filter((one) => !one.ok);
  if (first !== undefined) throw new Fatal(EXIT.integrity, `${first.name} differs: ${first.detail}`);
}

/** Runs the command line. Ends the process; a fatal error is one line on standard error. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command("npm run audit --")
    .description("Exports everything about a task into one file, and verifies such a file against the chain.")
    .addHelpText("after", HELP);
  const exporting = program.command("export").description("write a task's audit bundle").argument("<task>", "the task's number");
  addSettings(exporting, EXPORT)
    .option("--json", "one JSON object on standard output", false)
    .action(async (task: string, options: { json: boolean }) => await exportTask(task, exporting.opts(), options.json));
  const verifying = program.command("verify").description("verify a bundle; needs only a chain endpoint").argument("<file>", "the bundle");
  addSettings(verifying, CHAIN)
    .option("--json", "one JSON object on standard output", false)
    .action(async (file: string, options: { json: boolean }) => await verifyFile(file, verifying.opts(), options.json));
  try {
    await runCommand(program, argv);
    process.exit(EXIT.ok);
  } catch (error) {
    process.stderr.write(`audit: ${oneLine(error)}\n`);
    process.exit(error instanceof Fatal ? error.exitCode : exitCodeOf(error));
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv);
