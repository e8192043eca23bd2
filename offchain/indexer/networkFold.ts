import type { DecodedLog } from "../chain/cursor.ts";
import { SCORE_FLOOR } from "../protocol/score.ts";
import { payMembers, plus, withSession } from "./ledger.ts";
import type { Tables } from "./rows.ts";
import type { Row } from "./schema.ts";
import { membersIn } from "./taskFold.ts";

type Args = Record<string, unknown>;
const number = (value: unknown) => Number(value);
const text = (value: unknown) => String(value);

function withNode(tables: Tables, id: unknown, change: (node: Row<"nodes">) => void): void {
  const node = tables.nodes.get(number(id));
  if (node === undefined) return;
  change(node);
  tables.nodes.put(node);
}

/** Events of sessions, their money, nodes, models and verdicts. */
export function foldNetwork(tables: Tables, log: DecodedLog, time: number): void {
  const { args } = log;
  HANDLERS[`${log.module}.${log.name}`]?.(tables, args, log, time);
  if (log.name.endsWith("ParametersChanged"))
    tables.parameters.put({
      module: log.module,
      value: JSON.stringify(plain((args["parameters"] as object | undefined) ?? args)),
      changed_block: log.blockNumber,
      changed_at: time,
      changed_in: log.transactionHash,
    });
}

type Handler = (tables: Tables, args: Args, log: DecodedLog, time: number) => void;

const sessionTerms = (args: Args): string =>
  JSON.stringify({ ...plain(args["terms"] as object), rules: text(args["rules"]) } satisfies Record<string, unknown>);

/** Arguments by name, as JSON can carry them: amounts and numbers as decimal text. */
export const plain = (args: object): Record<string, unknown> =>
  Object.fromEntries(Object.entries(args).map(([name, value]: [string, unknown]) => [name, jsonOf(value)]));

function jsonOf(value: unknown): unknown {
  if (typeof value === "bigint") return String(value);
  if (Array.isArray(value)) return value.map(jsonOf);
  return typeof value === "object" && value !== null ? plain(value) : value;
}

const HANDLERS: Record<string, Handler> = {
  "Session.SessionOpened": (tables, args, { transactionHash }, time) => {
    const id = number(args["session"]);
    tables.sessions.put({
      id,
      owner: text(args["owner"]),
      model: text((args["terms"] as Args)["model"]),
      terms: sessionTerms(args),
      closed: 0,
      opened_at: time,
      opened_in: transactionHash,
      lease: 0,
      lease_until: 0,
      reserved: "0",
      available: "0",
      locked: "0",
      deposited: "0",
      spent_tasks: "0",
      spent_leases: "0",
      refunded: "0",
      tasks: 0,
      accepted: 0,
    });
  },
  "Session.SessionUpdated": (tables, args) =>
    withSession(tables, number(args["session"]), (session) =>
      Object.assign(session, { terms: sessionTerms(args), model: text((args["terms"] as Args)["model"]), lease: 0, lease_until: 0 }),
    ),
  "Session.SessionTransferred": (tables, args) =>
    withSession(tables, number(args["session"]), (session) => (session.owner = text(args["to"]))),
  "Session.SessionClosed": (tables, args) => withSession(tables, number(args["session"]), (session) => (session.closed = 1)),
  "Session.RouterChanged": (tables, args) =>
    tables.routers.put({
      session: number(args["session"]),
      router: text(args["router"]),
      allowed: args["allowed"] === true ? 1 : 0,
      endpoint: text(args["endpoint"]),
    }),
  "Session.LeaseReserved": (tables, args) =>
    withSession(tables, number(args["session"]), (session) => {
      const locked = BigInt(args["locked"] as bigint);
      session.reserved = String(locked);
      session.available = plus(session.available, -locked);
      session.locked = plus(session.locked, locked);
    }),
  "Session.ReservationCancelled": (tables, args) =>
    withSession(tables, number(args["session"]), (session) => {
      const released = BigInt(args["released"] as bigint);
      session.reserved = "0";
      session.available = plus(session.available, released);
      session.locked = plus(session.locked, -released);
    }),
  "Session.LeaseStarted": (tables, args, _log, time) =>
    withSession(tables, number(args["session"]), (session) => {
      const lease = tables.leases.get(number(args["lease"]));
      if (lease === undefined) return;
      const locked = BigInt(session.reserved);
      const paid = payMembers(tables, lease, locked, time);
      session.locked = plus(session.locked, -locked);
      session.available = plus(session.available, locked - paid);
      session.spent_leases = plus(session.spent_leases, paid);
      Object.assign(session, { reserved: "0", lease: lease.id, lease_until: number(args["until"]) });
      tables.leases.put(Object.assign(lease, { session: session.id }));
    }),
  "Session.LeaseEnded": (tables, args) =>
    withSession(tables, number(args["session"]), (session) => Object.assign(session, { lease: 0, lease_until: 0 })),
  "SessionPayment.Deposited": (tables, args) =>
    withSession(tables, number(args["session"]), (session) => {
      const amount = BigInt(args["amount"] as bigint);
      session.available = plus(session.available, amount);
      session.deposited = plus(session.deposited, amount);
    }),
  "SessionPayment.Refunded": (tables, args) =>
    withSession(tables, number(args["session"]), (session) => {
      const amount = BigInt(args["amount"] as bigint);
      session.available = plus(session.available, -amount);
      session.refunded = plus(session.refunded, amount);
    }),
  "SessionPayment.NodeWithdrawn": (tables, args) =>
    withNode(tables, args["node"], (node) => {
      node.owed = "0";
      node.withdrawn = plus(node.withdrawn, BigInt(args["amount"] as bigint));
    }),
  "NodePool.NodeRegistered": (tables, args, { transactionHash }, time) =>
    tables.nodes.put({
      id: number(args["node"]),
      owner: text(args["owner"]),
      operator: text(args["operator"]),
      model: text(args["model"]),
      endpoint: "",
      image: "",
      admitted: openPool(tables) ? 1 : 0,
      available: 1,
      roles: 3,
      level: 0,
      dedicated_to: 0,
      lease: 0,
      exit_at: 0,
      jailed_until: 0,
      registered_at: time,
      registered_in: transactionHash,
      stake: text(args["stake"]),
      slashed: "0",
      owed: "0",
      withdrawn: "0",
      earned_tasks: "0",
      earned_leases: "0",
      earned_verdicts: "0",
      rewards_liveness: "0",
      rewards_health: "0",
      rewards_service: "0",
      tasks: 0,
      silent: 0,
      unopened: 0,
      accepted: 0,
      outliers: 0,
      streak: 0,
      best_streak: 0,
      score: SCORE_FLOOR,
      updated_at: 0,
    }),
  "NodePool.OperatorChanged": (tables, args) => withNode(tables, args["node"], (node) => (node.operator = text(args["operator"]))),
  "NodePool.EndpointChanged": (tables, args) => withNode(tables, args["node"], (node) => (node.endpoint = text(args["endpoint"]))),
  "NodePool.NodeAdmitted": (tables, args) => withNode(tables, args["node"], (node) => (node.admitted = args["admitted"] === true ? 1 : 0)),
  "NodePool.NodeServiceChanged": (tables, args) =>
    withNode(tables, args["node"], (node) =>
      Object.assign(node, { model: text(args["model"]), available: args["available"] === true ? 1 : 0 }),
    ),
  "NodePool.StakeAdded": (tables, args) => withNode(tables, args["node"], (node) => (node.stake = text(args["stake"]))),
  "NodePool.ExitRequested": (tables, args) => withNode(tables, args["node"], (node) => (node.exit_at = number(args["exitAt"]))),
  "NodePool.StakeWithdrawn": (tables, args) =>
    withNode(tables, args["node"], (node) => (node.stake = plus(node.stake, -BigInt(args["amount"] as bigint)))),
  "NodePool.RolesChanged": (tables, args) => withNode(tables, args["node"], (node) => (node.roles = number(args["roles"]))),
  "NodePool.LevelChanged": (tables, args) => withNode(tables, args["node"], (node) => (node.level = number(args["level"]))),
  "NodePool.NodeDedicated": (tables, args) => withNode(tables, args["node"], (node) => (node.dedicated_to = number(args["session"]))),
  "NodePool.NodeJailed": (tables, args) => withNode(tables, args["node"], (node) => (node.jailed_until = number(args["until"]))),
  "NodePool.NodeFreed": (tables, args) => withNode(tables, args["node"], (node) => (node.jailed_until = 0)),
  "NodePool.NodeSlashed": (tables, args) =>
    withNode(tables, args["node"], (node) => {
      node.stake = text(args["stakeLeft"]);
      node.slashed = plus(node.slashed, BigInt(args["taken"] as bigint));
    }),
  "NodePool.NodeExcused": (tables, args) =>
    withNode(tables, args["node"], (node) => {
      node.stake = text(args["stake"]);
      node.slashed = plus(node.slashed, -BigInt(args["given"] as bigint));
    }),
  "NodePool.LeaseDrawn": (tables, args, { transactionHash }, time) => {
    const id = number(args["lease"]);
    const members = membersIn(args);
    const shared = { id, session: null, model: text(args["model"]), seed: text(args["seed"]), members: JSON.stringify(members) };
    tables.leases.put({ ...shared, until: number(args["until"]), collected: 0, drawn_at: time, drawn_in: transactionHash });
    for (const member of members) withNode(tables, member, (node) => (node.lease = id));
  },
  "NodePool.LeaseShortened": (tables, args) => {
    const lease = tables.leases.get(number(args["lease"]));
    if (lease) tables.leases.put(Object.assign(lease, { until: number(args["until"]) }));
  },
  "NodePool.LeaseCollected": (tables, args) => {
    const lease = tables.leases.get(number(args["lease"]));
    if (lease === undefined) return;
    tables.leases.put(Object.assign(lease, { collected: 1 }));
    for (const member of JSON.parse(lease.members) as number[])
      withNode(tables, member, (node) => (node.lease = node.lease === lease.id ? 0 : node.lease));
  },
  "Rewards.RewardClaimed": (tables, args) =>
    withNode(tables, args["node"], (node) => {
      node.rewards_liveness = plus(node.rewards_liveness, BigInt(args["liveness"] as bigint));
      node.rewards_health = plus(node.rewards_health, BigInt(args["health"] as bigint));
      node.rewards_service = plus(node.rewards_service, BigInt(args["service"] as bigint));
    }),
  "ImageRegistry.ImagePublished": (tables, args, { transactionHash }, time) =>
    tables.images.put({
      id: text(args["image"]),
      publisher: text(args["publisher"]),
      kind: number(args["kind"]),
      source: text(args["source"]),
      retired: 0,
      published_at: time,
      published_in: transactionHash,
    }),
  "ImageRegistry.ImageRetired": (tables, args) => {
    const image = tables.images.get(text(args["image"]));
    if (image) tables.images.put(Object.assign(image, { retired: 1 }));
  },
  "ImageRegistry.ImageDeclared": (tables, args) => withNode(tables, args["node"], (node) => (node.image = text(args["image"]))),
  "CorGovernor.ProposalCreated": (tables, args, { transactionHash }, time) =>
    tables.proposals.put({
      id: text(args["proposalId"]),
      proposer: text(args["proposer"]),
      description: text(args["description"]),
      vote_start: text(args["voteStart"]),
      vote_end: text(args["voteEnd"]),
      against: "0",
      in_favour: "0",
      abstain: "0",
      state: "proposed",
      proposed_at: time,
      proposed_in: transactionHash,
    }),
  "CorGovernor.VoteCast": (tables, args) => {
    const proposal = tables.proposals.get(text(args["proposalId"]));
    const side = (["against", "in_favour", "abstain"] as const)[number(args["support"])];
    if (proposal === undefined || side === undefined) return;
    tables.proposals.put(Object.assign(proposal, { [side]: plus(proposal[side], BigInt(args["weight"] as bigint)) }));
  },
  "CorGovernor.ProposalQueued": (tables, args) => withProposal(tables, args, "queued"),
  "CorGovernor.ProposalExecuted": (tables, args) => withProposal(tables, args, "executed"),
  "CorGovernor.ProposalCanceled": (tables, args) => withProposal(tables, args, "cancelled"),
  "ModelRegistry.ModelRegistered": (tables, args) =>
    tables.models.put({
      id: text(args["model"]),
      name: text(args["name"]),
      quantisation: text(args["quantisation"]),
      price: text(args["price"]),
      agreement: number(args["agreement"]),
      embedding: text(args["embedding"]),
      deprecated: 0,
    }),
  "ModelRegistry.ModelPriceChanged": (tables, args) => {
    const model = tables.models.get(text(args["model"]));
    if (model) tables.models.put(Object.assign(model, { price: text(args["price"]) }));
  },
  "ModelRegistry.ModelDeprecated": (tables, args) => {
    const model = tables.models.get(text(args["model"]));
    if (model) tables.models.put(Object.assign(model, { deprecated: 1 }));
  },
  "Validation.PanelSeated": (tables, args) => {
    const [task, round] = [text(args["task"]), number(args["round"])];
    membersIn(args).forEach((validator, seat) => tables.verdicts.put({ ...NO_VERDICT, task, round, seat, validator }));
  },
  "Validation.VerdictCommitted": (tables, args, { transactionHash }) => {
    const row = verdictOf(tables, args);
    tables.verdicts.put(Object.assign(row, { commitment: text(args["commitment"]), committed_in: transactionHash }));
  },
  "Validation.VerdictRevealed": (tables, args, { transactionHash }) => {
    const row = verdictOf(tables, args);
    tables.verdicts.put(
      Object.assign(row, { verdict: text(args["verdict"]), evidence: text(args["evidence"]), revealed_in: transactionHash }),
    );
  },
};

function withProposal(tables: Tables, args: Args, state: string): void {
  const proposal = tables.proposals.get(text(args["proposalId"]));
  if (proposal) tables.proposals.put(Object.assign(proposal, { state }));
}

/** Whether whoever stakes is admitted. */
function openPool(tables: Tables): boolean {
  const { value = "{}" } = tables.parameters.get("NodePool") ?? {};
  return (JSON.parse(value) as { open?: boolean }).open === true;
}

const NO_VERDICT = { commitment: null, committed_in: null, verdict: null, evidence: null, revealed_in: null };

function verdictOf(tables: Tables, args: Args): Row<"verdicts"> {
  const key = { task: text(args["task"]), round: number(args["round"]), seat: number(args["seat"]) };
  return tables.verdicts.get(key.task, key.round, key.seat) ?? { ...NO_VERDICT, ...key, validator: number(args["validator"]) };
}
