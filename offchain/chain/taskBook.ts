import { membersOf } from "../protocol/draw.ts";
import { resultRevealed, resultsCommitted, taskAssigned, taskQueued, taskRerun, taskSettled, type TaskQueued } from "../protocol/events.ts";
import type { CommittedSeat } from "../protocol/types.ts";
import type { Secret } from "../protocol/handover.ts";
import type { DecodedLog } from "./cursor.ts";

/** What the events say about a task: `TaskQueued`, and what came after. `deadline` is that of commits once nodes are drawn, seconds. */
export interface TaskEntry extends TaskQueued {
  /** Block of its birth. */
  bornIn: number;
  /** 0, or 1 after a first attempt without a majority. */
  attempt: number;
  /** In commit order. */
  commits: CommittedSeat[];
  /** Openings that are public, by seat. */
  openings: Map<number, Secret>;
  settled?: Settlement;
}

/** What the events say about the verdict on a task. */
export interface VerdictEntry {
  /** 0, or 1 after an appeal. */
  round: number;
  /** Last second to commit, until the last seat has committed; seconds. */
  closeAt: number;
  /** The panel of this round, by seat; undefined while it is not seated. */
  panel?: number[];
  /** Commitments of this round, by seat. */
  commits: Map<number, string>;
  /** Seats of this round that are open. */
  opened: Set<number>;
}

export type Settlement = ReturnType<typeof taskSettled> & { transactionHash: string; blockNumber: number };

/** Events folded into what is going on: tasks, routers' and nodes' endpoints (untrusted text), pending draws and leases. A pure fold: the same logs give the same book. */
export class TaskBook {
  readonly tasks = new Map<bigint, TaskEntry>();
  /** Endpoint of each router that is allowed now, by session. */
  readonly routers = new Map<number, Map<string, string>>();
  /** Endpoint that each node announced last. */
  readonly endpoints = new Map<number, string>();
  /** Highest id of a node that announced an endpoint, as every node does when it registers. */
  nodeCount = 0;
  /** Seed block of each session's pending draw. */
  readonly reservations = new Map<number, number>();
  /** Leases not collected yet: members in draw order. */
  readonly leases = new Map<number, { nodes: number[]; until: number }>();
  /** Verdicts that are asked for and not closed. */
  readonly verdicts = new Map<bigint, VerdictEntry>();

  /** Takes one event, in chain order. Events of other kinds change nothing. */
  apply(log: DecodedLog): void {
    const { args } = log;
    const number = (name: string) => Number(args.getValue(name));
    const named = args as unknown as Record<string, unknown>;
    switch (`${log.module}.${log.name}`) {
      case "SessionQueue.TaskQueued": {
        const entry = taskQueued(named);
        this.tasks.set(entry.task, { ...entry, bornIn: log.blockNumber, attempt: 0, commits: [], openings: new Map() });
        break;
      }
      case "SessionQueue.TaskAssigned": {
        const { task, lease, commitsCloseAt } = taskAssigned(named);
        const entry = this.tasks.get(task);
        if (entry) Object.assign(entry, { lease, deadline: commitsCloseAt });
        break;
      }
      case "SessionQueue.TaskRerun": {
        const { task, seedBlock, deadline } = taskRerun(named);
        const entry = this.tasks.get(task);
        if (entry) Object.assign(entry, { attempt: 1, lease: 0, seedBlock, deadline, commits: [], openings: new Map() });
        break;
      }
      case "SessionQueue.ResultsCommitted": {
        const { task, commitments } = resultsCommitted(named);
        this.tasks.get(task)?.commits.push(...commitments);
        break;
      }
      case "SessionQueue.ResultRevealed": {
        const { task, seat, answers, claim, salt } = resultRevealed(named);
        this.tasks.get(task)?.openings.set(seat, { answers, claim, salt });
        break;
      }
      case "SessionQueue.TaskSettled": {
        const settled = taskSettled(named);
        const entry = this.tasks.get(settled.task);
        if (entry) entry.settled = { ...settled, transactionHash: log.transactionHash, blockNumber: log.blockNumber };
        break;
      }
      case "Validation.VerdictAsked":
        this.verdicts.set(taskOf(log), { round: 0, closeAt: number("closeAt"), commits: new Map(), opened: new Set() });
        break;
      case "Validation.Appealed":
        this.verdicts.set(taskOf(log), { round: 1, closeAt: number("closeAt"), commits: new Map(), opened: new Set() });
        break;
      case "Validation.PanelSeated": {
        const verdict = this.verdicts.get(taskOf(log));
        if (verdict) verdict.panel = membersOf(args.getValue("members") as bigint, number("size"));
        break;
      }
      case "Validation.VerdictCommitted":
        this.verdicts.get(taskOf(log))?.commits.set(number("seat"), args.getValue("commitment") as string);
        break;
      case "Validation.VerdictRevealed":
        this.verdicts.get(taskOf(log))?.opened.add(number("seat"));
        break;
      case "Validation.VerdictClosed":
        this.verdicts.delete(taskOf(log));
        break;
      case "Session.RouterChanged": {
        const routers = this.routers.get(number("session")) ?? new Map<string, string>();
        this.routers.set(number("session"), routers);
        if (args.getValue("allowed")) routers.set(args.getValue("router") as string, args.getValue("endpoint") as string);
        else routers.delete(args.getValue("router") as string);
        break;
      }
      case "Session.LeaseReserved":
        this.reservations.set(number("session"), number("seedBlock"));
        break;
      case "Session.LeaseStarted":
      case "Session.ReservationCancelled":
        this.reservations.delete(number("session"));
        break;
      case "NodePool.EndpointChanged":
        this.endpoints.set(number("node"), args.getValue("endpoint") as string);
        this.nodeCount = Math.max(this.nodeCount, number("node"));
        break;
      case "NodePool.LeaseDrawn":
        this.leases.set(number("lease"), { nodes: membersOf(args.getValue("members") as bigint, number("size")), until: number("until") });
        break;
      case "NodePool.LeaseShortened": {
        const lease = this.leases.get(number("lease"));
        if (lease) lease.until = number("until");
        break;
      }
      case "NodePool.LeaseCollected":
        this.leases.delete(number("lease"));
        break;
    }
  }

  /** Forgets a task; for those that settled long ago. */
  forget(task: bigint): void {
    this.tasks.delete(task);
    this.verdicts.delete(task);
  }
}

const taskOf = ({ args }: DecodedLog) => args.getValue("task") as bigint;

/** What an event is about, for keeping and pruning logs: logs with one subject can be dropped together once it has ended. */
export function subjectOf({ module, name, args }: DecodedLog): string | undefined {
  if (module === "SessionQueue" || module === "Validation") return `task:${String(args.getValue("task"))}`;
  if (name === "LeaseDrawn" || name === "LeaseShortened" || name === "LeaseCollected") return `lease:${String(args.getValue("lease"))}`;
  if (name === "EndpointChanged") return `endpoint:${String(args.getValue("node"))}`;
  if (name === "RouterChanged") return `router:${String(args.getValue("session"))}:${String(args.getValue("router"))}`;
  if (name === "LeaseReserved" || name === "LeaseStarted" || name === "ReservationCancelled")
    return `draw:${String(args.getValue("session"))}`;
  return undefined;
}
