import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

const session = { session: "the session's number" };
const receiver = "address, or as in --from (default: the sender)";

export const sessionTasks = [
  emptyTask("session", "Funded rights to inference on agreed terms").build(),
  subtask(
    ["session", "open"],
    "Opens a session owned by the sender",
    {
      changes: true,
      options: {
        model: "name or sha256 (default: the first current one)",
        redundancy: ["independent answers per prompt, 1 to 9", "3"],
        quorum: "answers that must agree (default: a bare majority)",
        leaseNodes: "nodes that a lease draws (default: the redundancy)",
        mode: [
          "leased: committees come from the session's lease; per-task: drawn for each task; hybrid: a lease of its own nodes first; dedicated: of its own nodes only",
          "leased",
        ],
        comparison: ["semantic (sketches) or exact (digests)", "semantic"],
        queueWindow: ["longest wait for an assignment, seconds (mode per-task)", "60"],
        service: ["kind of work: completion, chat, classification, synthetic-data, oracle-query or embedding", "chat"],
        level: ["class of nodes that may be drawn: low (all), medium or high", "low"],
        validators: ["validators per judged task, 0 to 4", "0"],
        sample: ["share of the tasks that validators judge, 1/10,000", "0"],
        bar: ["lowest median usefulness that is paid, 0 to 10; 0: none", "0"],
        verdictCommitWindow: ["time for validators to commit, seconds", "60"],
        verdictRevealWindow: ["time for validators to open, seconds", "60"],
        appealWindow: ["time in which a verdict can be appealed, seconds; 0: not at all", "0"],
        commitWindow: ["time to commit, seconds", "60"],
        revealWindow: ["time to reveal, seconds", "60"],
        maxPrompts: ["most prompts of a task", "16"],
        maxPromptTokens: "most tokens of a prompt (default: the model's context)",
        maxTokens: "most output tokens of a prompt (default: 128, or the model's context where it is less)",
        priceCeiling: "highest accepted COR per 1,000 tokens (default: the model's price now)",
      },
      flags: {
        widen: "Take nodes of lower classes where too few of --level are free",
        rerun: "Try once more with other nodes where no majority is found",
      },
    },
    () => import("./open.ts"),
  ),
  subtask(
    ["session", "fund"],
    "Pays COR into the session (as payment deposit)",
    { changes: true, options: { ...session, amount: "COR" } },
    () => import("../payment/deposit.ts"),
  ),
  subtask(
    ["session", "reserve"],
    "Owner or router: asks for a lease; it is drawn by session draw once its seed is mined",
    {
      changes: true,
      options: { ...session, seconds: ["length of the lease", "3600"], tasks: ["tasks that may be born under it; 0: as many as fit", "0"] },
    },
    () => import("./reserve.ts"),
  ),
  subtask(["session", "draw"], "Anyone: draws the reserved lease", { changes: true, options: session }, () => import("./draw.ts")),
  subtask(
    ["session", "cancel"],
    "Anyone: cancels a reservation that was not drawn in time",
    { changes: true, options: session },
    () => import("./cancel.ts"),
  ),
  subtask(
    ["session", "router"],
    "Owner: lets a router submit for the session, or stops it",
    {
      changes: true,
      options: {
        ...session,
        add: "the router: address, or as in --from",
        remove: "the same, to stop it",
        endpoint: ["base URL of the router", ""],
      },
    },
    () => import("./router.ts"),
  ),
  subtask(["session", "show"], "Shows a session: terms, money, lease, routers", { options: session }, () => import("./show.ts")),
  subtask(["session", "list"], "Lists the last sessions", { options: { last: ["how many", "20"] } }, () => import("./list.ts")),
  subtask(
    ["session", "close"],
    "Owner: no new tasks; what runs ends as it began",
    { changes: true, options: session },
    () => import("./close.ts"),
  ),
  subtask(
    ["session", "refund"],
    "Owner: takes money back that is not locked",
    { changes: true, options: { ...session, amount: "COR (default: all that is available)", to: receiver } },
    () => import("./refund.ts"),
  ),
];
