import type { Contract } from "ethers";
import { cidOf, type Digest } from "../../offchain/content/contentId.ts";
import { membersIn, ROUND_ENDINGS, ROUND_KINDS, ROUND_PHASES } from "../../offchain/protocol/roundEvents.ts";
import { account, ACCOUNTS } from "./accounts.ts";
import type { RoundsNetwork } from "./roundsNetwork.ts";
import { contractOf } from "./setUp.ts";

/** A round as people read it. */
export interface RoundLine {
  round: number;
  kind: string;
  phase: string;
  ending?: string;
  creator?: number;
  preparer?: number;
  answerers: number[];
  validators: number[];
  question?: string;
  answers: { node: number; agreed: boolean; score: number | null; text?: string }[];
}

/** What a node earned in an epoch, COR base units, by line; weights in 1/10,000 of a point. */
export interface NodeLine {
  node: number;
  level: number;
  weights: { liveness: bigint; health: bigint; service: bigint };
  asked: number;
  done: number;
  uptimeBps: number;
}

/** Follows rounds, levels and rewards by what the chain says; texts come from the nodes. */
export class RoundsBook {
  readonly rounds = new Map<number, RoundLine>();
  readonly #net: RoundsNetwork;
  readonly #pouw: Contract;
  readonly #pool: Contract;
  readonly #rewards: Contract;
  #from = 0;

  constructor(net: RoundsNetwork) {
    this.#net = net;
    this.#pouw = contractOf(net.record, "PoUW", net.provider);
    this.#pool = contractOf(net.record, "NodePool", net.provider);
    this.#rewards = contractOf(net.record, "Rewards", net.provider);
  }

  /** Reads what is new. */
  async follow(): Promise<void> {
    const { provider, record } = this.#net;
    const head = await provider.getBlockNumber();
    if (head < this.#from) return;
    const logs = await provider.getLogs({ address: record.addresses.PoUW, fromBlock: this.#from, toBlock: head });
    this.#from = head + 1;
    for (const log of logs) {
      const event = this.#pouw.interface.parseLog(log);
      if (event !== null) await this.#apply(event.name, event.args.toObject());
    }
    for (const line of this.rounds.values())
      if (line.ending === undefined) line.phase = ROUND_PHASES[Number(await this.#pouw.getFunction("phaseOf").staticCall(line.round))]!;
  }

  async #apply(name: string, args: Record<string, unknown>): Promise<void> {
    const round = Number(args["round"]);
    if (name === "RoundOpened") {
      const kind = ROUND_KINDS[Number(args["kind"])]!;
      this.rounds.set(round, { round, kind, phase: "request", answerers: [], validators: [], answers: [] });
      return;
    }
    const line = this.rounds.get(round);
    if (line === undefined) return;
    const node = Number(args["node"]);
    if (name === "RoleDrawn") {
      const members = membersIn(args["members"] as bigint);
      const role = Number(args["role"]);
      if (role === 0) line.creator = members[0]!;
      else if (role === 1) line.preparer = members[0]!;
      else line[role === 2 ? "answerers" : "validators"] = members;
    } else if (name === "QuestionsPrepared") {
      const text = await this.#text(args["questions"] as string, node);
      if (text !== undefined) line.question = text;
    } else if (name === "AnswerRevealed") {
      const { digest } = args["opening"] as { digest: string };
      const text = await this.#text(digest, node);
      line.answers.push({ node, agreed: false, score: null, ...(text !== undefined && { text }) });
    } else if (name === "RoundClosed") {
      line.ending = ROUND_ENDINGS[Number(args["ending"])]!;
      line.phase = "ended";
      for (const answer of line.answers) {
        const seat = line.answerers.indexOf(answer.node);
        answer.agreed = ((Number(args["agreed"]) >> seat) & 1) === 1;
        if (line.validators.length > 0) answer.score = Number(((args["medians"] as bigint) >> BigInt(4 * seat)) & 0xfn);
      }
    }
  }

  async #text(digest: string, node: number): Promise<string | undefined> {
    try {
      const response = await fetch(`${this.#net.nodeUrls[node - 1]}/content/${cidOf(digest as Digest)}`, {
        signal: AbortSignal.timeout(2_000),
      });
      return response.ok ? await response.text() : undefined;
    } catch {
      return undefined;
    }
  }

  async currentEpoch(): Promise<number> {
    return Number(await this.#rewards.getFunction("currentEpoch").staticCall());
  }

  async nodes(epoch: number): Promise<NodeLine[]> {
    return await Promise.all(
      this.#net.nodeUrls.map(async (_, i) => {
        const node = i + 1;
        type Tally = Record<"liveness" | "health" | "service" | "asked" | "done", bigint>;
        const [{ level }, tally, uptime] = await Promise.all([
          this.#pool.getFunction("nodeOf").staticCall(node) as Promise<{ level: bigint }>,
          this.#rewards.getFunction("tallyOf").staticCall(epoch, node) as Promise<Tally>,
          this.#rewards.getFunction("uptimeOf").staticCall(epoch, node) as Promise<bigint>,
        ]);
        const { liveness, health, service, asked, done } = tally;
        return {
          node,
          level: Number(level),
          weights: { liveness, health, service },
          asked: Number(asked),
          done: Number(done),
          uptimeBps: Number(uptime),
        };
      }),
    );
  }

  /** What each node may claim of an epoch that is over, COR base units by line. */
  async claimable(epoch: number): Promise<{ node: number; liveness: bigint; health: bigint; service: bigint }[]> {
    return await Promise.all(
      this.#net.nodeUrls.map(async (_, i) => {
        const found = (await this.#rewards.getFunction("claimable").staticCall(i + 1, epoch)) as [bigint, bigint, bigint];
        return { node: i + 1, liveness: found[0], health: found[1], service: found[2] };
      }),
    );
  }

  /** Every node's owner claims an epoch that is over; what came to its account, COR base units. */
  async claim(epoch: number): Promise<Map<number, bigint>> {
    const { provider, record, nodeUrls } = this.#net;
    const cor = contractOf(record, "COR", provider);
    const claims = nodeUrls.map(async (_, i): Promise<[node: number, amount: bigint]> => {
      const owner = account(ACCOUNTS.firstOwner + i, provider);
      const balance = async () => (await cor.getFunction("balanceOf").staticCall(owner.address)) as bigint;
      const before = await balance();
      await (
        await contractOf(record, "Rewards", owner)
          .getFunction("claim")
          .send(i + 1, [epoch], owner.address)
      ).wait();
      return [i + 1, (await balance()) - before];
    });
    return new Map(await Promise.all(claims));
  }
}
