import { appendFileSync, existsSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** One line of Ignition's journal; only what is looked at here. */
interface JournalRecord {
  type: string;
  futureId?: string;
  networkInteractionId?: number;
  nonce?: number;
  networkInteraction?: { to?: string; data: string };
  result?: { type: string; address?: string };
}

/** A line and where it begins, in bytes. */
interface Line {
  record: JournalRecord;
  start: number;
}

/** The chain that a deployment is gone on with on. */
export interface JournalChain {
  request: (request: { method: string; params: unknown[] }) => Promise<unknown>;
  deployer: string;
  /** Block before the deployment's first transaction. */
  fromBlock: number;
  pollingMs: number;
}

interface SentTransaction {
  hash: string;
  to: string | null;
  input: string;
  maxFeePerGas?: string;
  maxPriorityFeePerGas?: string;
  gasPrice?: string;
}

/** A deployment that was begun cannot be gone on with as asked: the message says what was found, what was wanted, what to do. */
export class ResumeRefused extends Error {
  override readonly name = "ResumeRefused";
  readonly code = "ResumeRefused";
}

const WAIT_MS = 120_000;

/**
 * Makes the end of Ignition's journal such that Ignition goes on with it. Every record is written before or after something happens, and a
 * process may be killed in between, or within a record:
 *
 * - half a line: cut off, since what it tells is found out again;
 * - a step that has begun and has asked for nothing yet, on which Ignition ends with "HHE10000 ... Unable to find network interaction":
 *   cut off, since the step begins anew;
 * - a nonce that is set aside for a transaction of which nothing is told, on which Ignition ends with "transaction lost": the chain knows
 *   whether it was sent. Where it was, its hash is written down, so that it is not sent twice; else the nonce is free again.
 *
 * Also rewrites Ignition's list of addresses, which may have been half written. Returns what was mended, for people. Throws ResumeRefused.
 */
export async function mendJournal(folder: string, chain: JournalChain): Promise<string[]> {
  const file = path.join(folder, "journal.jsonl");
  if (!existsSync(file)) return [];
  const mended: string[] = [];
  const { lines, end, torn } = linesOf(readFileSync(file));
  if (torn) {
    truncateSync(file, end);
    mended.push("half a record cut off");
  }
  const last = lines.at(-1);
  if (last?.record.type.endsWith("_EXECUTION_STATE_INITIALIZE") === true) {
    truncateSync(file, last.start);
    lines.pop();
    mended.push(`${last.record.futureId} begins anew`);
  } else if (last?.record.type === "TRANSACTION_PREPARE_SEND") {
    mended.push(await settleNonce(file, last, lines, chain));
  }
  const created = lines.flatMap(({ record: { type, futureId, result } }) =>
    type === "DEPLOYMENT_EXECUTION_STATE_COMPLETE" && result?.type === "SUCCESS" ? [[futureId, result.address]] : [],
  );
  writeFileSync(path.join(folder, "deployed_addresses.json"), JSON.stringify(Object.fromEntries(created), null, 2));
  return mended;
}

/** Whole lines, where they end, and whether something follows that is none. Ignition begins a record with the line break. */
function linesOf(bytes: Buffer): { lines: Line[]; end: number; torn: boolean } {
  const lines: Line[] = [];
  for (let start = 0; start < bytes.length;) {
    const next = bytes.indexOf("\n", start + 1);
    const end = next === -1 ? bytes.length : next;
    const text = bytes.toString("utf8", start, end).trim();
    const record = text === "" ? undefined : parsed(text);
    if (record === undefined && next === -1) return { lines, end: start, torn: true };
    if (record === undefined)
      throw new ResumeRefused(`found a record that is no JSON at byte ${start} of the journal, wanted one; restore that file`);
    lines.push({ record, start });
    start = end;
  }
  return { lines, end: bytes.length, torn: false };
}

function parsed(text: string): JournalRecord | undefined {
  try {
    return JSON.parse(text) as JournalRecord;
  } catch {
    return undefined;
  }
}

/** Adopts the transaction that was sent with the nonce that the last record sets aside, or frees that nonce. */
async function settleNonce(file: string, { record, start }: Line, lines: Line[], chain: JournalChain): Promise<string> {
  const { futureId, networkInteractionId, nonce } = record as Required<Pick<JournalRecord, "futureId" | "networkInteractionId" | "nonce">>;
  const sent = await sentWith(nonce, chain);
  if (sent === undefined) {
    truncateSync(file, start);
    return `${futureId} was not sent; nonce ${nonce} is free`;
  }
  const asked = lines.findLast((line) => line.record.type === "NETWORK_INTERACTION_REQUEST" && line.record.futureId === futureId);
  const { to, data } = asked?.record.networkInteraction ?? { data: "" };
  if ((sent.to ?? "").toLowerCase() !== (to ?? "").toLowerCase() || sent.input !== data)
    throw new ResumeRefused(
      `found transaction ${sent.hash} with nonce ${nonce} of ${chain.deployer}, wanted that of ${futureId}: the account sent something else meanwhile; begin anew with another journal`,
    );
  const transaction = { fees: feesOf(sent), hash: sent.hash };
  const told = { futureId, networkInteractionId, nonce, transaction, type: "TRANSACTION_SEND" };
  appendFileSync(file, `\n${JSON.stringify(told)}`);
  return `${futureId} was sent as ${sent.hash}`;
}

function feesOf({ maxFeePerGas, maxPriorityFeePerGas, gasPrice }: SentTransaction) {
  const amount = (hex: string) => ({ _kind: "bigint", value: `${BigInt(hex)}` });
  return maxFeePerGas === undefined || maxPriorityFeePerGas === undefined
    ? { gasPrice: amount(gasPrice!) }
    : { maxFeePerGas: amount(maxFeePerGas), maxPriorityFeePerGas: amount(maxPriorityFeePerGas) };
}

/** The deployer's transaction with this nonce, once it is mined; undefined where the chain has none. Throws ResumeRefused. */
async function sentWith(nonce: number, { request, deployer, fromBlock, pollingMs }: JournalChain): Promise<SentTransaction | undefined> {
  const count = async (at: string) => Number(await request({ method: "eth_getTransactionCount", params: [deployer, at] }));
  for (const limit = performance.now() + WAIT_MS; (await count("latest")) <= nonce; await delay(pollingMs)) {
    if ((await count("pending")) <= nonce) return undefined;
    if (performance.now() > limit)
      throw new ResumeRefused(
        `found transaction ${nonce} of ${deployer} not mined after ${WAIT_MS / 1_000} s, wanted it in a block; run the same command again later`,
      );
  }
  const hex = (block: number) => `0x${block.toString(16)}`;
  let below = fromBlock;
  let block = Number(await request({ method: "eth_blockNumber", params: [] }));
  while (block - below > 1) {
    const middle = below + Math.floor((block - below) / 2);
    if ((await count(hex(middle))) > nonce) block = middle;
    else below = middle;
  }
  const { transactions } = (await request({ method: "eth_getBlockByNumber", params: [hex(block), true] })) as {
    transactions: (SentTransaction & { from: string; nonce: string })[];
  };
  return transactions.find((one) => one.from.toLowerCase() === deployer.toLowerCase() && Number(one.nonce) === nonce);
}
