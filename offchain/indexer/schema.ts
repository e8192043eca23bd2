/**
 * The tables of the index. Everything in them is a function of the chain's events and of the times of their blocks: no clock, no
 * counter of this machine. Amounts are COR base units as decimal text, times are seconds, bitmaps are numbers.
 */
interface TableShape {
  key: readonly string[];
  columns: Readonly<Record<string, "TEXT" | "INTEGER" | "TEXT?" | "INTEGER?">>;
  indexes?: readonly string[];
}

export const TABLES = {
  /** Every event that was taken. `detail` holds the arguments, but of tasks' events: those are in their own tables. */
  events: {
    key: ["block", "log_index"],
    columns: {
      block: "INTEGER",
      log_index: "INTEGER",
      time: "INTEGER",
      transaction_hash: "TEXT",
      module: "TEXT",
      name: "TEXT",
      task: "TEXT?",
      session: "INTEGER?",
      node: "INTEGER?",
      detail: "TEXT?",
    },
    // Partial: most events are tasks', and those are only ever asked for by their task.
    indexes: [
      "(task) WHERE task IS NOT NULL",
      "(session) WHERE task IS NULL AND session IS NOT NULL",
      "(node) WHERE task IS NULL AND node IS NOT NULL",
      "(name, block, log_index) WHERE task IS NULL",
      "(json_extract(detail, '$.round')) WHERE module = 'PoUW'",
    ],
  },
  tasks: {
    key: ["id"],
    columns: {
      id: "TEXT",
      session: "INTEGER",
      place: "INTEGER",
      client_reference: "TEXT",
      model: "TEXT",
      manifest: "TEXT",
      router: "TEXT",
      rules: "TEXT",
      assurance: "TEXT",
      prompt_tokens: "TEXT",
      prompts: "INTEGER",
      redundancy: "INTEGER",
      quorum: "INTEGER",
      lease: "INTEGER",
      seed_block: "INTEGER",
      seed: "TEXT?",
      deadline: "INTEGER",
      attempt: "INTEGER",
      locked: "TEXT",
      queued_block: "INTEGER",
      queued_at: "INTEGER",
      queued_in: "TEXT",
      committed_at: "INTEGER?",
      settled_block: "INTEGER?",
      settled_at: "INTEGER?",
      settled_in: "TEXT?",
      status: "INTEGER",
      charged: "TEXT",
      opened: "INTEGER",
      rejected: "INTEGER",
      agreed: "INTEGER",
      outcomes: "TEXT?",
      base: "TEXT?",
    },
    indexes: ["(queued_block, session, place)", "(session, queued_block, place)", "(status, queued_block, session, place)"],
  },
  /** Who sat where: a row per commitment, and one for each silent seat once the task has ended. `score` is the node's after it. */
  seats: {
    key: ["task", "attempt", "seat", "node"],
    columns: {
      task: "TEXT",
      attempt: "INTEGER",
      seat: "INTEGER",
      node: "INTEGER",
      commitment: "TEXT?",
      committed_at: "INTEGER?",
      committed_in: "TEXT?",
      place: "INTEGER",
      opened_in: "TEXT?",
      claim: "TEXT?",
      changes: "TEXT",
      conduct: "TEXT?",
      accepted: "INTEGER",
      outliers: "INTEGER",
      tokens: "INTEGER",
      net: "TEXT",
      score: "INTEGER?",
      ended_at: "INTEGER?",
    },
    indexes: ["(node, ended_at)"],
  },
  verdicts: {
    key: ["task", "round", "seat"],
    columns: {
      task: "TEXT",
      round: "INTEGER",
      seat: "INTEGER",
      validator: "INTEGER",
      commitment: "TEXT?",
      committed_in: "TEXT?",
      verdict: "TEXT?",
      evidence: "TEXT?",
      revealed_in: "TEXT?",
    },
    indexes: ["(validator)"],
  },
  sessions: {
    key: ["id"],
    columns: {
      id: "INTEGER",
      owner: "TEXT",
      model: "TEXT",
      terms: "TEXT",
      closed: "INTEGER",
      opened_at: "INTEGER",
      opened_in: "TEXT",
      lease: "INTEGER",
      lease_until: "INTEGER",
      reserved: "TEXT",
      available: "TEXT",
      locked: "TEXT",
      deposited: "TEXT",
      spent_tasks: "TEXT",
      spent_leases: "TEXT",
      refunded: "TEXT",
      tasks: "INTEGER",
      accepted: "INTEGER",
    },
    indexes: ["(owner)"],
  },
  routers: {
    key: ["session", "router"],
    columns: { session: "INTEGER", router: "TEXT", allowed: "INTEGER", endpoint: "TEXT" },
  },
  leases: {
    key: ["id"],
    columns: {
      id: "INTEGER",
      session: "INTEGER?",
      model: "TEXT",
      seed: "TEXT",
      members: "TEXT",
      until: "INTEGER",
      collected: "INTEGER",
      drawn_at: "INTEGER",
      drawn_in: "TEXT",
    },
  },
  nodes: {
    key: ["id"],
    columns: {
      id: "INTEGER",
      owner: "TEXT",
      operator: "TEXT",
      model: "TEXT",
      endpoint: "TEXT",
      image: "TEXT",
      admitted: "INTEGER",
      available: "INTEGER",
      roles: "INTEGER",
      level: "INTEGER",
      dedicated_to: "INTEGER",
      lease: "INTEGER",
      exit_at: "INTEGER",
      jailed_until: "INTEGER",
      registered_at: "INTEGER",
      registered_in: "TEXT",
      stake: "TEXT",
      slashed: "TEXT",
      owed: "TEXT",
      withdrawn: "TEXT",
      earned_tasks: "TEXT",
      earned_leases: "TEXT",
      earned_verdicts: "TEXT",
      rewards_liveness: "TEXT",
      rewards_health: "TEXT",
      rewards_service: "TEXT",
      tasks: "INTEGER",
      silent: "INTEGER",
      unopened: "INTEGER",
      accepted: "INTEGER",
      outliers: "INTEGER",
      streak: "INTEGER",
      best_streak: "INTEGER",
      score: "INTEGER",
      updated_at: "INTEGER",
    },
  },
  models: {
    key: ["id"],
    columns: {
      id: "TEXT",
      name: "TEXT",
      quantisation: "TEXT",
      price: "TEXT",
      agreement: "INTEGER",
      embedding: "TEXT",
      deprecated: "INTEGER",
    },
  },
  /** Node images: digests that publishers registered. */
  images: {
    key: ["id"],
    columns: {
      id: "TEXT",
      publisher: "TEXT",
      kind: "INTEGER",
      source: "TEXT",
      retired: "INTEGER",
      published_at: "INTEGER",
      published_in: "TEXT",
    },
  },
  /** What was put to the vote. `vote_start` and `vote_end` as the governor's clock counts. */
  proposals: {
    key: ["id"],
    columns: {
      id: "TEXT",
      proposer: "TEXT",
      description: "TEXT",
      vote_start: "TEXT",
      vote_end: "TEXT",
      against: "TEXT",
      in_favour: "TEXT",
      abstain: "TEXT",
      state: "TEXT",
      proposed_at: "INTEGER",
      proposed_in: "TEXT",
    },
  },
  /** What governance set last, by contract. */
  parameters: {
    key: ["module"],
    columns: { module: "TEXT", value: "TEXT", changed_block: "INTEGER", changed_at: "INTEGER", changed_in: "TEXT" },
  },
  /** What happened in each minute, by the minute's first second. `latency` is the sum over settled tasks. */
  minutes: {
    key: ["minute"],
    columns: {
      minute: "INTEGER",
      queued: "INTEGER",
      settled: "INTEGER",
      accepted: "INTEGER",
      latency: "INTEGER",
      opened: "INTEGER",
      agreed: "INTEGER",
      prompts: "INTEGER",
      charged: "TEXT",
      nodes: "TEXT",
      routers: "TEXT",
      protocol: "TEXT",
      bounties: "TEXT",
      leases: "TEXT",
    },
  },
} as const satisfies Record<string, TableShape>;

export type TableName = keyof typeof TABLES;
export const TABLE_NAMES = Object.keys(TABLES).sort() as TableName[];

type Value<Type> = Type extends "TEXT" ? string : Type extends "INTEGER" ? number : Type extends "TEXT?" ? string | null : number | null;
/** One row of a table. */
export type Row<Name extends TableName> = {
  -readonly [C in keyof (typeof TABLES)[Name]["columns"]]: Value<(typeof TABLES)[Name]["columns"][C]>;
};

/** The statements that make the tables. */
export function schemaSql(): string {
  return TABLE_NAMES.map((name) => {
    const { key, columns, indexes = [] }: TableShape = TABLES[name];
    const typed = Object.entries(columns).map(
      ([column, type]) => `${column} ${type.replace("?", "")}${type.endsWith("?") ? "" : " NOT NULL"}`,
    );
    const table = `CREATE TABLE IF NOT EXISTS ${name} (${typed.join(", ")}, PRIMARY KEY (${key.join(", ")})) STRICT;`;
    const others = indexes.map((on, i) => `CREATE INDEX IF NOT EXISTS ${name}_${i} ON ${name} ${on};`);
    return [table, ...others].join("\n");
  }).join("\n");
}
