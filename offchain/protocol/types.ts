/** The protocol's vocabulary, as the contracts define it (contracts/interfaces). Amounts are COR base units. */

/** Where a task is; numbers as in `ISessionQueue.Phase`. */
export const Phase = { None: 0, Queued: 1, Committing: 2, Revealing: 3, Validating: 4, Appealable: 5, Closed: 6, Settled: 7 } as const;
export type Phase = (typeof Phase)[keyof typeof Phase];

/** How a task ended; numbers as in `ISessionQueue.Status`. */
export const Status = { None: 0, Open: 1, Accepted: 2, Inconclusive: 3, Failed: 4, Cancelled: 5 } as const;
export type Status = (typeof Status)[keyof typeof Status];

/** How answers are compared; numbers as in `ISessionQueue.Comparison`. */
export const Comparison = { Exact: 0, Semantic: 1 } as const;
export type Comparison = (typeof Comparison)[keyof typeof Comparison];

/** Finish reasons in the last byte of an answer. */
export const FINISH = { stop: 0, length: 1 } as const;

/** Where a verdict of validators is; numbers as in `IValidation.Stage`. */
export const Stage = { None: 0, Waiting: 1, Committing: 2, Revealing: 3, Appealable: 4, Final: 5 } as const;
export type Stage = (typeof Stage)[keyof typeof Stage];

/** The terms of a task, fixed at its birth: `ISessionQueue.TaskTerms` with its packed rules taken apart. Windows in seconds, price per 1,000 tokens. */
export interface TaskTerms {
  model: string;
  manifest: string;
  /** Three bytes big-endian per prompt, as 0x hex. */
  promptTokens: string;
  maxTokens: number;
  price: bigint;
  bounty: bigint;
  router: string;
  protocolFeeBps: number;
  routerFeeBps: number;
  redundancy: number;
  quorum: number;
  comparison: Comparison;
  threshold: number;
  commitWindow: number;
  revealWindow: number;
  leased: boolean;
  /** Kind of work, 0 to 5; see `ISession.Service`. */
  service: number;
  /** Whether the lease has a member more than the task has seats. */
  standby: boolean;
  /** Whether the session asks for more than agreement. */
  assured: boolean;
  /** Class of nodes: 0 low, 1 medium, 2 high. */
  level: number;
  /** Whether lower classes may fill up. */
  widen: boolean;
  /** Validators, appeal, second attempt, in one word (see assurance.ts); 0 where nothing beyond agreement is asked. */
  assurance: bigint;
}

/** State of a task's ring slot; numbers as in `ISessionQueue.State`. */
export const State = { Empty: 0, Unseeded: 1, Seeded: 2, Ended: 3 } as const;
export type State = (typeof State)[keyof typeof State];

/**
 * The facts of a task. While `state` is Unseeded, `seed` is the number of the deciding block. `status` is Open while it runs. `lease` is 0
 * while nodes are still to be drawn. Windows in seconds.
 */
export interface Facts {
  seed: bigint;
  lease: number;
  commitsCloseAt: number;
  revealWindow: number;
  commitWindow: number;
  committed: number;
  revealed: number;
  redundancy: number;
  quorum: number;
  generation: number;
  state: State;
  /** 0, or 1 where the first ended without a majority. */
  attempt: number;
  /** Whether a member of the lease stands by for a silent seat. */
  standby: boolean;
  /** Whether it has taken one. */
  stoodIn: boolean;
  /** Whether validators are or may be asked. */
  judged: boolean;
  status: Status;
}

/** One prompt's answer as it goes on chain. */
export interface Answer {
  /** sha256 of the result bytes, 0x hex. */
  digest: string;
  /** 256-bit sketch, 0x hex. */
  sketch: string;
  /** Output tokens, 0 to 2^24 - 1. */
  tokens: number;
  /** See `FINISH`. */
  finish: number;
}

/** A committed seat, opened or not; see `ISessionQueue.Opening`. */
export interface Opening {
  seat: number;
  node: number;
  opened: boolean;
  /** Salt when opened, else the bare commitment. */
  secret: string;
  claim: string;
  changes: string;
}

/** All that reveals or settles a task; see `ISessionQueue.Handover`. */
export interface Handover {
  task: bigint;
  terms: TaskTerms;
  base: string;
  openings: Opening[];
}

/** A commitment as it was recorded, in commit order. */
export interface CommittedSeat {
  seat: number;
  node: number;
  commitment: string;
}
