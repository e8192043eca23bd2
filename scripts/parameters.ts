import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { parseEther, ZeroAddress } from "ethers";
import type { RoundWindows } from "../offchain/protocol/roundPhases.ts";

/** Governed parameters per network, as data. Amounts are COR base units, times seconds. */
export interface NetworkParameters {
  /** `bountyBps` in 1/10,000 of what fraud costs; `dailyCap` bounds what it may take from all nodes on a day. */
  pool: {
    minStake: bigint;
    unopenedPenalty: bigint;
    thaw: number;
    open: boolean;
    slashing: boolean;
    fraudPenalty: bigint;
    assignmentLock: bigint;
    jail: number;
    bountyBps: number;
    dailyCap: bigint;
    /** Whether sessions draw only nodes that live and have passed in a round since they last worked. */
    proving: boolean;
  };
  network: NetworkWork;
  /** `bounty` in millionths of a COR. */
  session: { protocolFeeBps: number; routerFeeBps: number; bounty: number; leaseRate: bigint; validatorPrice: bigint };
  /** Blocks between a request and the block whose hash decides it. */
  seedDelay: number;
  /** Shortest commit or reveal window, seconds: many blocks of the chain. */
  minWindow: number;
  models: ModelParameters[];
  /** Bond of a published node image, and the time from its retirement to the bond's return. */
  images: { bond: bigint; delay: number };
  /** When the staking emission begins, seconds; 0: when it is deployed. */
  staking: { startsAt: number };
  /** What a staker may use in a day, millionths of its weight. */
  allowanceRate: number;
  /** The Uniswap v2 router and the token that COR is bought back for; zero addresses where there is none yet. */
  treasury: { router: string; quote: string; slippageBps: number };
  governance: {
    /** Time from queue to execution. */
    timelockDelay: number;
    votes: {
      votingDelay: number;
      votingPeriod: number;
      lateQuorum: number;
      /** Share of all COR, 1/100. */
      quorumPercent: number;
      proposalThreshold: bigint;
    };
    /** Whether the account that deploys stays administrator beside the timelock: for chains that end with their process. */
    deployerStays: boolean;
  };
  /** Who may pause new work; default: the account that deploys. */
  guardian?: string;
}

/** Rounds of network work, rewards for it, oracles. */
export interface NetworkWork {
  /** Length of a window of signed pings, seconds. */
  livenessWindow: number;
  /** Length of an epoch of rewards, seconds: 1 to 96 whole windows of pings. */
  epoch: number;
  /** Time in which an act that is due is the leading oracle's alone, seconds. */
  oracleGrace: number;
  /** Addresses in their order; none: anyone may act at once. */
  oracles: string[];
  /** `interval` between openings in seconds; `most` running at a time, up to 16. */
  rounds: { interval: number; most: number; bounty: bigint };
  liveness: RoundKind;
  capability: RoundKind;
  /** `perPrompt` stays below the protocol fee on the cheapest prompt: one token at the lowest price. */
  rewards: {
    budget: bigint;
    perPrompt: bigint;
    livenessBps: number;
    healthBps: number;
    serviceBps: number;
    betaBps: number;
    commitGateBps: number;
    totalGateBps: number;
  };
}

/** The rules of a kind of round (see `IPoUW.Rules`), and its template's content digest. */
export interface RoundKind {
  rules: RoundRules;
  template: string;
}

export interface RoundRules extends RoundWindows {
  answerers: number;
  bar: number;
  passesUp: number;
  missesDown: number;
  maxTokens: number;
  /** Output tokens per 1,000 seconds and level. */
  speed: number;
}

/** One model to register; `id` is the sha256 of its file. */
export interface ModelParameters {
  id: string;
  name: string;
  quantisation: string;
  price: bigint;
  contextTokens: number;
  /** Largest Hamming distance that agrees: 256 * acos(cosine cut) / pi of the embedder's calibrated cut. */
  agreement: number;
  embedding: string;
}

/**
 * Cosine 0.85 of the embeddings. The shipped embedder's best cut between paraphrases and wrong answers is 0.62, but in its toy world two
 * different numbers or facts in the same sentence ("42" for "43", Rome for Paris) lie closer than that.
 */
const AGREEMENT = Math.floor((256 * Math.acos(0.85)) / Math.PI);

interface RegistryEntry {
  id: string;
  sha256: string;
  quantisation: string;
  contextTokens: number;
  kind: "generation" | "embedding";
}

function shippedModels(): ModelParameters[] {
  const { models } = JSON.parse(readFileSync(new URL("../models/registry.json", import.meta.url), "utf8")) as { models: RegistryEntry[] };
  const embedder = models.find(({ kind }) => kind === "embedding");
  if (embedder === undefined) throw new Error("models/registry.json names no embedding model");
  return models
    .filter(({ kind }) => kind === "generation")
    .map(({ id, sha256, quantisation, contextTokens }) => ({
      id: `0x${sha256}`,
      name: id,
      quantisation,
      price: parseEther("1"),
      contextTokens,
      agreement: AGREEMENT,
      embedding: `0x${embedder.sha256}`,
    }));
}

/** Content digest of a shipped template, as it is stored on chain. */
export function templateDigest(name: "liveness" | "capability" | "toy-liveness" | "toy-capability"): string {
  const bytes = readFileSync(new URL(`../offchain/content/templates/${name}.json`, import.meta.url));
  return `0x${createHash("sha256").update(bytes).digest("hex")}`;
}

const ROUND_RULES: RoundRules = {
  answerers: 3,
  quorum: 2,
  validators: 0,
  bar: 4,
  passesUp: 3,
  missesDown: 3,
  drawWindow: 60,
  claimWindow: 5,
  createWindow: 60,
  prepareWindow: 120,
  commitWindow: 60,
  revealWindow: 60,
  scoreWindow: 120,
  maxTokens: 64,
  speed: 0,
};

/** Network work of the local chain: short windows, and anyone may act, since no oracle runs there by itself. */
export function localNetworkWork(): NetworkWork {
  return {
    livenessWindow: 60,
    epoch: 600,
    oracleGrace: 15,
    oracles: [],
    rounds: { interval: 10, most: 4, bounty: parseEther("0.001") },
    liveness: { rules: ROUND_RULES, template: templateDigest("liveness") },
    capability: {
      rules: { ...ROUND_RULES, validators: 2, commitWindow: 180, maxTokens: 256, speed: 250 },
      template: templateDigest("capability"),
    },
    rewards: {
      budget: parseEther("100"),
      // Half of the protocol fee on one token of the cheapest shipped model: 1 COR per 1,000 tokens, of which a twentieth.
      perPrompt: parseEther("0.000025"),
      livenessBps: 3_000,
      healthBps: 4_000,
      serviceBps: 3_000,
      betaBps: 1_000,
      commitGateBps: 6_000,
      totalGateBps: 5_000,
    },
  };
}

/** Parameters of the local chain: short delays, open admission. */
export function localParameters(): NetworkParameters {
  return {
    pool: {
      minStake: parseEther("1000"),
      unopenedPenalty: parseEther("10"),
      thaw: 7 * 86_400,
      open: true,
      slashing: true,
      fraudPenalty: parseEther("200"),
      assignmentLock: parseEther("100"),
      jail: 86_400,
      bountyBps: 3_000,
      dailyCap: parseEther("10000"),
      proving: false,
    },
    network: localNetworkWork(),
    seedDelay: 1,
    minWindow: 2,
    session: {
      protocolFeeBps: 500,
      routerFeeBps: 500,
      bounty: 1_000,
      leaseRate: parseEther("0.00001"),
      validatorPrice: parseEther("0.01"),
    },
    models: shippedModels(),
    images: { bond: parseEther("1000"), delay: 7 * 86_400 },
    staking: { startsAt: 0 },
    allowanceRate: 100,
    treasury: { router: ZeroAddress, quote: ZeroAddress, slippageBps: 300 },
    governance: {
      timelockDelay: 3_600,
      votes: { votingDelay: 60, votingPeriod: 3_600, lateQuorum: 600, quorumPercent: 4, proposalThreshold: parseEther("100000") },
      deployerStays: true,
    },
  };
}

/** A chain that this project can be deployed to: what is data about it, in one place. */
export interface NetworkProfile {
  /** The network's name in hardhat.config.ts and of its record. */
  name: string;
  chainId: number;
  /** Seconds between blocks, as the chain aims at. */
  blockSeconds: number;
  /** Confirmations that a deployment waits for after each transaction. */
  confirmations: number;
  /**
   * Where draws get their seeds: hashes of blocks, or commitments of the oracle committee where block hashes are no source of surprise
   * (on Arbitrum a contract sees approximations of the parent chain's blocks).
   */
  randomness: "block" | "committee";
  /** Most that a transaction may offer per unit of gas, in gwei. */
  maxFeeGwei: number;
  parameters: NetworkParameters;
}

/**
 * A public test network: permissioned until governance opens it, windows of at least fifty blocks, and ten minutes at least so that
 * nobody is locked out by a few full blocks.
 */
function testnetParameters(blockSeconds: number): NetworkParameters {
  const local = localParameters();
  const minWindow = Math.max(600, 50 * blockSeconds);
  const network = { ...local.network, livenessWindow: 1_800, epoch: 86_400, rounds: { ...local.network.rounds, interval: 60 } };
  const votes = { ...local.governance.votes, votingDelay: 3_600, votingPeriod: 3 * 86_400, lateQuorum: 86_400 };
  const governance = { timelockDelay: 2 * 86_400, votes, deployerStays: false };
  return { ...local, pool: { ...local.pool, open: false }, network, seedDelay: 3, minWindow, governance };
}

const profile = (name: string, chainId: number, blockSeconds: number, confirmations: number, maxFeeGwei: number): NetworkProfile => ({
  name,
  chainId,
  blockSeconds,
  confirmations,
  randomness: "block",
  maxFeeGwei,
  parameters: testnetParameters(blockSeconds),
});

/** Every chain that has parameters. Keys and RPC addresses are configuration variables, see hardhat.config.ts. */
export const NETWORKS: readonly NetworkProfile[] = [
  { ...profile("localhost", 31_337, 1, 1, 1_000), parameters: localParameters() },
  profile("sepolia", 11_155_111, 12, 3, 200),
  profile("baseSepolia", 84_532, 2, 5, 20),
  { ...profile("arbitrumSepolia", 421_614, 1, 5, 20), randomness: "committee" },
  // A chain of one's own on top of another: an OP stack chain with blocks of a second. Its id is a choice; this one is registered to nobody.
  profile("l3", 920_337, 1, 1, 5),
];
