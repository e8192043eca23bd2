import type { DecodedLog } from "../chain/cursor.ts";
import { decodeOutcomes, decodePromptTokens } from "../protocol/answers.ts";
import { committee, membersOf, taskSeed } from "../protocol/draw.ts";
import { answersDiffer, resultRevealed, resultsCommitted, taskAssigned, taskQueued, taskRerun, taskSettled } from "../protocol/events.ts";
import { holdOf, lockOf, revealTakesPlace, settlementOf } from "../protocol/judging.ts";
import { popcount } from "../protocol/sketch.ts";
import type { Conduct } from "../protocol/score.ts";
import { decodeTerms, packRules } from "../protocol/terms.ts";
import { type Opening, Status, type TaskTerms } from "../protocol/types.ts";
import { bookNode, minuteOf, payMembers, plus, withSession } from "./ledger.ts";
import type { Tables } from "./rows.ts";
import type { Row } from "./schema.ts";

/** Blocks after its own for which a block's hash seats a task. */
const SEED_LIFE = 256;

type Args = Record<string, unknown>;
type Task = Row<"tasks">;
type Seat = Row<"seats">;

/** The terms of a task, from its row. */
export function termsOf({ model, manifest, rules, assurance, router, prompt_tokens }: Task): TaskTerms {
  return decodeTerms({ model, manifest, rules: BigInt(rules), assurance: BigInt(assurance), router, promptTokens: prompt_tokens });
}

/** What the fold of tasks works on. */
export interface TaskFold {
  tables: Tables;
  /** Committed seats of a task's attempt, in commit order. */
  seatsOf: (task: string, attempt: number) => Seat[];
  /** Hashes of blocks that seated tasks to which nobody committed. */
  seeding: ReadonlyMap<number, string>;
}

/** Events of the task queue. */
export function foldTask(fold: TaskFold, log: DecodedLog, time: number): void {
  const { tables, seatsOf } = fold;
  const { args } = log;
  switch (log.name) {
    case "TaskQueued":
      return queued(tables, log, time);
    case "TaskAssigned": {
      const { task, lease, seed } = taskAssigned(args);
      const row = tables.tasks.get(String(task));
      if (row === undefined) return;
      const hold = holdOf(termsOf(row));
      const members = tables.leases.get(lease);
      Object.assign(row, { lease, seed: String(seed) });
      if (members !== undefined) {
        const paid = payMembers(tables, members, hold, time);
        row.locked = plus(row.locked, -hold);
        withSession(tables, row.session, (session) => {
          session.locked = plus(session.locked, -hold);
          session.available = plus(session.available, hold - paid);
          session.spent_leases = plus(session.spent_leases, paid);
        });
      }
      return tables.tasks.put(row);
    }
    case "TaskRerun":
      return rerun(fold, args, time);
    case "ResultsCommitted":
      return committed(fold, log, time);
    case "ResultRevealed": {
      const { task, seat, node, claim } = resultRevealed(args);
      const row = tables.tasks.get(String(task));
      const found = row && tables.seats.get(row.id, row.attempt, seat, node);
      if (found) tables.seats.put(Object.assign(found, { opened_in: log.transactionHash, claim }));
      return;
    }
    case "AnswersDiffer": {
      const { task, seat, changes } = answersDiffer(args);
      const row = tables.tasks.get(String(task));
      if (row === undefined) return;
      for (const found of seatsOf(row.id, row.attempt))
        if (found.seat === seat && found.commitment !== null) tables.seats.put(Object.assign(found, { changes }));
      return;
    }
    case "TaskSettled":
      return settled(fold, log, time);
  }
}

function queued(tables: Tables, log: DecodedLog, time: number): void {
  const { task, session, clientReference, terms, lease, seedBlock, deadline } = taskQueued(log.args);
  const { model, manifest, router, promptTokens, assurance, ...rules } = terms;
  const prompts = decodePromptTokens(promptTokens).length;
  const locked = lockOf(terms);
  tables.tasks.put({
    id: String(task),
    session,
    place: Number(task & 0xffffffffn),
    client_reference: clientReference,
    model,
    manifest,
    router,
    rules: String(packRules(rules)),
    assurance: String(assurance),
    prompt_tokens: promptTokens,
    prompts,
    redundancy: terms.redundancy,
    quorum: terms.quorum,
    lease,
    seed_block: seedBlock,
    seed: null,
    deadline,
    attempt: 0,
    locked: String(locked),
    queued_block: log.blockNumber,
    queued_at: time,
    queued_in: log.transactionHash,
    committed_at: null,
    settled_block: null,
    settled_at: null,
    settled_in: null,
    status: Status.Open,
    charged: "0",
    opened: 0,
    rejected: 0,
    agreed: 0,
    outcomes: null,
    base: null,
  });
  withSession(tables, session, (row) => {
    row.tasks += 1;
    row.available = plus(row.available, -locked);
    row.locked = plus(row.locked, locked);
  });
  const minute = minuteOf(tables, time);
  minute.queued += 1;
  tables.minutes.put(minute);
}

function committed({ tables, seatsOf }: TaskFold, log: DecodedLog, time: number): void {
  const { task, seed, commitments } = resultsCommitted(log.args);
  const row = tables.tasks.get(String(task));
  if (row === undefined) return;
  let place = row.seed === null || row.committed_at === null ? 0 : seatsOf(row.id, row.attempt).length;
  tables.tasks.put(Object.assign(row, { seed: String(seed), committed_at: row.committed_at ?? time }));
  for (const { seat, node, commitment } of commitments)
    tables.seats.put({
      task: row.id,
      attempt: row.attempt,
      seat,
      node,
      commitment,
      committed_at: time,
      committed_in: log.transactionHash,
      place: place++,
      opened_in: null,
      claim: null,
      changes: "0x",
      conduct: null,
      accepted: 0,
      outliers: 0,
      tokens: 0,
      net: "0",
      score: null,
      ended_at: null,
    });
}

function rerun({ tables, seatsOf }: TaskFold, args: Args, time: number): void {
  const { task, seedBlock, deadline, charged } = taskRerun(args);
  const row = tables.tasks.get(String(task));
  if (row === undefined) return;
  const terms = termsOf(row);
  const seats = seatsOf(row.id, 0);
  // No majority: everybody's answer counts as none's outlier, and nothing is paid.
  bookSeats(
    tables,
    row,
    seats,
    seats.map(() => ({ accepted: 0, outliers: 0, net: 0n, tokens: 0n })),
    ~0,
    time,
  );
  const locked = lockOf(terms, 1, true);
  const freed = BigInt(row.locked) - locked;
  withSession(tables, row.session, (session) => {
    session.locked = plus(session.locked, -freed);
    session.available = plus(session.available, freed - charged);
    session.spent_tasks = plus(session.spent_tasks, charged);
  });
  tables.tasks.put(
    Object.assign(row, { attempt: 1, lease: 0, seed: null, seed_block: seedBlock, deadline, committed_at: null, locked: String(locked) }),
  );
}

function settled({ tables, seatsOf, seeding }: TaskFold, log: DecodedLog, time: number): void {
  const event = taskSettled(log.args);
  const row = tables.tasks.get(String(event.task));
  if (row === undefined) return;
  const terms = termsOf(row);
  const seats = seatsOf(row.id, row.attempt);
  for (const seat of seats) if ((event.seats >> seat.seat) & 1) seat.opened_in ??= log.transactionHash;
  const openings = seats.map(({ seat, node, commitment, changes }): Opening => ({
    seat,
    node,
    opened: ((event.seats >> seat) & 1) === 1,
    secret: commitment!,
    claim: "0x",
    changes,
  }));
  const ending = settlementOf({ task: event.task, terms, base: event.base, openings }, event.rejected);
  const judged = ending.seats.map((seat, i) => ((event.rejected >> seats[i]!.seat) & 1 ? { ...seat, outliers: 1 } : seat));
  const seeded = seeding.get(row.seed_block);
  // As `SessionQueue._silentAreKnown`: only while the first block that could seat the task still counts.
  if (row.seed === null && row.lease !== 0 && seeded !== undefined && log.blockNumber <= row.seed_block + SEED_LIFE)
    row.seed = String(taskSeed(seeded, event.task));
  if (event.status !== Status.Cancelled) bookSeats(tables, row, seats, judged, event.seats, time);
  const outcomes = decodeOutcomes(event.outcomes);
  const agreed = outcomes.reduce((sum, outcome) => sum + popcount(BigInt(outcome.accepted)), 0);
  const locked = BigInt(row.locked);
  withSession(tables, row.session, (session) => {
    session.locked = plus(session.locked, -locked);
    session.available = plus(session.available, locked - event.charged);
    session.spent_tasks = plus(session.spent_tasks, event.charged);
    session.accepted += event.status === Status.Accepted ? 1 : 0;
  });
  const opened = popcount(BigInt(event.seats)) * outcomes.length;
  const minute = minuteOf(tables, time);
  minute.settled += 1;
  minute.accepted += event.status === Status.Accepted ? 1 : 0;
  minute.latency += time - row.queued_at;
  minute.opened += opened;
  minute.agreed += agreed;
  minute.prompts += row.prompts;
  minute.charged = plus(minute.charged, event.charged);
  minute.nodes = plus(
    minute.nodes,
    ending.seats.reduce((sum, { net }) => sum + net, 0n),
  );
  minute.routers = plus(minute.routers, ending.routerFee);
  minute.protocol = plus(minute.protocol, ending.protocolFee);
  minute.bounties = plus(minute.bounties, outcomes.some(({ canonicalSeat }) => canonicalSeat !== null) ? terms.bounty : 0n);
  tables.minutes.put(minute);
  tables.tasks.put(
    Object.assign(row, {
      locked: "0",
      settled_block: log.blockNumber,
      settled_at: time,
      settled_in: log.transactionHash,
      status: event.status,
      charged: String(event.charged),
      opened: event.seats,
      rejected: event.rejected,
      agreed: outcomes.filter(({ canonicalSeat }) => canonicalSeat !== null).length,
      outcomes: event.outcomes,
      base: event.base,
    }),
  );
}

interface Judged {
  accepted: number;
  outliers: number;
  net: bigint;
  tokens: bigint;
}

/** Books what every seat did, the silent ones too, and writes the node's score beside it. */
function bookSeats(tables: Tables, row: Task, seats: Seat[], judged: Judged[], opened: number, time: number): void {
  const took = revealTakesPlace(
    seats.reduce((bits, { seat }) => bits | (1 << seat), 0),
    row.quorum,
  );
  const book = (seat: Seat, conduct: Conduct, { accepted, outliers, net, tokens }: Judged) => {
    const score = bookNode(tables, seat.node, { conduct, accepted, outliers, net }, time);
    tables.seats.put(Object.assign(seat, { conduct, accepted, outliers, net: String(net), tokens: Number(tokens), score, ended_at: time }));
  };
  seats.forEach((seat, i) => book(seat, (opened >> seat.seat) & 1 ? "opened" : took ? "unopened" : "excused", judged[i]!));
  const lease = tables.leases.get(row.lease);
  if (lease === undefined || row.seed === null) return;
  const drawn = committee(JSON.parse(lease.members) as number[], BigInt(row.seed), row.redundancy);
  drawn.forEach((node, seat) => {
    if (seats.some((one) => one.seat === seat && one.node === node)) return;
    const empty = { commitment: null, committed_at: null, committed_in: null, opened_in: null, claim: null, changes: "0x" };
    const silent: Seat = { task: row.id, attempt: row.attempt, seat, node, place: seats.length, ...empty, ...NOTHING };
    book(silent, "silent", { accepted: 0, outliers: 0, net: 0n, tokens: 0n });
  });
}

const NOTHING = { conduct: null, accepted: 0, outliers: 0, tokens: 0, net: "0", score: null, ended_at: null };

/** Members of a drawn lease, from the event that drew it. */
export const membersIn = (args: Args): number[] => membersOf(BigInt(args["members"] as bigint), Number(args["size"]));
