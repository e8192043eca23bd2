import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect } from "chai";
import { validate, validateAs } from "./schemas.ts";

const ROOT = fileURLToPath(new URL("../../../", import.meta.url));

export interface Outcome {
  code: number;
  stdout: string;
  stderr: string;
}

/** The error of a task that was refused: one document on stdout, one line on stderr, exit code 1. */
export function refusalIn(line: string, { code, stdout, stderr }: Outcome): { code: string; message: string; revert?: { name: string } } {
  expect(code, `${line}: ${stdout}`).to.equal(1);
  const failure = JSON.parse(stdout);
  validateAs("failure", failure);
  const { error } = failure;
  expect(stderr).to.equal(`${error.code}: ${error.message}\n`);
  return error;
}

/** `npx hardhat` as a person runs it, against one chain and one deployment record. */
export function commandLine(url: string, record: string) {
  async function run(line: string, ...more: string[]): Promise<Outcome> {
    const args = ["node_modules/hardhat/dist/src/cli.js", ...line.split(" "), ...more, "--deployment", record];
    const env = { ...process.env, RPC_URL: url, OPERATOR_KEY: undefined, CI: undefined };
    const child = spawn(process.execPath, args, { cwd: ROOT, env, stdio: ["ignore", "pipe", "pipe"] });
    const out: Buffer[] = [];
    const err: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => out.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => err.push(chunk));
    const [code] = (await once(child, "close")) as [number];
    return { code, stdout: Buffer.concat(out).toString(), stderr: Buffer.concat(err).toString() };
  }
  return {
    run,
    /** The one JSON document of a command that succeeds. */
    async done(line: string, ...more: string[]) {
      const { code, stdout, stderr } = await run(line, ...more, "--json");
      expect(code, `${line}: ${stdout} ${stderr}`).to.equal(0);
      const output = JSON.parse(stdout);
      validate(line, output);
      return output;
    },
    refused: async (line: string, ...more: string[]) => refusalIn(line, await run(line, ...more, "--json")),
  };
}
