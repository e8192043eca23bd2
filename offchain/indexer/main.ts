#!/usr/bin/env node
import { rmSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { Command } from "commander";
import Fastify from "fastify";
import { z } from "zod";
import { deploymentOf } from "../chain/boot.ts";
import { connect } from "../chain/endpoint.ts";
import { addSettings, checkedSettings, runCommand, type Setting } from "../runtime/env.ts";
import { EXIT, Fatal, oneLine } from "../runtime/exit.ts";
import { exitCodeOf } from "../runtime/exitCode.ts";
import { COMMON_SETTINGS, commonShape, whole } from "../runtime/settings.ts";
import { shutdownOnSignals } from "../runtime/shutdown.ts";
import { follow } from "./follow.ts";
import { IndexStore } from "./indexStore.ts";
import { addDashboard } from "./serve.ts";

const { rpc, chainId, deployment, runtime, fromBlock, listen } = COMMON_SETTINGS;
const SETTINGS = {
  rpc,
  chainId: { ...chainId, about: "id that the chain must have (default 31337)" },
  deployment: {
    ...deployment,
    about: "deployment record with the addresses of the contracts (default .demo/deployment.json, of npm start)",
  },
  runtime,
  fromBlock,
  listen: { ...listen, flag: "--serve <host:port>", about: "keep following, and serve index and page there" },
  file: { flag: "--file <file>", env: "CORROBORATE_INDEX", about: "where the index lies (default .demo/index.db)", example: "index.db" },
  maxRange: {
    flag: "--max-range <blocks>",
    env: "CORROBORATE_MAX_RANGE",
    about: "most blocks of one request (default 2000)",
    example: "2000",
  },
} satisfies Record<string, Setting>;

const schema = z.object({
  rpc: commonShape.rpc.default("http://127.0.0.1:8545"),
  chainId: commonShape.chainId.default(31337n),
  deployment: commonShape.deployment,
  runtime: commonShape.runtime,
  fromBlock: commonShape.fromBlock,
  listen: commonShape.listen.optional(),
  file: z.string().min(1).default(".demo/index.db"),
  maxRange: whole("blocks", 1, 1e6).default(2_000),
});

interface Flags {
  rebuild: boolean;
  json: boolean;
  dump?: string;
}

const HELP = `
The index is a function of the chain: two builds give the same dump, byte for byte, whatever was reorganised on the way. Delete it at will.

Exit codes: 0 done; 2 wrong usage; 3 a setting is not valid; 4 no chain, or another one; 6 data is damaged; 1 anything else.`;

async function run(raw: Record<string, unknown> & Flags): Promise<void> {
  const config = checkedSettings(schema, { ...raw, listen: raw["serve"] }, SETTINGS);
  const source =
    config.runtime === undefined && config.deployment === undefined ? { ...config, deployment: ".demo/deployment.json" } : config;
  const shutdown = shutdownOnSignals();
  const say = (text: string) => process.stderr.write(`${text}\n`);
  const endpoint = await connect({ url: config.rpc, chainId: config.chainId, signal: shutdown.stopping });
  const found = await deploymentOf(source, endpoint);
  if (raw.rebuild) for (const end of ["", "-wal", "-shm"]) rmSync(`${config.file}${end}`, { force: true });
  if (config.listen !== undefined) {
    const server = Fastify({ logger: false, forceCloseConnections: true });
    await addDashboard(server, { rpc: config.rpc, deployment: found, file: config.file });
    say(`index and page at ${await server.listen(config.listen)}; Ctrl-C ends it`);
    await new Promise<void>((resolve) => shutdown.draining.addEventListener("abort", () => resolve(), { once: true }));
    await server.close();
    endpoint.close();
    shutdown.close();
    return;
  }
  const store = new IndexStore(config.file, endpoint.chainId, found.addresses.SessionQueue);
  const started = performance.now();
  let events = 0;
  let block = 0;
  await follow({
    endpoint,
    deployment: found,
    store,
    pollMs: 0,
    maxRange: config.maxRange,
    signal: shutdown.draining,
    onProgress: (progress) => {
      events += progress.events;
      block = progress.upTo;
      if (process.stderr.isTTY && !raw.json) process.stderr.write(`\rblock ${progress.upTo} of ${progress.head.number}, ${events} events`);
    },
  });
  const seconds = Number(((performance.now() - started) / 1_000).toFixed(3));
  const dump = store.digest();
  if (raw.dump !== undefined) writeFileSync(raw.dump, [...store.dump()].join(""));
  store.close();
  endpoint.close();
  shutdown.close();
  const result = { file: config.file, block, events, seconds, complete: !shutdown.draining.aborted, dump };
  if (raw.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else say(`${process.stderr.isTTY ? "\r" : ""}indexed ${events} new events up to block ${block} in ${seconds} s; dump ${dump}`);
}

/** Runs the command line. Ends the process; a fatal error is one line on standard error. */
export async function main(argv: readonly string[]): Promise<void> {
  const program = new Command("npm run index --").description(
    "Builds the index of the network's events, brings it up to date, or serves it with the page.",
  );
  addSettings(program, SETTINGS)
    .option("--rebuild", "begin anew from the first block", false)
    .option("--dump <file>", "write every row as JSON lines")
    .option("--json", "one JSON object on standard output", false)
    .addHelpText("after", HELP)
    .action(async () => await run(program.opts()));
  try {
    await runCommand(program, argv);
    process.exit(EXIT.ok);
  } catch (error) {
    process.stderr.write(`index: ${oneLine(error)}\n`);
    process.exit(error instanceof Fatal ? error.exitCode : exitCodeOf(error));
  }
}

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await main(process.argv);
