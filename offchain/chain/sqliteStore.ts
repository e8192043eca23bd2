import Database from "better-sqlite3";
import { ChainError } from "./errors.ts";
import type { CursorStore, SeenBlock } from "./cursor.ts";
import type { SenderStore, SentRow, SentState } from "./senderStore.ts";

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS binding (one INTEGER PRIMARY KEY CHECK (one = 1), chain_id TEXT NOT NULL, queue TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS seen_blocks (number INTEGER PRIMARY KEY, hash TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS transactions (
    id TEXT PRIMARY KEY, sender TEXT NOT NULL, nonce INTEGER NOT NULL, target TEXT NOT NULL, data TEXT NOT NULL, gas_limit TEXT NOT NULL,
    deadline INTEGER, state TEXT NOT NULL, sent_in INTEGER NOT NULL, mined_in INTEGER, mined_hash TEXT, worth TEXT) STRICT;
  CREATE UNIQUE INDEX IF NOT EXISTS one_per_nonce ON transactions (sender, nonce) WHERE state != 'dropped';
  CREATE TABLE IF NOT EXISTS raw_transactions (
    id TEXT NOT NULL REFERENCES transactions (id) ON DELETE CASCADE, version INTEGER NOT NULL, hash TEXT NOT NULL, raw TEXT NOT NULL,
    PRIMARY KEY (id, version)) STRICT;
`;

interface Row {
  id: string;
  sender: string;
  nonce: number;
  target: string;
  data: string;
  gas_limit: string;
  deadline: number | null;
  state: SentState;
  sent_in: number;
  mined_in: number | null;
  mined_hash: string | null;
  worth: string | null;
}

/**
 * Opens a SQLite file so that what is committed survives loss of power (WAL, synchronous FULL), and checks it.
 * Throws ChainError StoreCorrupt.
 */
export function openDatabase(file: string): Database.Database {
  const database = new Database(file);
  try {
    database.pragma("journal_mode = WAL");
    database.pragma("synchronous = FULL");
    database.pragma("foreign_keys = ON");
    const found = database.pragma("quick_check", { simple: true });
    if (found !== "ok") throw new Error(String(found));
    return preparingOnce(database);
  } catch (error) {
    database.close();
    const cause = (error as Error).message;
    throw new ChainError(
      "StoreCorrupt",
      `found ${file} damaged (${cause}), wanted a sound SQLite file; move it away: the chain and the key give back what is needed`,
    );
  }
}

/** Makes each statement once: to make one costs as much as to run it. */
function preparingOnce(database: Database.Database): Database.Database {
  const prepare = database.prepare.bind(database);
  const made = new Map<string, Database.Statement>();
  database.prepare = ((sql: string) => {
    const statement = made.get(sql) ?? prepare(sql);
    made.set(sql, statement);
    return statement;
  }) as Database.Database["prepare"];
  return database;
}

/** The cursor's and the sender's memory in SQLite, bound to one chain and one queue. Shares the database with its caller's own tables. */
export class SqliteStore implements CursorStore, SenderStore {
  readonly #database: Database.Database;

  /** Throws ChainError StoreOfOtherChain where the file belongs to another chain or deployment. */
  constructor(database: Database.Database, chainId: bigint, queue: string) {
    this.#database = database;
    database.exec(SCHEMA);
    // Files of before 2026-11-25 lack the column.
    const columns = database.pragma("table_info(transactions)") as { name: string }[];
    if (!columns.some(({ name }) => name === "worth")) database.exec("ALTER TABLE transactions ADD COLUMN worth TEXT");
    database.prepare("INSERT OR IGNORE INTO binding VALUES (1, ?, ?)").run(String(chainId), queue.toLowerCase());
    const found = database.prepare("SELECT chain_id, queue FROM binding").get() as { chain_id: string; queue: string };
    if (found.chain_id === String(chainId) && found.queue === queue.toLowerCase()) return;
    const message = `found data of chain ${found.chain_id}, queue ${found.queue}; wanted chain ${chainId}, queue ${queue}; use another data directory`;
    throw new ChainError("StoreOfOtherChain", message);
  }

  position(): SeenBlock[] {
    return this.#database.prepare("SELECT number, hash FROM seen_blocks ORDER BY number").all() as SeenBlock[];
  }

  savePosition(blocks: SeenBlock[]): void {
    this.#database.transaction(() => {
      // A block more, as a rule, and the oldest gone: what stays as it is is not written again.
      const kept = new Map(this.position().map(({ number, hash }) => [number, hash]));
      const insert = this.#database.prepare("INSERT OR REPLACE INTO seen_blocks VALUES (?, ?)");
      for (const { number, hash } of blocks) {
        if (kept.get(number) !== hash) insert.run(number, hash);
        kept.delete(number);
      }
      const remove = this.#database.prepare("DELETE FROM seen_blocks WHERE number = ?");
      for (const number of kept.keys()) remove.run(number);
    })();
  }

  byId(id: string): SentRow | undefined {
    const row = this.#database.prepare("SELECT * FROM transactions WHERE id = ?").get(id) as Row | undefined;
    return row && this.#sentRow(row);
  }

  pending(sender: string): SentRow[] {
    const rows = this.#database.prepare("SELECT * FROM transactions WHERE sender = ? AND state = 'pending' ORDER BY nonce").all(sender);
    return (rows as Row[]).map((row) => this.#sentRow(row));
  }

  nextNonce(sender: string): number {
    const found = this.#database.prepare("SELECT MAX(nonce) AS last FROM transactions WHERE sender = ? AND state != 'dropped'").get(sender);
    return ((found as { last: number | null }).last ?? -1) + 1;
  }

  insert({ id, sender, nonce, to, data, gasLimit, deadline, worth, sentIn, raws }: SentRow): void {
    this.#database.transaction(() => {
      this.#database.prepare("DELETE FROM transactions WHERE id = ? AND state IN ('dropped', 'reverted')").run(id);
      this.#database
        .prepare("INSERT INTO transactions VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?, NULL, NULL, ?)")
        .run(id, sender, nonce, to, data, String(gasLimit), deadline, sentIn, worth === null ? null : String(worth));
      for (const raw of raws) this.addRaw(id, raw, sentIn);
    })();
  }

  addRaw(id: string, { hash, raw }: { hash: string; raw: string }, sentIn: number): void {
    this.#database.transaction(() => {
      this.#database.prepare("UPDATE transactions SET sent_in = ? WHERE id = ?").run(sentIn, id);
      const next = "SELECT ?, COUNT(*), ?, ? FROM raw_transactions WHERE id = ?";
      this.#database.prepare(`INSERT INTO raw_transactions (id, version, hash, raw) ${next}`).run(id, hash, raw, id);
    })();
  }

  finish(id: string, state: SentState, mined?: { blockNumber: number; hash: string }): void {
    const update = "UPDATE transactions SET state = ?, mined_in = ?, mined_hash = ? WHERE id = ?";
    this.#database.prepare(update).run(state, mined?.blockNumber ?? null, mined?.hash ?? null, id);
  }

  reopen(sender: string, fromBlock: number): number {
    const update = "UPDATE transactions SET state = 'pending', mined_in = NULL, mined_hash = NULL";
    return this.#database.prepare(`${update} WHERE sender = ? AND state IN ('mined', 'reverted') AND mined_in >= ?`).run(sender, fromBlock)
      .changes;
  }

  prune(sender: string, beforeBlock: number): void {
    const last = "(SELECT MAX(nonce) FROM transactions WHERE sender = ?)";
    this.#database
      .prepare(`DELETE FROM transactions WHERE sender = ? AND state != 'pending' AND COALESCE(mined_in, sent_in) < ? AND nonce < ${last}`)
      .run(sender, beforeBlock, sender);
  }

  #sentRow(row: Row): SentRow {
    const raws = this.#database.prepare("SELECT hash, raw FROM raw_transactions WHERE id = ? ORDER BY version").all(row.id);
    return {
      id: row.id,
      sender: row.sender,
      nonce: row.nonce,
      to: row.target,
      data: row.data,
      gasLimit: BigInt(row.gas_limit),
      deadline: row.deadline,
      worth: row.worth === null ? null : BigInt(row.worth),
      state: row.state,
      sentIn: row.sent_in,
      minedIn: row.mined_in,
      minedHash: row.mined_hash,
      raws: raws as SentRow["raws"],
    };
  }
}
