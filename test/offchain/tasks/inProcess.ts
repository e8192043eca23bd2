import { expect } from "chai";
import { ArgumentType } from "hardhat/types/arguments";
import { type TaskArguments, TaskDefinitionType } from "hardhat/types/tasks";
import { tasks } from "../../../tasks/index.ts";
import { eventually, rpcCall } from "../chain/hardhatNode.ts";
import { hardhatRuntime } from "../hardhatRuntime.ts";
import { type Outcome, refusalIn } from "./commandLine.ts";
import { validate } from "./schemas.ts";

/** Every task of this project that does something, by words like `net status`. */
export const DECLARED = new Map(
  tasks.filter(({ type }) => type !== TaskDefinitionType.EMPTY_TASK).map((task) => [task.id.join(" "), task]),
);

/** Whether a task declares that it sends transactions. */
export const changes = (name: string): boolean => "dryRun" in optionsOf(name);

/** A declared task's options by name. */
export function optionsOf(name: string): Record<string, { description: string; type: string }> {
  const task = DECLARED.get(name);
  return task !== undefined && "options" in task ? task.options : {};
}

/** Words as a task takes them; what is no option of the task is refused by Hardhat. */
export function parsed(words: string[]): { name: string; args: TaskArguments } {
  const name = words.slice(0, 2).join(" ");
  const options = optionsOf(name);
  const args: TaskArguments = {};
  for (let i = 2; i < words.length; i++) {
    const option = words[i]!.replace(/^--/, "").replace(/-./g, (pair) => pair[1]!.toUpperCase());
    args[option] = options[option]?.type === ArgumentType.FLAG ? true : words[++i];
  }
  return { name, args };
}

/** Tasks run inside this process, as quickly as many of them need; `commandLine` runs them as a person does. */
export async function inProcess(url: string, record: string, network = "localhost") {
  const variable = network.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase();
  process.env["RPC_URL"] = url;
  process.env[`${variable}_RPC_URL`] = url;
  process.env[`${variable}_DEPLOYER_KEY`] = `0x${"11".repeat(32)}`;
  const hre = await hardhatRuntime(network);
  const ran = new Set<string>();

  /** Code 1 is what Hardhat's command line makes of a failed result. */
  async function run(line: string, ...more: string[]): Promise<Outcome> {
    const { name, args } = parsed([...line.split(" "), ...more, "--deployment", record]);
    const written = { stdout: "", stderr: "" };
    const { stdout, stderr } = process;
    const originals = { stdout: stdout.write, stderr: stderr.write };
    for (const stream of ["stdout", "stderr"] as const)
      process[stream].write = (chunk: string | Uint8Array) => ((written[stream] += String(chunk)), true);
    try {
      const result = (await hre.tasks.getTask(name.split(" ")).run(args)) as { success: boolean };
      return { code: result.success ? 0 : 1, ...written };
    } finally {
      stdout.write = originals.stdout;
      stderr.write = originals.stderr;
    }
  }

  async function succeeded(line: string, ...more: string[]) {
    const outcome = await run(line, ...more);
    expect(outcome.code, `${line} ${more.join(" ")}: ${outcome.stdout} ${outcome.stderr}`).to.equal(0);
    return outcome.stdout;
  }

  /** Asked again where the chain has closed a connection that was idle. */
  const block = async () => Number(await eventually(async () => (await rpcCall(url, "eth_blockNumber")) as string, "the chain's height"));

  return {
    run,
    /** Names of the tasks that did what they are for. */
    ran,
    /**
     * The one JSON document of a task that succeeds (of net watch: all lines). A task that changes something is planned with --dry-run
     * first, which must not send anything; a task that only reads must not either, and prints for people too.
     */
    async done(line: string, ...more: string[]) {
      const name = line.split(" ").slice(0, 2).join(" ");
      const before = await block();
      if (changes(name)) validate(line, JSON.parse(await succeeded(line, ...more, "--dry-run", "--json")));
      expect(await block(), `${line}: blocks after --dry-run`).to.equal(before);
      const printed = await succeeded(line, ...more, "--json");
      const output =
        name === "net watch"
          ? printed
              .trim()
              .split("\n")
              .map((one) => JSON.parse(one))
          : JSON.parse(printed);
      for (const document of name === "net watch" ? output : [output]) validate(line, document);
      if (name !== "net deploy") expect((await block()) > before, `${line}: whether it sent something`).to.equal(changes(name));
      if (!changes(name))
        expect(await succeeded(line, ...more))
          .to.match(/^[^]+\n$/)
          .and.not.match(/undefined|\[object|NaN/);
      ran.add(name);
      return output;
    },
    refused: async (line: string, ...more: string[]) => refusalIn(line, await run(line, ...more, "--json")),
  };
}
