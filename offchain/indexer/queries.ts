import Database from "better-sqlite3";
import { decodeOutcomes } from "../protocol/answers.ts";
import { unpackAssurance } from "../protocol/assurance.ts";
import { unpackRules } from "../protocol/terms.ts";
import type { Row } from "./schema.ts";

/** A page of tasks: newest first, before a place in that order. */
export interface TasksAsked {
  limit: number;
  /** "block:session:place" of the last task of the page before. */
  before?: string | undefined;
  session?: number | undefined;
  status?: number | undefined;
}

const BRIEF =
  "id, session, client_reference, model, prompts, redundancy, quorum, attempt, queued_block, queued_at, queued_in, committed_at, settled_at, settled_in, status, charged, agreed, opened, outcomes, place";
const BUCKETS = 60;
const LEAST_SPAN = 900;

/** What readers ask of an index. Opens the file for reading alone; another connection may write meanwhile. */
export class IndexQueries {
  readonly #database: Database.Database;
  readonly #statements = new Map<string, Database.Statement>();

  constructor(file: string) {
    this.#database = new Database(file, { readonly: true });
    this.#database.pragma("cache_size = -32768");
  }

  close(): void {
    this.#database.close();
  }

  /** Sums of everything, and buckets of time that end with `until` (seconds) or with the last event. */
  overview(until: number, span = 3_600) {
    const known = this.#one<{ first: number | null; last: number | null }>("SELECT MIN(minute) AS first, MAX(minute) AS last FROM minutes");
    const end = Math.min(until - (until % 60), known?.last ?? 0);
    // A young network fills its charts: no span reaches far before the first event.
    const from = Math.max(end - span, Math.min((known?.first ?? 0) - 60, end - LEAST_SPAN));
    const totals = this.#one<Record<string, number>>(
      "SELECT SUM(queued) AS queued, SUM(settled) AS settled, SUM(accepted) AS accepted, SUM(latency) AS latency, SUM(opened) AS opened, SUM(agreed) AS agreed, SUM(prompts) AS prompts FROM minutes",
    );
    const recent = this.#all<Row<"minutes">>("SELECT * FROM minutes WHERE minute > ? ORDER BY minute", from);
    const money = this.#money();
    const counts = this.#one<Record<string, number>>(
      "SELECT (SELECT COUNT(*) FROM nodes) AS nodes, (SELECT COUNT(*) FROM sessions) AS sessions, (SELECT COUNT(*) FROM tasks WHERE status = 1) AS open, (SELECT COUNT(*) FROM models) AS models",
    );
    return { totals, counts, money, from, until: end, minutes: bucketed(recent, from, end) };
  }

  tasks({ limit, before, session, status }: TasksAsked) {
    const conditions: string[] = [];
    const values: (string | number)[] = [];
    const place = before === undefined ? undefined : /^(\d{1,15}):(\d{1,10}):(\d{1,10})$/.exec(before);
    if (place != null) {
      conditions.push("(queued_block, session, place) < (?, ?, ?)");
      values.push(...place.slice(1).map(Number));
    }
    if (session !== undefined) conditions.push(`session = ${Number(session)}`);
    if (status !== undefined) conditions.push(`status = ${Number(status)}`);
    const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")}`;
    const rows = this.#all<Row<"tasks">>(
      `SELECT ${BRIEF} FROM tasks ${where} ORDER BY queued_block DESC, session DESC, place DESC LIMIT ${Math.min(200, Math.max(1, limit))}`,
      ...values,
    );
    const last = rows.at(-1);
    return {
      tasks: rows.map(brief),
      next: rows.length < limit || last === undefined ? null : `${last.queued_block}:${last.session}:${last.place}`,
    };
  }

  /** Everything that is known about a task; undefined where it is not. */
  task(id: string) {
    const task = this.#one<Row<"tasks">>("SELECT * FROM tasks WHERE id = ?", id);
    if (task === undefined) return undefined;
    const lease = this.#one<Row<"leases">>("SELECT * FROM leases WHERE id = ?", task.lease);
    const { rules, assurance, ...rest } = task;
    return {
      ...rest,
      rules: printable(unpackRules(BigInt(rules))),
      assurance: assurance === "0" ? null : printable(unpackAssurance(BigInt(assurance))),
      outcomes: decodeOutcomes(task.outcomes ?? "0x"),
      lease: lease === undefined ? null : { ...lease, members: JSON.parse(lease.members) as number[] },
      seats: this.#all<Row<"seats">>("SELECT * FROM seats WHERE task = ? ORDER BY attempt, seat, place", id),
      verdicts: this.#all<Row<"verdicts">>("SELECT * FROM verdicts WHERE task = ? ORDER BY round, seat", id),
      events: this.#all<Row<"events">>("SELECT * FROM events WHERE task = ? ORDER BY block, log_index LIMIT 500", id),
    };
  }

  sessions(owner?: string) {
    const where = owner === undefined ? "" : "WHERE owner = ?";
    return this.#all<Row<"sessions">>(
      `SELECT * FROM sessions ${where} ORDER BY id DESC LIMIT 500`,
      ...(owner === undefined ? [] : [owner]),
    ).map(session);
  }

  session(id: number) {
    const found = this.#one<Row<"sessions">>("SELECT * FROM sessions WHERE id = ?", id);
    if (found === undefined) return undefined;
    return {
      ...session(found),
      routers: this.#all<Row<"routers">>("SELECT * FROM routers WHERE session = ? ORDER BY router", id),
      events: this.#all<Row<"events">>(
        "SELECT * FROM events WHERE session = ? AND task IS NULL ORDER BY block DESC, log_index DESC LIMIT 100",
        id,
      ),
    };
  }

  nodes() {
    return this.#all<Row<"nodes">>("SELECT * FROM nodes ORDER BY id LIMIT 1000");
  }

  node(id: number) {
    const found = this.#one<Row<"nodes">>("SELECT * FROM nodes WHERE id = ?", id);
    if (found === undefined) return undefined;
    const series = this.#all<Pick<Row<"seats">, "task" | "conduct" | "accepted" | "outliers" | "score" | "ended_at" | "net" | "seat">>(
      "SELECT task, seat, conduct, accepted, outliers, score, ended_at, net FROM seats WHERE node = ? AND ended_at IS NOT NULL ORDER BY ended_at DESC LIMIT 500",
      id,
    );
    return {
      ...found,
      series: series.reverse(),
      events: this.#all<Row<"events">>(
        "SELECT * FROM events WHERE node = ? AND task IS NULL ORDER BY block DESC, log_index DESC LIMIT 100",
        id,
      ),
    };
  }

  /** Nodes by score, then by accepted answers, and node images by what their nodes did: every column follows from events. */
  leaderboard() {
    return {
      nodes: this.#all<Row<"nodes">>("SELECT * FROM nodes ORDER BY score DESC, accepted DESC, id LIMIT 200"),
      images: this.#all<Row<"images"> & { nodes: number; accepted: number; outliers: number; score: number | null }>(
        `SELECT images.*, COUNT(nodes.id) AS nodes, COALESCE(SUM(nodes.accepted), 0) AS accepted, COALESCE(SUM(nodes.outliers), 0) AS outliers,
           AVG(nodes.score) AS score
         FROM images LEFT JOIN nodes ON nodes.image = images.id GROUP BY images.id ORDER BY score DESC NULLS LAST, accepted DESC, images.id LIMIT 100`,
      ),
    };
  }

  /** Everything that happened in a block. */
  block(number: number) {
    return { events: this.#all<Row<"events">>("SELECT * FROM events WHERE block = ? ORDER BY log_index LIMIT 1000", number) };
  }

  /** The last rounds of network work, each with its events in order: a virtual block as it runs. */
  rounds() {
    const opened = this.#all<{ round: string }>(
      `SELECT json_extract(detail, '$.round') AS round FROM events WHERE task IS NULL AND name = 'RoundOpened' AND module = 'PoUW'
       ORDER BY block DESC, log_index DESC LIMIT 20`,
    );
    return {
      rounds: opened.map(({ round }) => ({
        id: round,
        events: this.#all<Row<"events">>(
          "SELECT * FROM events WHERE module = 'PoUW' AND json_extract(detail, '$.round') = ? ORDER BY block, log_index LIMIT 100",
          round,
        ),
      })),
    };
  }

  models() {
    return this.#all<Row<"models">>("SELECT * FROM models ORDER BY name, id");
  }

  /** What governance set, and the last things that it did. */
  governance() {
    return {
      parameters: this.#all<Row<"parameters">>("SELECT * FROM parameters ORDER BY module").map((row) => ({
        ...row,
        value: JSON.parse(row.value) as Record<string, unknown>,
      })),
      models: this.models(),
      proposals: this.#all<Row<"proposals">>("SELECT * FROM proposals ORDER BY proposed_at DESC, id LIMIT 50"),
      changes: this.#all<Row<"events">>(
        "SELECT * FROM events WHERE task IS NULL AND name IN ('ParametersChanged', 'RoundParametersChanged', 'RewardParametersChanged', 'RulesChanged', 'ModuleChanged', 'ModelRegistered', 'ModelPriceChanged', 'ModelDeprecated', 'PauseChanged', 'TermsChanged', 'RestrictionChanged', 'SlippageChanged', 'AllowanceRateChanged') ORDER BY block DESC, log_index DESC LIMIT 100",
      ),
    };
  }

  #money() {
    const rows = this.#all<Pick<Row<"minutes">, "charged" | "nodes" | "routers" | "protocol" | "bounties" | "leases">>(
      "SELECT charged, nodes, routers, protocol, bounties, leases FROM minutes",
    );
    const sums = { charged: 0n, nodes: 0n, routers: 0n, protocol: 0n, bounties: 0n, leases: 0n };
    for (const row of rows) for (const name of Object.keys(sums) as (keyof typeof sums)[]) sums[name] += BigInt(row[name]);
    const staked = this.#all<{ stake: string }>("SELECT stake FROM nodes").reduce((sum, { stake }) => sum + BigInt(stake), 0n);
    const held = this.#all<{ available: string; locked: string }>("SELECT available, locked FROM sessions");
    const deposits = held.reduce((sum, { available, locked }) => sum + BigInt(available) + BigInt(locked), 0n);
    return printable({ ...sums, staked, deposits });
  }

  #statement(sql: string): Database.Statement {
    const known = this.#statements.get(sql) ?? this.#database.prepare(sql);
    this.#statements.set(sql, known);
    return known;
  }

  #all<T>(sql: string, ...values: (string | number)[]): T[] {
    return this.#statement(sql).all(...values) as T[];
  }

  #one<T>(sql: string, ...values: (string | number)[]): T | undefined {
    return this.#statement(sql).get(...values) as T | undefined;
  }
}

export type TaskDetail = NonNullable<ReturnType<IndexQueries["task"]>>;
export type TaskBrief = ReturnType<IndexQueries["tasks"]>["tasks"][number];
export type SessionDetail = NonNullable<ReturnType<IndexQueries["session"]>>;
export type SessionBrief = ReturnType<IndexQueries["sessions"]>[number];
export type NodeDetail = NonNullable<ReturnType<IndexQueries["node"]>>;
export type NodeBrief = ReturnType<IndexQueries["nodes"]>[number];
export type Overview = ReturnType<IndexQueries["overview"]>;
export type Leaderboard = ReturnType<IndexQueries["leaderboard"]>;
export type Rounds = ReturnType<IndexQueries["rounds"]>;
export type Governance = ReturnType<IndexQueries["governance"]>;

const session = ({ terms, ...row }: Row<"sessions">) => ({ ...row, terms: JSON.parse(terms) as Record<string, string | boolean> });

function brief({ outcomes, place: _place, ...row }: Row<"tasks">) {
  return { ...row, outcomes: decodeOutcomes(outcomes ?? "0x").slice(0, 4) };
}

/** Amounts as text, so that JSON can carry them. */
function printable<T extends object>(value: T): { [Name in keyof T]: T[Name] extends bigint ? string : T[Name] } {
  const entries = Object.entries(value).map(([name, one]: [string, unknown]) => [name, typeof one === "bigint" ? String(one) : one]);
  return Object.fromEntries(entries) as { [Name in keyof T]: T[Name] extends bigint ? string : T[Name] };
}

/** Rows of minutes summed into equal spans, the empty ones too: what a chart can draw. */
function bucketed(rows: Row<"minutes">[], from: number, until: number) {
  const span = Math.max(60, Math.ceil((until - from) / BUCKETS / 60) * 60);
  const count = Math.max(1, Math.ceil((until - from) / span));
  const buckets = Array.from({ length: count }, (_, i) => ({
    at: until - (count - 1 - i) * span,
    span,
    queued: 0,
    settled: 0,
    accepted: 0,
    latency: 0,
    opened: 0,
    agreed: 0,
    charged: "0",
  }));
  for (const row of rows) {
    const bucket = buckets[count - 1 - Math.floor((until - row.minute) / span)];
    if (bucket === undefined) continue;
    for (const name of ["queued", "settled", "accepted", "latency", "opened", "agreed"] as const) bucket[name] += row[name];
    bucket.charged = String(BigInt(bucket.charged) + BigInt(row.charged));
  }
  return buckets;
}
