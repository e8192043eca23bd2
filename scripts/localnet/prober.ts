import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { parseEther } from "ethers";
import { LlamaEngine } from "../../offchain/inference/llama.ts";
import { loadModels, modelNamed } from "../../offchain/inference/models.ts";
import { connect, readDeployment, walletClient, walletSessions } from "../../offchain/sdk/index.ts";
import { account, ACCOUNTS } from "./accounts.ts";
import { ROOT } from "./processes.ts";
import type { RoundsNetwork } from "./roundsNetwork.ts";
import { contractOf } from "./setUp.ts";

type Ask = (question: string, signal: AbortSignal) => Promise<{ text: string; nodes: number[] }>;

/** A task like a user's, whose good answer is known beforehand. */
export interface Probe {
  question: string;
  wanted: string;
  /** What the network answered; absent while nobody has, or where the task ended without an answer. */
  answer?: string;
  /** Nodes whose answers were accepted. */
  nodes: number[];
  /** Whether the answer holds what was wanted. */
  right: boolean;
  /** Why there is no answer. */
  failure?: string;
}

/** Questions of the toy world, each with a word that its answer holds. */
const QUESTIONS = [
  ["What is the capital of France?", "Paris"],
  ["What is the opposite of hot?", "cold"],
  ["What is the capital of Italy?", "Rome"],
  ["What is 2 + 3?", "5"],
  ["What is the capital of Peru?", "Lima"],
  ["What is the opposite of big?", "small"],
] as const;
/** Seats of a probe; both must agree. */
const SEATS = 2;
const WINDOWS = { queueWindow: 30, commitWindow: 15, revealWindow: 10 };
/** Most seconds of a lease; it is ended as soon as its probes are answered. */
const LEASE = 90;
const DEPOSIT = parseEther("100");
const MOST_TOKENS = 24;

/**
 * Asks the network questions whose answers it knows, from a session that nobody can tell from a user's: that is how a network without users
 * learns whether its nodes serve, and what the service line of the rewards pays for.
 */
export class Prober {
  readonly probes: Probe[] = [];
  readonly #ask: Ask;
  readonly #release: () => Promise<void>;
  readonly #close: () => Promise<void>;

  private constructor(ask: Ask, release: () => Promise<void>, close: () => Promise<void>) {
    this.#ask = ask;
    this.#release = release;
    this.#close = close;
  }

  /** Opens and funds a session. */
  static async open(net: RoundsNetwork): Promise<Prober> {
    const [deployer, wallet] = [account(ACCOUNTS.deployer, net.provider), account(ACCOUNTS.client, net.provider)];
    await (await contractOf(net.record, "COR", deployer).getFunction("transfer").send(wallet.address, DEPOSIT)).wait();
    const endpoint = await connect({ url: net.rpc });
    const deployment = readDeployment(net.deployment);
    const models = await loadModels(path.join(ROOT, "models/registry.json"));
    const model = modelNamed(models, net.model);
    // Tokens of a prompt are declared, so that they have to be counted as the model counts them.
    const engine = await LlamaEngine.start({ model, embed: modelNamed(models, "toy-embed-q8_0") });
    const sessions = walletSessions({ endpoint, deployment, wallet });
    const session = await sessions.open({
      model: `0x${model.sha256}`,
      redundancy: SEATS,
      quorum: SEATS,
      leaseNodes: SEATS,
      maxTokens: MOST_TOKENS,
      ...WINDOWS,
    });
    await sessions.fund(session, DEPOSIT);
    const countTokens = async (messages: Parameters<typeof engine.tokenCount>[0]) => await engine.tokenCount(messages);
    const client = walletClient({ endpoint, deployment, wallet, session, countTokens, local: true, leaseSeconds: LEASE });
    const ask: Ask = async (question, signal) => {
      const request = { messages: [{ role: "user" as const, content: question }], maxTokens: MOST_TOKENS };
      const { text, proof } = await client.complete(request, { signal });
      return { text, nodes: proof.committee.flatMap(({ node, accepted }) => (accepted ? [node] : [])) };
    };
    const release = async () => {
      await (await contractOf(net.record, "Session", wallet).getFunction("endLease").send(session)).wait();
    };
    return new Prober(ask, release, async () => {
      await engine.close();
      endpoint.close();
    });
  }

  /**
   * Asks until it is told to stop: so many questions in a row every so many seconds. Between them its nodes work in rounds like all others.
   * @param mayBegin says when the nodes can be spared; after half of `every` they have to be
   */
  async run(signal: AbortSignal, { inARow, every, mayBegin }: { inARow: number; every: number; mayBegin: () => boolean }): Promise<void> {
    const pause = async (seconds: number) => await delay(seconds * 1_000, undefined, { signal }).catch(() => {});
    while (!signal.aborted) {
      const began = performance.now();
      const gone = () => (performance.now() - began) / 1_000;
      while (!mayBegin() && gone() < every / 2 && !signal.aborted) await pause(1);
      for (let i = 0; i < inARow && !signal.aborted; i++) await this.#probe(signal);
      // Another probe asks for a lease of its own where this one has lapsed by itself.
      if (!signal.aborted) await this.#release().catch(() => {});
      await pause(Math.max(1, every - gone()));
    }
  }

  async #probe(signal: AbortSignal): Promise<void> {
    const [question, wanted] = QUESTIONS[this.probes.length % QUESTIONS.length]!;
    const probe: Probe = { question, wanted, nodes: [], right: false };
    this.probes.push(probe);
    try {
      const { text, nodes } = await this.#ask(question, signal);
      Object.assign(probe, { answer: text, nodes, right: text.includes(wanted) });
    } catch (error) {
      if (!signal.aborted) probe.failure = error instanceof Error ? error.message : String(error);
    }
  }

  async close(): Promise<void> {
    await this.#close();
  }
}
