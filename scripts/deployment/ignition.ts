import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import { buildModule, listTransactions } from "@nomicfoundation/ignition-core";
import type { ContractDeploymentFuture, Future, SolidityParameterType } from "@nomicfoundation/ignition-core";
import type { HardhatRuntimeEnvironment } from "hardhat/types/hre";
import type { NetworkConnection } from "hardhat/types/network";
import { type ModuleName, type Plan, refuseUnsafeChain, sourceOf, type Step } from "../deploy.ts";
import { type JournalChain, mendJournal, ResumeRefused } from "./journal.ts";

/** Where a deployment began: kept beside Ignition's journal, so that a resumed run computes the same addresses. */
export interface Start {
  chainId: number;
  deployer: string;
  /** The deployer's nonce before the first transaction. */
  nonce: number;
  /** Block before the first transaction. */
  blockNumber: number;
  /** sha256 of the parameters: a resumed run with others is refused. */
  parameters: string;
}

const MODULE_ID = "Network";
const IDENTIFIER = /[^A-Za-z0-9_]+/g;

/** Bigints as decimal strings; keys in their order. */
export const asData = (value: unknown): string =>
  JSON.stringify(value, (_, held: unknown) => (typeof held === "bigint" ? `${held}` : held));
const digestOf = (parameters: unknown): string => createHash("sha256").update(asData(parameters)).digest("hex");

/** A step's id as Ignition allows it. */
export const futureId = ({ id }: Step): string => id.replace(IDENTIFIER, "_");

/** Folder of Ignition's journal of a deployment. */
export const journalOf = (hre: HardhatRuntimeEnvironment, journal: string): string =>
  path.join(hre.config.paths.ignition, "deployments", journal);

/** Reads where a deployment began, or writes it down before anything is sent. Throws ResumeRefused. */
export function startOf(folder: string, wanted: Omit<Start, "parameters">, parameters: unknown): Start & { resumed: boolean } {
  const file = path.join(folder, "start.json");
  const own: Start = { ...wanted, parameters: digestOf(parameters) };
  if (!existsSync(file)) {
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${file}.new`, `${JSON.stringify(own, null, 2)}\n`);
    renameSync(`${file}.new`, file);
    return { ...own, resumed: false };
  }
  const found = JSON.parse(readFileSync(file, "utf8")) as Start;
  for (const key of ["chainId", "deployer", "parameters"] as const) {
    if (found[key] === own[key]) continue;
    throw new ResumeRefused(
      `found a deployment in ${folder} that was begun with ${key} ${found[key]}, wanted ${own[key]}; go on with the same, or move that folder away to begin anew`,
    );
  }
  return { ...found, resumed: true };
}

/** The plan as an Ignition module. Each future waits for the one before it, so that nonces and with them addresses are those of the plan. */
function moduleOf(plan: Plan) {
  return buildModule(MODULE_ID, (m) => {
    const created = new Map<ModuleName, ContractDeploymentFuture>();
    let after: Future[] = [];
    for (const step of plan.steps) {
      const args = step.args as SolidityParameterType[];
      const options = { id: futureId(step), after };
      if (step.kind === "create") {
        const future = m.contract(`${sourceOf(step.id)}:${step.id}`, args, options) as unknown as ContractDeploymentFuture;
        created.set(step.id, future);
        after = [future];
      } else {
        after = [m.call(created.get(step.module)!, step.method, args, options)];
      }
    }
    return Object.fromEntries(created);
  });
}

export interface Carried {
  start: Start;
  resumed: boolean;
  plan: Plan;
  /** Transaction hash by step id. */
  transactions: Map<string, string>;
}

export interface Carrying {
  hre: HardhatRuntimeEnvironment;
  network: string;
  /** Name of the journal: a deployment that was interrupted is gone on with under the same name. */
  journal: string;
  /** A private key to send with, or the network's own accounts. */
  key?: string;
  deployer: string;
  /** All that the plan follows from; a resumed run with others is refused. */
  parameters: unknown;
  /** What is to be done by the deployer, whose next nonce was this before the first step. */
  planAt: (nonce: number) => Plan;
  confirmations: number;
  pollingMs: number;
  onStep: (name: string) => void;
}

/** Deploys with Hardhat Ignition: what was sent is in a journal, so that a run that was killed anywhere goes on where it ended. */
export async function carryOut(carrying: Carrying): Promise<Carried> {
  const { hre, network, journal, key, deployer, parameters, planAt, onStep } = carrying;
  const connection = await hre.network.create({ network, ...(key !== undefined && { override: { accounts: [key] } }) });
  try {
    const { provider } = connection;
    const number = async (method: string, ...params: unknown[]) => Number(await provider.request({ method, params }));
    const folder = journalOf(hre, journal);
    const now = {
      chainId: await number("eth_chainId"),
      deployer,
      nonce: await number("eth_getTransactionCount", deployer, "latest"),
      blockNumber: await number("eth_blockNumber"),
    };
    refuseUnsafeChain(BigInt(now.chainId));
    const { resumed, ...start } = startOf(folder, now, parameters);
    const plan = planAt(start.nonce);
    let told = now.nonce - start.nonce;
    if (resumed) onStep(`goes on after step ${told} of ${plan.steps.length}`);
    const progress = setInterval(() => {
      void number("eth_getTransactionCount", deployer, "latest").then(
        (nonce) => {
          for (; told < nonce - start.nonce && told < plan.steps.length; told++) onStep(plan.steps[told]!.id);
        },
        () => {},
      );
    }, 250);
    // Asked for by the task itself where the chain is not a local one.
    process.env.HARDHAT_IGNITION_CONFIRM_DEPLOYMENT ??= "true";
    try {
      return { start, resumed, plan, transactions: await goOn(connection, plan, { ...carrying, folder, start }) };
    } finally {
      clearInterval(progress);
    }
  } finally {
    await connection.close();
  }
}

/** What Ignition goes on with: a plan from its first step, whatever of it the journal says is done. */
export interface GoingOn extends Pick<Carrying, "journal" | "deployer" | "confirmations" | "pollingMs" | "onStep"> {
  folder: string;
  start: Pick<Start, "blockNumber">;
}

/** Carries out what the journal says is still to be done, however it ended, and returns the transaction of each step. Throws ResumeRefused. */
export async function goOn(connection: NetworkConnection, plan: Plan, going: GoingOn): Promise<Map<string, string>> {
  const { journal, folder, deployer, start, confirmations, pollingMs, onStep } = going;
  const request: JournalChain["request"] = async (asked) => (await connection.provider.request(asked)) as unknown;
  for (const mended of await mendJournal(folder, { request, deployer, fromBlock: start.blockNumber, pollingMs }))
    onStep(`journal: ${mended}`);
  await connection.ignition.deploy(moduleOf(plan), {
    deploymentId: journal,
    defaultSender: deployer,
    displayUi: false,
    config: { requiredConfirmations: confirmations, blockPollingInterval: pollingMs },
  });
  return await transactionsIn(folder, plan);
}

/** Which transaction carried out which step, from the journal. Each step is one transaction, in the plan's order. */
async function transactionsIn(folder: string, plan: Plan): Promise<Map<string, string>> {
  const artifacts = { loadArtifact: () => Promise.reject(new Error("the journal has its own artifacts")) };
  const sent = (await listTransactions(folder, artifacts)).filter(({ status }) => String(status) === "SUCCESS");
  if (sent.length !== plan.steps.length)
    throw new Error(
      `the journal in ${folder} has ${sent.length} successful transactions, wanted one for each of ${plan.steps.length} steps`,
    );
  return new Map(plan.steps.map(({ id }, i) => [id, sent[i]!.txHash]));
}
