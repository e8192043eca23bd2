import { Contract, type Result } from "ethers";
import { decidingBlock, membersOf, taskSeed } from "../protocol/draw.ts";
import { factsFrom } from "../protocol/events.ts";
import { BOUNTY_UNIT, type Rules, unpackRules } from "../protocol/terms.ts";
import { type Facts, type Stage, State } from "../protocol/types.ts";
import { interfaces, type ModuleName } from "./abis.ts";
import type { Deployment } from "./deployment.ts";
import type { Endpoint } from "./endpoint.ts";
import type { Head } from "./cursor.ts";
import { ChainError, revertIn } from "./errors.ts";

/** A lease as stored; `until` in seconds, nodes in draw order. */
export interface LeaseView {
  nodes: number[];
  until: number;
}

/** A node as stored; stakes in COR base units. */
export interface NodeView {
  operator: string;
  owner: string;
  lease: number;
  admitted: boolean;
  available: boolean;
  exitAt: number;
  /** 0 when free. */
  jailedUntil: number;
  /** 0 to 10. */
  level: number;
  /** Bitmap: 1 miner, 2 validator. */
  roles: number;
  /** What a commitment that is not opened costs. */
  unopenedPenalty: bigint;
  stake: bigint;
  minStake: bigint;
  model: string;
}

/** A registered model. */
export interface ModelView {
  price: bigint;
  contextTokens: number;
  agreement: number;
  deprecatedAt: number;
  embedding: string;
  quantisation: string;
  name: string;
}

/** A session as stored; `leaseUntil` and `reserveBy` in seconds, `rules` as every task copies them. */
export interface SessionView {
  owner: string;
  tasks: number;
  lease: number;
  closed: boolean;
  /** Tasks that may still be born under the lease; 2^24 - 1 where they are not counted. */
  leaseTasks: number;
  router: string;
  leaseUntil: number;
  queueWindow: number;
  maxPrompts: number;
  maxPromptTokens: number;
  rules: Rules;
  model: string;
  /** Packed; see offchain/protocol/assurance.ts. */
  assurance: bigint;
  leaseNodes: number;
  mode: number;
  reservedTasks: number;
  seedBlock: number;
  reservedSeconds: number;
  reserveBy: number;
  reservedLock: bigint;
}

/** A session's money, COR base units. */
export interface BalanceView {
  available: bigint;
  locked: bigint;
}

export type Views = ReturnType<typeof createViews>;

/** Typed reads of the contracts. Every view takes the number of the block to read at; without it, the latest. Reverts throw as ethers throws them. */
export function createViews(endpoint: Endpoint, { addresses }: Pick<Deployment, "addresses">) {
  const { provider } = endpoint;
  const contracts = new Map<ModuleName, Contract>();
  const call = async (module: ModuleName, view: string, args: unknown[], block?: number): Promise<unknown> => {
    const contract = contracts.get(module) ?? new Contract(addresses[module], interfaces[module], provider);
    contracts.set(module, contract);
    return (await contract.getFunction(view).staticCall(...args, block === undefined ? {} : { blockTag: block })) as unknown;
  };
  const struct = async <T>(module: ModuleName, view: string, args: unknown[], block?: number) =>
    plain((await call(module, view, args, block)) as Result) as T;

  let window: number | undefined;
  /** Blocks for which this chain keeps hashes: fixed at the deployment. */
  const seedWindow = async (): Promise<number> => (window ??= Number(await call("BlockRandomness", "WINDOW", [])));

  const lease = async (id: number, block?: number): Promise<LeaseView> => {
    const [members, size, until] = (await call("NodePool", "leaseOf", [id], block)) as [bigint, bigint, bigint];
    return { nodes: membersOf(members, Number(size)), until: Number(until) };
  };

  return {
    /** The facts and status of a task. */
    facts: async (task: bigint, block?: number): Promise<Facts> => {
      const [facts, status] = (await call("SessionQueue", "factsOf", [task], block)) as [Result, bigint];
      return factsFrom(facts, status);
    },
    /** While it runs, the running hash of terms and commitments; once it has ended, status and evidence. */
    record: async (task: bigint, block?: number) => (await call("SessionQueue", "recordOf", [task], block)) as string,
    /** Node and operator of every seat; reverts until the seed block is mined. */
    committee: async (task: bigint, block?: number) => {
      const [nodes, operators] = (await call("SessionQueue", "committeeOf", [task], block)) as [bigint[], string[]];
      return nodes.map((node, seat) => ({ seat, node: Number(node), operator: operators[seat]! }));
    },
    /**
     * The 96 bits that seat a task in the block after `head`, computed here, one block before the contract can answer; undefined until the
     * deciding block is mined.
     */
    seed: async (task: bigint, facts: Facts, head: Pick<Head, "number" | "hash">): Promise<bigint | undefined> => {
      if (facts.state !== State.Unseeded) return facts.seed;
      if (BigInt(head.number) < facts.seed) return undefined;
      const number = decidingBlock(Number(facts.seed), head.number + 1, await seedWindow());
      // As a rule the block that has just come, so that nobody waits for the server once more.
      const hash = number === head.number ? head.hash : (await provider.getBlock(number))?.hash;
      if (hash == null) throw new ChainError("BlockMissing", "found no deciding block at the server, wanted its hash; read again", true);
      return taskSeed(hash, task);
    },
    lease,
    session: async (session: number, block?: number): Promise<SessionView> => {
      const found = await struct<Omit<SessionView, "rules"> & { rules: bigint }>("Session", "sessionOf", [session], block);
      return { ...found, rules: unpackRules(found.rules) };
    },
    /** Where the verdict on a task is. */
    verdictStage: async (task: bigint, block?: number) => Number(await call("Validation", "stageOf", [task], block)) as Stage,
    /** Who would sit in the panel if it were drawn now; undefined where nobody is drawn now. For panels that no event has named yet. */
    panelToBe: async (task: bigint, block?: number): Promise<number[] | undefined> => {
      const drawn = await call("Validation", "draw", [task], block).catch((error: unknown) => {
        if (revertIn(error, "draw") !== undefined) return undefined;
        throw error;
      });
      if (drawn === undefined) return undefined;
      const [members, size] = drawn as [bigint, bigint];
      return membersOf(members, Number(size));
    },
    /** Thresholds of genuineness for tasks of a model that were born in a block; undefined where none were set by then. `mostDelta` in nats. */
    genuineness: async (model: string, bornIn: number): Promise<{ leastMatch: number; mostDelta: number } | undefined> => {
      const born = await provider.getBlock(bornIn);
      if (born === null) throw new ChainError("HeadMoved", `found no block ${bornIn}, wanted the one that a task was born in`, true);
      type Found = { leastMatch: number; mostDelta: number };
      const { leastMatch, mostDelta } = await struct<Found>("ModelRegistry", "genuinenessOf", [model, born.timestamp]);
      return mostDelta === 0 ? undefined : { leastMatch: leastMatch / 10_000, mostDelta: mostDelta / 1e6 };
    },
    /** The sum of evidence that a miner cheats, hundredths of a nat. */
    evidence: async (node: number, block?: number) => Number(await call("Validation", "evidenceOf", [node], block)),
    isRouter: async (session: number, router: string, block?: number) =>
      (await call("Session", "isRouter", [session, router], block)) as boolean,
    /** Fees in 1/10,000; bounty and the price of a node-second in COR base units. */
    sessionParameters: async (block?: number) => {
      type Found = { protocolFeeBps: number; routerFeeBps: number; bounty: bigint; leaseRate: bigint; validatorPrice: bigint };
      const found = await struct<Found>("Session", "parameters", [], block);
      return { ...found, bounty: found.bounty * BOUNTY_UNIT };
    },
    poolParameters: async (block?: number) =>
      await struct<{ minStake: bigint; unopenedPenalty: bigint; thaw: number; open: boolean }>("NodePool", "parameters", [], block),
    node: async (node: number, block?: number) => await struct<NodeView>("NodePool", "nodeOf", [node], block),
    /** The node an address operates; 0 if none. */
    nodeOfOperator: async (operator: string, block?: number) => Number(await call("NodePool", "nodeOfOperator", [operator], block)),
    nodeCount: async (block?: number) => Number(await call("NodePool", "nodeCount", [], block)),
    eligibleCount: async (model: string, block?: number) => Number(await call("NodePool", "eligibleCount", [model], block)),
    /** The model as registered; undefined where unknown. */
    model: async (model: string, block?: number): Promise<ModelView | undefined> => {
      const current = (await call("ModelRegistry", "isCurrent", [model], block)) as boolean;
      if (!current && !((await call("ModelRegistry", "models", [0, 1_000], block)) as string[]).includes(model)) return undefined;
      return await struct<ModelView>("ModelRegistry", "modelOf", [model], block);
    },
    sessionBalance: async (session: number, block?: number) => await struct<BalanceView>("SessionPayment", "balanceOf", [session], block),
    owedToNode: async (node: number, block?: number) => (await call("SessionPayment", "owedToNode", [node], block)) as bigint,
    owedTo: async (account: string, block?: number) => (await call("SessionPayment", "owedTo", [account], block)) as bigint,
    corBalance: async (account: string, block?: number) => (await call("COR", "balanceOf", [account], block)) as bigint,
    /** Any view of the token that answers one value. */
    token: async (view: string, args: unknown[], block?: number) => await call("COR", view, args, block),
    /** Gas money, wei. */
    balance: async (account: string) => await provider.getBalance(account),
  };
}

/** Amounts and packed words stay bigint; they are told by name, because small amounts look like numbers. */
const WIDE = new Set([
  "price",
  "bounty",
  "leaseRate",
  "validatorPrice",
  "assurance",
  "minStake",
  "unopenedPenalty",
  "stake",
  "reservedLock",
  "available",
  "locked",
  "rules",
]);

function plain(found: Result): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(found.toObject()).map(([name, value]: [string, unknown]) => {
      if (typeof value === "bigint") return [name, WIDE.has(name) ? value : Number(value)];
      return [name, value !== null && typeof value === "object" && "toObject" in value ? plain(value as Result) : value];
    }),
  );
}
