import { createHash } from "node:crypto";
import { formatEther } from "ethers";
import pc from "picocolors";
import { Status } from "../../offchain/protocol/types.ts";
import { movementOf, readBooks } from "./books.ts";
import type { Localnet } from "./network.ts";
import { followTask } from "./taskLife.ts";

/** What came of a question; the last line of `npm start -- --once --json`. Amounts are COR base units as decimal strings. */
export interface AskedQuestion {
  /** The chain accepted the answer, and these very bytes hash to the digest it accepted. */
  verified: boolean;
  /** What the session paid is exactly what nodes, router and protocol gained, and every accepted node gained. */
  paid: boolean;
  /** Different llama.cpp processes that computed accepted answers. */
  inferenceProcesses: number;
  answer: string;
  task: string;
  secondsToAnswer: number;
  transaction: string;
  committee: number[];
  accepted: number[];
  charged: string;
  owed: Record<string, string>;
}

/** Asks the router one question and tells the task's life, as the chain shows it, while it happens. */
export async function askQuestion(
  net: Localnet,
  question: string,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<AskedQuestion> {
  const { provider, setting, routerUrl } = net;
  const fromBlock = (await provider.getBlockNumber()) + 1;
  const before = { books: await readBooks(provider, setting), engines: await engines(net) };
  say(`\n${pc.bold(`→ ${question}`)}`);
  const askedAt = performance.now();
  const following = new AbortController();
  const tell = ({ step, text, atMs }: { step: string; text: string; atMs: number }) =>
    say(`  ${pc.cyan(step.padEnd(10))} ${text} ${pc.dim(`${(atMs / 1_000).toFixed(1)} s`)}`);
  const life = followTask(provider, setting.record, fromBlock, tell, AbortSignal.any([signal, following.signal]));
  life.catch(() => {});
  const answer = await complete(routerUrl, setting.model.name, question, signal).catch((error: unknown) => {
    following.abort();
    throw error;
  });
  const secondsToAnswer = Number(((performance.now() - askedAt) / 1_000).toFixed(3));
  const ending = await life;
  const movement = movementOf(before.books, await readBooks(provider, setting));
  const after = await engines(net);
  const worked = ending.accepted.filter((node) => (after.get(node)?.requests ?? 0) > (before.engines.get(node)?.requests ?? 0));
  const inferenceProcesses = new Set(worked.map((node) => after.get(node)!.pid)).size;
  const verified = ending.status === Status.Accepted && ending.digest === `0x${createHash("sha256").update(answer).digest("hex")}`;
  const earned = ending.accepted.every((node) => movement.nodes.get(node)! > 0n);
  const paid = movement.balanced && earned && movement.paidBySession === ending.charged;
  const shares = `router ${formatEther(movement.router)}, protocol ${formatEther(movement.fees)}`;
  say(`  ${pc.cyan("paid".padEnd(10))} the session pays ${formatEther(movement.paidBySession)} COR: ${shares}`);
  for (const [node, gain] of movement.nodes) {
    const owed = before.books.nodes.get(node)!;
    say(`             node ${node}: owed ${formatEther(owed)} → ${formatEther(owed + gain)} COR (+${formatEther(gain)})`);
  }
  const mark = verified ? pc.green("verified") : pc.red("NOT verified");
  say(
    `\n  ${pc.bold(answer)}\n  ${mark}: ${ending.accepted.length} nodes agree, from ${inferenceProcesses} inference processes, ${secondsToAnswer.toFixed(1)} s`,
  );
  return {
    verified,
    paid,
    inferenceProcesses,
    answer,
    task: String(ending.task),
    secondsToAnswer,
    transaction: ending.transaction,
    committee: ending.committee,
    accepted: ending.accepted,
    charged: String(ending.charged),
    owed: Object.fromEntries([...movement.nodes].map(([node, gain]) => [node, String(gain)])),
  };
}

/** One chat completion. 503 says that it may work in a moment (a lease is being drawn): asked again for a while, as any client would. */
async function complete(routerUrl: string, model: string, question: string, signal: AbortSignal): Promise<string> {
  const body = JSON.stringify({ model, messages: [{ role: "user", content: question }], max_tokens: 64 });
  const request = { method: "POST", body, headers: { "content-type": "application/json" }, signal };
  for (let tries = 1; ; tries++) {
    const response = await fetch(`${routerUrl}/v1/chat/completions`, request);
    const reply = (await response.json()) as { choices?: { message: { content: string } }[]; error?: { message: string } };
    const answer = reply.choices?.[0]?.message.content;
    if (answer !== undefined) return answer;
    if (response.status !== 503 || tries === 20) throw new Error(`the router answered ${response.status}: ${reply.error?.message ?? ""}`);
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** The engine process of every node that answers, and how many requests it has served. */
async function engines({ nodeUrls }: Localnet): Promise<Map<number, { pid: number; requests: number }>> {
  const found = new Map<number, { pid: number; requests: number }>();
  await Promise.all(
    nodeUrls.map(async (url, i) => {
      try {
        const { engine } = (await (await fetch(`${url}/healthz`)).json()) as { engine?: { pid: number; requests: number } };
        if (engine !== undefined) found.set(i + 1, engine);
      } catch {
        // A node that was killed has no engine to count.
      }
    }),
  );
  return found;
}
