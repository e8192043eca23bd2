import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { Contract, id as hashOf, type HDNodeWallet, type Wallet } from "ethers";
import { interfaces, type ModuleName } from "../chain/abis.ts";
import type { Deployment } from "../chain/deployment.ts";
import type { Endpoint } from "../chain/endpoint.ts";
import { createViews, type Views } from "../chain/views.ts";
import { digestOf, type Digest } from "../content/contentId.ts";
import { usableEndpoint } from "../content/endpoints.ts";
import { HttpPeer } from "../content/httpPeer.ts";
import { decodeAnswers, decodeOutcomes, encodePromptTokens, applyChanges } from "../protocol/answers.ts";
import { committee } from "../protocol/draw.ts";
import { taskQueued } from "../protocol/events.ts";
import { manifestBytes, type Message } from "../protocol/manifest.ts";
import { popcount } from "../protocol/sketch.ts";
import { FINISH, Status } from "../protocol/types.ts";
import { type Evidence, evidenceOf } from "./evidence.ts";
import { type Client, type CompleteOptions, type CompleteRequest, type Result, samplingOf, SdkError } from "./result.ts";

export interface WalletClientOptions {
  endpoint: Endpoint;
  deployment: Deployment;
  /** Owner or router of the session. */
  wallet: Wallet | HDNodeWallet;
  session: number;
  /** Tokens of a prompt, as the session's model counts them; a task that declares another number is not served. */
  countTokens: (messages: Message[]) => Promise<number>;
  /** A local chain, where nodes announce private addresses. */
  local?: boolean;
  /** Length of the leases that it reserves, seconds. Default 3600. */
  leaseSeconds?: number;
  /** Between looks at the chain. Default 500. */
  pollMs?: number;
}

/** A client that needs no router: it submits by its wallet, hands the prompt to the leased nodes, and reads the answer from them. */
export function walletClient(options: WalletClientOptions): Client {
  const views = createViews(options.endpoint, options.deployment);
  return { complete: async (request, more = {}) => await complete({ ...options, views }, request, more) };
}

type Parts = WalletClientOptions & { views: Views };

async function complete(parts: Parts, request: CompleteRequest, { signal, onEvent }: CompleteOptions): Promise<Result> {
  const { views, session, countTokens, endpoint, deployment, pollMs = 500 } = parts;
  const promptTokens = await countTokens(request.messages);
  const manifest = manifestBytes({ v: 1, service: "chat", prompts: [{ messages: request.messages }], sampling: samplingOf(request) });
  const { nodes } = await leased(parts, signal);
  const bases = await endpointsOf(parts, nodes);
  const kept = await Promise.allSettled(
    [...bases.values()].map(async (base) => await new HttpPeer(base).put(manifest, signal ? { signal } : {})),
  );
  const { rules } = await views.session(session);
  const holders = kept.filter(({ status }) => status === "fulfilled").length;
  if (holders < rules.quorum)
    throw new SdkError("ContentUnplaced", `found ${holders} nodes that took the prompt, wanted ${rules.quorum}; try again`, {
      retryable: true,
    });
  const clientReference = hashOf(randomUUID());
  const asked = {
    manifest: digestOf(manifest),
    promptTokens: encodePromptTokens([promptTokens]),
    maxTokens: request.maxTokens,
    clientReference,
  };
  const receipt = await send(parts, "Session", "submit", [session, asked], signal);
  const queued = receipt.logs
    .map((log) => interfaces.SessionQueue.parseLog(log))
    .flatMap((event) => (event?.name === "TaskQueued" ? taskQueued(event.args as unknown as Record<string, unknown>) : []))
    .find((event) => event.clientReference === clientReference)!;
  const task = String(queued.task);
  onEvent?.({ type: "submitted", task });
  let seats = 0;
  for (;;) {
    const evidence = await evidenceOf(endpoint, deployment, queued.task, receipt.blockNumber);
    if (evidence !== undefined && evidence.commits.length > seats) {
      seats = evidence.commits.length;
      onEvent?.({ type: "committed", task, seats });
    }
    if (evidence?.settled !== undefined) {
      onEvent?.({ type: "settled", task, transaction: evidence.settled.transaction });
      return await resultOf(parts, evidence, promptTokens, bases, signal);
    }
    const head = await endpoint.provider.getBlock("latest");
    if ((head?.timestamp ?? 0) > queued.deadline + rules.revealWindow + 120)
      throw new SdkError("DeadlinePassed", `task ${task} was not settled in time; anyone may settle it`, { retryable: true, task });
    await delay(pollMs, undefined, signal ? { signal } : {});
  }
}

/** The nodes of the session's lease, which is reserved and drawn first where there is none that is long enough. */
async function leased(parts: Parts, signal: AbortSignal | undefined): Promise<{ nodes: number[] }> {
  const { views, session: id, endpoint, leaseSeconds = 3_600, pollMs = 500 } = parts;
  for (;;) {
    signal?.throwIfAborted();
    const session = await views.session(id);
    const head = (await endpoint.provider.getBlock("latest"))!;
    const needed = head.timestamp + session.rules.commitWindow + session.rules.revealWindow + 5;
    if (session.lease !== 0 && session.leaseUntil > needed) return await views.lease(session.lease);
    if (session.seedBlock === 0) await send(parts, "Session", "reserve", [id, leaseSeconds], signal);
    else if (head.number > session.seedBlock) await send(parts, "Session", "drawLease", [id], signal).catch(() => undefined);
    else await delay(pollMs, undefined, signal ? { signal } : {});
  }
}

async function endpointsOf({ endpoint, deployment, local = false }: Parts, nodes: number[]): Promise<Map<number, string>> {
  const { NodePool } = deployment.addresses;
  const { topicHash } = interfaces.NodePool.getEvent("EndpointChanged")!;
  const logs = await endpoint.provider.getLogs({
    address: NodePool,
    topics: [topicHash],
    fromBlock: deployment.blockNumber,
    toBlock: "latest",
  });
  const found = new Map<number, string>();
  for (const log of logs) {
    const { args } = interfaces.NodePool.parseLog(log)!;
    const base = usableEndpoint(args["endpoint"] as string, local);
    const node = Number(args["node"]);
    if (base === undefined) found.delete(node);
    else if (nodes.includes(node)) found.set(node, base);
  }
  return found;
}

async function resultOf(
  { views }: Parts,
  { queued, settled, seed, changes }: Evidence,
  promptTokens: number,
  bases: Map<number, string>,
  signal: AbortSignal | undefined,
): Promise<Result> {
  const task = String(queued.task);
  const outcome = settled!.status === Status.Accepted ? decodeOutcomes(settled!.outcomes)[0]! : undefined;
  if (outcome?.canonicalSeat == null)
    throw new SdkError("TaskWithoutAnswer", `task ${task} ended without an answer (status ${settled!.status}); what was locked came back`, {
      retryable: true,
      task,
    });
  const nodes = committee((await views.lease(queued.lease)).nodes, seed!, queued.terms.redundancy);
  const accepted = (seat: number) => ((outcome.accepted >> seat) & 1) === 1;
  const answer = decodeAnswers(applyChanges(settled!.base, changes.get(outcome.canonicalSeat) ?? "0x"))[0]!;
  const text = await textOf(
    answer.digest as Digest,
    nodes.filter((_, seat) => accepted(seat)).flatMap((node) => bases.get(node) ?? []),
    task,
    signal,
  );
  const operators = await Promise.all(nodes.map(async (node) => (await views.node(node)).operator));
  return {
    text,
    finish: answer.finish === FINISH.length ? "length" : "stop",
    usage: { promptTokens, completionTokens: answer.tokens },
    proof: {
      session: queued.session,
      task,
      prompt: 0,
      transactions: { submitted: queued.transaction, settled: settled!.transaction },
      committee: nodes.map((node, seat) => ({ seat, node, operator: operators[seat]!, accepted: accepted(seat) })),
      agreement: { redundancy: queued.terms.redundancy, quorum: queued.terms.quorum, agreed: popcount(BigInt(outcome.accepted)) },
      digest: answer.digest,
      charged: String(settled!.charged),
    },
  };
}

/** The bytes of a digest from any of the nodes; they show their results a moment after their openings. */
async function textOf(digest: Digest, bases: string[], task: string, signal: AbortSignal | undefined): Promise<string> {
  for (let attempt = 1; attempt <= 10; attempt++) {
    for (const base of bases) {
      const bytes = await new HttpPeer(base).get(digest, signal ? { signal } : {}).catch(() => undefined);
      if (bytes !== undefined) return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
    }
    await delay(300 * attempt, undefined, signal ? { signal } : {});
  }
  throw new SdkError("ContentUnavailable", `task ${task} is accepted, and nobody hands out the answer ${digest}; try again later`, {
    retryable: true,
    task,
  });
}

async function send({ wallet, endpoint, deployment }: Parts, module: ModuleName, method: string, args: unknown[], signal?: AbortSignal) {
  signal?.throwIfAborted();
  const contract = new Contract(deployment.addresses[module], interfaces[module], wallet.connect(endpoint.provider));
  const sent = await contract.getFunction(method).send(...args);
  return (await sent.wait())!;
}
