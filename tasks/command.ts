import type { Signer } from "ethers";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import type { NewTaskActionFunction } from "hardhat/types/tasks";
import { errorResult, successfulResult } from "hardhat/utils/result";
import { confirmed } from "./confirmation.ts";
import { type Connection, connectDeployment } from "./connection.ts";
import { failureOf } from "./failure.ts";
import { asJson, asJsonLine, asText, type Report } from "./output.ts";
import { fileSigner, type KeySource, signerOf } from "./signer.ts";

/** Options that every command has; those on keys only where it changes something. */
export interface CommonArguments {
  json: boolean;
  deployment?: string;
  from: string;
  keyFile?: string;
  keyPasswordFile?: string;
  dryRun?: boolean;
  yes?: boolean;
}

/** What a command works with. */
export interface Context extends Connection, KeySource {
  hre: HardhatRuntimeEnvironment;
  dryRun: boolean;
  /** Who sends: --key-file, else --from. */
  sender(): Promise<Signer>;
  /** Asks before anything is sent to a chain that other people use. Throws Refusal where nobody says yes. */
  confirm(what: string): Promise<void>;
}

/** A command on a deployment. Its report is printed and is the task's result. */
export function command<A extends object>(act: (context: Context, args: A) => Promise<Report>): NewTaskActionFunction {
  return reporting(async (args: A & CommonArguments, hre) => {
    const connection = await connectDeployment(hre, args.deployment);
    const source = { hre, endpoint: connection.endpoint };
    try {
      return await act(contextOf(connection, source, args), args);
    } finally {
      connection.endpoint.close();
    }
  });
}

const contextOf = (connection: Connection, source: KeySource, args: CommonArguments): Context => ({
  ...connection,
  hre: source.hre,
  dryRun: args.dryRun === true,
  sender: () => senderOf(source, args),
  confirm: (what) => confirmed(args, connection.endpoint.chainId, what),
});

/**
 * A command that prints as things happen, one line or one JSON object at a time, until `ended` says so; it has no other report. `print`
 * takes a report with its line for people.
 */
export function watching<A extends object>(
  act: (context: Context, args: A, print: (report: Report, line: string) => void) => Promise<void>,
): NewTaskActionFunction {
  return guarded(async (args: A & CommonArguments, hre) => {
    const connection = await connectDeployment(hre, args.deployment);
    const source = { hre, endpoint: connection.endpoint };
    const print = (report: Report, line: string) => void process.stdout.write(args.json ? asJsonLine(report) : `${line}\n`);
    try {
      await act(contextOf(connection, source, args), args, print);
    } finally {
      connection.endpoint.close();
    }
  });
}

/** Prints what `act` reports to stdout. */
export function reporting<A extends object>(
  act: (args: A & CommonArguments, hre: HardhatRuntimeEnvironment) => Promise<Report>,
): NewTaskActionFunction {
  return guarded(async (args: A & CommonArguments, hre) => {
    const report = await act(args, hre);
    process.stdout.write(args.json ? asJson(report) : asText(report));
    return report;
  });
}

/** An error is one line on stderr, with --json also one document on stdout, and a failed result, with which Hardhat exits 1. */
function guarded<A extends object>(
  act: (args: A & CommonArguments, hre: HardhatRuntimeEnvironment) => Promise<unknown>,
): NewTaskActionFunction {
  return async (given, hre) => {
    // Hardhat has read the options as their declaration says.
    const args = given as unknown as A & CommonArguments;
    try {
      return successfulResult(await act(args, hre));
    } catch (error) {
      const failure = failureOf(error);
      if (args.json) process.stdout.write(asJson({ error: failure }));
      process.stderr.write(`${failure.code}: ${failure.message}\n`);
      return errorResult(failure);
    }
  };
}

/** The signer that --key-file or --from names. */
export async function senderOf(source: KeySource, { from, keyFile, keyPasswordFile }: CommonArguments): Promise<Signer> {
  return await (keyFile === undefined ? signerOf(source, from, "--from") : fileSigner(source, keyFile, keyPasswordFile));
}
