import { Contract, type Result } from "ethers";
import { membersIn, ROUND_AWAITS, ROUND_KINDS, ROUND_PHASES } from "../protocol/roundEvents.ts";
import { panelQuorumOf } from "../protocol/roundPhases.ts";
import type { RoundFacts, RoundOpening, RoundTerms } from "../protocol/roundWork.ts";
import { interfaces, type ModuleName } from "./abis.ts";
import { mayLog } from "./blockHeader.ts";
import type { Head } from "./cursor.ts";
import type { Deployment } from "./deployment.ts";
import type { Endpoint } from "./endpoint.ts";
import { revertIn } from "./errors.ts";

/** A round that runs, as the chain tells it. Nodes by seat; 0: nobody. Times in seconds. */
export interface RoundView extends RoundFacts, RoundTerms {
  round: number;
  kind: (typeof ROUND_KINDS)[number];
  phase: (typeof ROUND_PHASES)[number];
  topics: string;
  createdBy: number;
  preparedBy: number;
  answerers: number[];
  validators: number[];
  startedAt: number;
  commitWindow: number;
}

/** Who keeps time. */
export interface CommitteeView {
  oracles: string[];
  /** Zero address where there is nobody. */
  leader: string;
  /** Who acted as leader in the running slot; zero address: nobody yet. */
  actor: string;
  slot: number;
}

export type RoundViews = ReturnType<typeof createRoundViews>;

/** Typed reads of rounds, oracles and pings. Every view reads at a block's number. */
export function createRoundViews(endpoint: Endpoint, { addresses, blockNumber: firstBlock }: Deployment) {
  const { provider } = endpoint;
  const contracts = new Map<ModuleName, Contract>();
  const contract = (module: ModuleName): Contract => {
    const known = contracts.get(module) ?? new Contract(addresses[module], interfaces[module], provider);
    contracts.set(module, known);
    return known;
  };
  const call = async (module: ModuleName, view: string, args: unknown[], block?: number): Promise<unknown> =>
    (await contract(module)
      .getFunction(view)
      .staticCall(...args, block === undefined ? {} : { blockTag: block })) as unknown;

  let window: number | undefined;
  let epoch: number | undefined;
  let slot: number | undefined;
  let grace: number | undefined;
  return {
    /** Whether it is proven that a block changed no round. */
    unchangedIn: ({ logsBloom }: Head): boolean => logsBloom !== undefined && !mayLog(logsBloom, addresses.PoUW),
    /** Number of the last round, and how many run. */
    count: async (block: number): Promise<{ last: number; running: number }> => {
      const [last, running] = (await call("PoUW", "roundCount", [], block)) as [bigint, bigint];
      return { last: Number(last), running: Number(running) };
    },
    round: async (round: number, block: number): Promise<RoundView> =>
      roundView(((await call("PoUW", "roundOf", [round], block)) as Result).toObject() as unknown as Found),
    nextOpenAt: async (block: number) => Number(await call("PoUW", "nextOpenAt", [], block)),
    mostRunning: async (block: number) => Number(((await call("PoUW", "parameters", [], block)) as { most: bigint }).most),
    /** The openings of a round that have been revealed, by seat. */
    openings: async ({ round, startedAt }: RoundView, head: { number: number; timestamp: number }): Promise<RoundOpening[]> => {
      // Blocks of a quarter of a second at the least.
      const fromBlock = Math.max(firstBlock, head.number - 4 * Math.max(0, head.timestamp - startedAt) - 8);
      const topics = interfaces.PoUW.encodeFilterTopics("AnswerRevealed", [round]) as string[];
      const logs = await provider.getLogs({ address: addresses.PoUW, topics, fromBlock, toBlock: head.number });
      return logs.map((log) => {
        const { opening } = interfaces.PoUW.parseLog(log)!.args.toObject() as { opening: Result };
        const { seat, digest, sketch, tokens, finish, claim, salt } = opening.toObject() as Record<
          "digest" | "sketch" | "claim" | "salt",
          string
        > &
          Record<"seat" | "tokens" | "finish", bigint>;
        return { seat: Number(seat), digest, sketch, tokens: Number(tokens), finish: Number(finish), claim, salt };
      });
    },
    oracles: async (block: number) => [...((await call("OracleCommittee", "oracles", [], block)) as string[])],
    /** The committee in the slot of a head; `oracles` as `oracles` told. */
    committee: async (oracles: string[], block: { number: number; timestamp: number }): Promise<CommitteeView> => {
      slot ??= Number(await call("OracleCommittee", "SLOT", []));
      const running = Math.floor(block.timestamp / slot);
      const [leader, actor] = (await Promise.all([
        call("OracleCommittee", "leader", [], block.number),
        call("OracleCommittee", "actorOf", [running], block.number),
      ])) as [string, string];
      return { oracles, leader, actor, slot: running };
    },
    /** Seconds in which what is due is the leader's alone. */
    grace: async () => (grace ??= Number(await call("OracleCommittee", "GRACE", []))),
    /** Length of a slot, seconds; known once the committee was read. */
    slotSeconds: () => slot ?? 60,
    /** Whether the leader may be passed over now. */
    mayRotate: async (block: number): Promise<boolean> =>
      await call("OracleCommittee", "rotate", [], block).then(
        () => true,
        (error: unknown) => {
          if (revertIn(error, "rotate") !== undefined) return false;
          throw error;
        },
      ),
    /** Length of an epoch of rewards, seconds. */
    epochSeconds: async () => (epoch ??= Number(await call("Rewards", "EPOCH", []))),
    /** Of these nodes, those from whom more prompts were accepted than Rewards counted, or whom it never looked at. */
    uncounted: async (nodes: number[], block: number): Promise<number[]> => {
      const behind = await Promise.all(
        nodes.map(async (node) => {
          const [record, counted] = await Promise.all([
            call("Reputation", "recordOf", [node], block) as Promise<{ accepted: bigint }>,
            call("Rewards", "countedOf", [node], block) as Promise<[prompts: bigint, known: boolean]>,
          ]);
          return !counted[1] || counted[0] !== record.accepted;
        }),
      );
      return nodes.filter((_, i) => behind[i]);
    },
    /** Length of a window of pings, seconds. */
    pingWindow: async () => (window ??= Number(await call("Liveness", "WINDOW", []))),
    pinged: async (pingWindow: number, node: number, block: number) =>
      (await call("Liveness", "pinged", [pingWindow, node], block)) as boolean,
  };
}

interface Found extends Record<
  "round" | "kind" | "phase" | "awaits" | "createdBy" | "preparedBy" | "deadline" | "seedBlock" | "startedAt",
  bigint
> {
  model: string;
  template: string;
  topics: string;
  questions: string;
  answerers: bigint;
  validators: bigint;
  committed: bigint;
  revealed: bigint;
  scored: bigint;
  opened: bigint;
  rules: Record<"quorum" | "validators" | "commitWindow" | "revealWindow" | "scoreWindow" | "maxTokens", bigint>;
}

function roundView(found: Found): RoundView {
  const { rules, model, template, topics, questions } = found;
  const number = (name: Exclude<keyof Found, "model" | "template" | "topics" | "questions" | "rules">) => Number(found[name]);
  return {
    model,
    template,
    topics,
    questions,
    round: number("round"),
    kind: ROUND_KINDS[number("kind")]!,
    phase: ROUND_PHASES[number("phase")]!,
    awaits: ROUND_AWAITS[number("awaits")]!,
    createdBy: number("createdBy"),
    preparedBy: number("preparedBy"),
    answerers: membersIn(found.answerers),
    validators: membersIn(found.validators),
    committed: number("committed"),
    revealed: number("revealed"),
    scored: number("scored"),
    opened: number("opened"),
    deadline: number("deadline"),
    seedBlock: number("seedBlock"),
    startedAt: number("startedAt"),
    quorum: Number(rules.quorum),
    panelQuorum: panelQuorumOf(Number(rules.validators)),
    commitWindow: Number(rules.commitWindow),
    revealWindow: Number(rules.revealWindow),
    scoreWindow: Number(rules.scoreWindow),
    maxTokens: Number(rules.maxTokens),
  };
}
