import { hexlify, id as hashOf } from "ethers";
import { interfaces } from "../chain/abis.ts";
import { pause } from "../chain/pause.ts";
import { createViews, type Views } from "../chain/views.ts";
import { digestOf, type Digest } from "../content/contentId.ts";
import { newTaskKey, seal, unseal } from "../content/sealing.ts";
import { applyChanges, decodeAnswers, decodeOutcomes, encodePromptTokens } from "../protocol/answers.ts";
import { committee } from "../protocol/draw.ts";
import { taskQueued } from "../protocol/events.ts";
import { manifestBytes, type Message } from "../protocol/manifest.ts";
import { popcount } from "../protocol/sketch.ts";
import { FINISH, State, Status } from "../protocol/types.ts";
import { type Evidence, evidenceOf } from "./evidence.ts";
import { KeyHandover, LeasedNodes } from "./nodes.ts";
import { type Client, type CompleteOptions, type CompleteRequest, type Result, samplingOf, SdkError } from "./result.ts";
import { send, type WalletOn } from "./sessions.ts";

/** The wallet: owner or router of the session. */
export interface WalletClientOptions extends WalletOn {
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
  const { views, session, countTokens, endpoint, deployment, local = false, pollMs = 500 } = parts;
  const promptTokens = await countTokens(request.messages);
  const plain = manifestBytes({ v: 1, service: "chat", prompts: [{ messages: request.messages }], sampling: samplingOf(request) });
  const key = request.sealed === true ? newTaskKey() : undefined;
  const manifest = key === undefined ? plain : seal(key, plain);
  const digest = digestOf(manifest);
  const { nodes: leasedTo } = await leased(parts, signal);
  const nodes = await LeasedNodes.find(endpoint, deployment, leasedTo, local);
  const { rules } = await views.session(session);
  const holders = await nodes.put(manifest, signal);
  if (holders < rules.quorum)
    throw new SdkError("ContentUnplaced", `found ${holders} nodes that took the prompt, wanted ${rules.quorum}; try again`, {
      retryable: true,
    });
  const clientReference = hashOf(crypto.randomUUID());
  const asked = { manifest: digest, promptTokens: encodePromptTokens([promptTokens]), maxTokens: request.maxTokens, clientReference };
  const receipt = await send(parts, "Session", "submit", [session, asked], signal);
  const queued = receipt.logs
    .map((log) => interfaces.SessionQueue.parseLog(log))
    .flatMap((event) => (event?.name === "TaskQueued" ? taskQueued(event.args as unknown as Record<string, unknown>) : []))
    .find((event) => event.clientReference === clientReference)!;
  const task = String(queued.task);
  onEvent?.({ type: "submitted", task });
  const handover = key && new KeyHandover(views, deployment, nodes, key, digest);
  let seats = 0;
  for (;;) {
    if (handover !== undefined) await handover.hand(await drawn(parts, queued.task, queued.lease, rules.redundancy));
    const evidence = await evidenceOf(endpoint, deployment, queued.task, receipt.blockNumber);
    if (evidence !== undefined && evidence.commits.length > seats) {
      seats = evidence.commits.length;
      onEvent?.({ type: "committed", task, seats });
    }
    if (evidence?.settled !== undefined) {
      onEvent?.({ type: "settled", task, transaction: evidence.settled.transaction });
      return await resultOf(parts, evidence, promptTokens, nodes, key, signal);
    }
    const head = await endpoint.provider.getBlock("latest");
    if ((head?.timestamp ?? 0) > queued.deadline + rules.revealWindow + 120)
      throw new SdkError("DeadlinePassed", `task ${task} was not settled in time; anyone may settle it`, { retryable: true, task });
    await pause(pollMs, signal);
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
    if (session.seedBlock === 0) await send(parts, "Session", "reserve", [id, leaseSeconds, 0], signal);
    else if (head.number > session.seedBlock)
      // Somebody else may have drawn it, or too few nodes are free now: looked at again.
      await send(parts, "Session", "drawLease", [id], signal).catch(async () => await pause(pollMs, signal));
    else await pause(pollMs, signal);
  }
}

/** The nodes that a task's seed seats; none before its block is mined. */
async function drawn({ views, endpoint }: Parts, task: bigint, lease: number, redundancy: number): Promise<number[]> {
  const { number, hash } = (await endpoint.provider.getBlock("latest"))!;
  const facts = await views.facts(task, number);
  if (facts.status !== Status.Open || (facts.state === State.Unseeded && BigInt(number) < facts.seed)) return [];
  const seed = await views.seed(task, facts, { number, hash: hash! });
  return seed === undefined ? [] : committee((await views.lease(lease)).nodes, seed, redundancy);
}

async function resultOf(
  { views }: Parts,
  { queued, settled, seed, changes }: Evidence,
  promptTokens: number,
  leasedNodes: LeasedNodes,
  key: Uint8Array | undefined,
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
  const holders = nodes.filter((_, seat) => accepted(seat));
  const bytes = await leasedNodes.get(answer.digest as Digest, holders, task, signal);
  const operators = await Promise.all(nodes.map(async (node) => (await views.node(node)).operator));
  return {
    text: new TextDecoder("utf-8", { ignoreBOM: true }).decode(key === undefined ? bytes : unseal(key, bytes)),
    finish: answer.finish === FINISH.length ? "length" : "stop",
    usage: { promptTokens, completionTokens: answer.tokens },
    ...(key !== undefined && { key: hexlify(key) }),
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
