import { id, type JsonRpcProvider, parseEther } from "ethers";
import { cidOf, digestOf } from "../../offchain/content/contentId.ts";
import { AGREEMENT_ONLY } from "../../offchain/protocol/assurance.ts";
import { encodePromptTokens } from "../../offchain/protocol/answers.ts";
import { manifestBytes } from "../../offchain/protocol/manifest.ts";
import { Comparison } from "../../offchain/protocol/types.ts";
import { account, ACCOUNTS } from "./accounts.ts";
import { contractOf, type LocalSetting } from "./setUp.ts";

const LEASE_SECONDS = 600;
const EVERY_MS = 2_000;
const QUESTION_EVERY_MS = 10_000;
const QUESTION = "What is the capital of Peru?";
const MAX_TOKENS = 32;
const DEPOSIT = parseEther("1000");
const WINDOWS = { queueWindow: 60, commitWindow: 20, revealWindow: 20 };

/**
 * A client of its own on the local network, with one seat to each task: it leases a node that joined after the others and asks it something now and
 * then, so that whoever joins has work and earns, as on a network with more than one client.
 */
export function welcomeNewcomers(
  provider: JsonRpcProvider,
  { record, model }: LocalSetting,
  routerUrl: string,
): { stop: () => Promise<void> } {
  const client = account(ACCOUNTS.newcomersClient, provider);
  const sessions = contractOf(record, "Session", client);
  const pool = contractOf(record, "NodePool", provider);
  const stopping = new AbortController();
  let session: bigint | undefined;
  let promptTokens: number | undefined;
  let askedAt = 0;

  const sent = async (contract: ReturnType<typeof contractOf>, method: string, ...args: unknown[]) =>
    await (await contract.getFunction(method).send(...args)).wait();

  async function opened(): Promise<bigint> {
    const open = {
      model: model.id,
      redundancy: 1,
      quorum: 1,
      leaseNodes: 1,
      mode: 0,
      comparison: Comparison.Semantic,
      priceCeiling: model.price,
      ...AGREEMENT_ONLY,
      ...WINDOWS,
      maxPrompts: 1,
      maxPromptTokens: 384,
      maxTokens: MAX_TOKENS,
    };
    const cor = contractOf(record, "COR", account(ACCOUNTS.client, provider));
    await sent(cor, "transfer", client.address, DEPOSIT);
    const receipt = await sent(sessions, "open", open);
    const event = receipt!.logs.map((log) => sessions.interface.parseLog(log)).find((found) => found?.name === "SessionOpened");
    const found = event!.args.getValue("session") as bigint;
    // The router serves as a place where the prompt lies; it carries nothing here.
    await sent(sessions, "setRouter", found, client.address, true, routerUrl);
    await sent(contractOf(record, "COR", client), "approve", record.addresses.SessionPayment, DEPOSIT);
    await sent(contractOf(record, "SessionPayment", client), "deposit", found, DEPOSIT);
    return found;
  }

  async function ask(): Promise<void> {
    promptTokens ??= await countedBy(routerUrl, model.name);
    const bytes = manifestBytes(manifest());
    const digest = digestOf(bytes);
    const put = await fetch(`${routerUrl}/content/${cidOf(digest)}`, { method: "PUT", body: bytes as Uint8Array<ArrayBuffer> });
    await put.body?.cancel();
    await sent(sessions, "submit", session, {
      manifest: digest,
      promptTokens: encodePromptTokens([promptTokens]),
      maxTokens: MAX_TOKENS,
      clientReference: id("newcomer"),
    });
  }

  async function round(): Promise<void> {
    const free = (await pool.getFunction("eligibleCount").staticCall(model.id)) as bigint;
    if (session === undefined) {
      if (free === 0n) return;
      session = await opened();
    }
    type View = { lease: bigint; leaseUntil: bigint; seedBlock: bigint };
    const view = (await sessions.getFunction("sessionOf").staticCall(session)) as View;
    const now = (await provider.getBlock("latest"))!.timestamp;
    const left = view.lease === 0n ? 0 : Number(view.leaseUntil) - now;
    const needed = WINDOWS.queueWindow + WINDOWS.commitWindow + WINDOWS.revealWindow + 10;
    // Keepers draw what is reserved, and collect what has lapsed.
    if (left < needed && view.seedBlock === 0n && free > 0n) await sent(sessions, "reserve", session, LEASE_SECONDS, 0);
    if (left < needed || performance.now() - askedAt < QUESTION_EVERY_MS) return;
    askedAt = performance.now();
    await ask();
  }

  const done = (async () => {
    while (!stopping.signal.aborted) {
      // What goes wrong in one round, the next tries again; nothing of the network depends on it.
      await round().catch(() => undefined);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, EVERY_MS);
        stopping.signal.addEventListener("abort", () => (clearTimeout(timer), resolve(undefined)), { once: true });
      });
    }
  })();
  return {
    stop: async () => {
      stopping.abort();
      await done;
    },
  };
}

function manifest(): Parameters<typeof manifestBytes>[0] {
  const sampling = { temperature: 0, topP: 1, topK: 0, seed: 0, maxTokens: MAX_TOKENS, stop: [] };
  const penalties = { frequencyPenalty: 0, presencePenalty: 0, repeatPenalty: 1 };
  return { v: 1, service: "chat", prompts: [{ messages: [{ role: "user", content: QUESTION }] }], sampling: { ...sampling, ...penalties } };
}

/** Tokens of the question's prompt, as the router counts them. */
async function countedBy(routerUrl: string, model: string): Promise<number> {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: QUESTION }], max_tokens: MAX_TOKENS });
  const answer = await fetch(`${routerUrl}/v1/chat/completions`, { method: "POST", body, headers: { "content-type": "application/json" } });
  const { usage } = (await answer.json()) as { usage?: { prompt_tokens: number } };
  if (usage === undefined) throw new Error("the router did not count");
  return usage.prompt_tokens;
}
