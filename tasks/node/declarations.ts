import { subtask } from "../declaration.ts";

const node = { node: "the node's number" };

/** Subtasks of Hardhat's own `node`, which starts a chain. */
export const nodeTasks = [
  subtask(
    ["node", "register"],
    "Enters a node: stakes COR and names the key that signs for it",
    {
      changes: true,
      options: {
        model: "model that the node serves: name or sha256 (default: the first current one)",
        stake: "COR to stake (default: the minimum in force)",
        owner: "who owns the node and stakes, as in --from (default: --from)",
        operatorKey: "who signs for the node, as in --from; accepts in the same run (default: the owner)",
        operator: "address that signs for the node, instead of --operator-key; must run node accept",
        endpoint: ["base URL of the node's content server", ""],
      },
    },
    () => import("./register.ts"),
  ),
  subtask(
    ["node", "accept"],
    "Proposed operator: signs for the node from now on",
    { changes: true, options: node },
    () => import("./accept.ts"),
  ),
  subtask(
    ["node", "propose"],
    "Owner: names a new operator, which must accept",
    { changes: true, options: { ...node, operator: "address, or as in --from" } },
    () => import("./propose.ts"),
  ),
  subtask(
    ["node", "show"],
    "Shows a node: state, stake, earnings, reputation",
    { options: { ...node, operator: "address of its operator, instead of --node" } },
    () => import("./show.ts"),
  ),
  subtask(["node", "list"], "Lists the nodes", { options: { model: "only those of this model" } }, () => import("./list.ts")),
  subtask(
    ["node", "serve"],
    "Operator or owner: switches the node on (or off), or to another model",
    { changes: true, options: { ...node, model: "model to serve (default: the present one)" }, flags: { off: "Take no more work" } },
    () => import("./serve.ts"),
  ),
  subtask(
    ["node", "announce"],
    "Operator or owner: announces where content is served",
    { changes: true, options: { ...node, endpoint: "base URL" } },
    () => import("./announce.ts"),
  ),
  subtask(
    ["node", "stake"],
    "Owner: adds stake",
    { changes: true, options: { ...node, amount: "COR to add" } },
    () => import("./stake.ts"),
  ),
  subtask(["node", "exit"], "Owner: asks to leave; the stake thaws", { changes: true, options: node }, () => import("./exit.ts")),
  subtask(
    ["node", "withdraw"],
    "Owner: takes the stake after the thaw",
    { changes: true, options: { ...node, to: "receiver (default: the sender)" } },
    () => import("./withdraw.ts"),
  ),
  subtask(
    ["node", "admit"],
    "Admits a node, or dismisses it (governance)",
    { changes: true, options: node, flags: { dismiss: "Dismiss instead" } },
    () => import("./admit.ts"),
  ),
  subtask(
    ["node", "excuse"],
    "Anyone: gives a node back what it lost for not opening while the chain stood still",
    { changes: true, options: node },
    () => import("./excuse.ts"),
  ),
  subtask(
    ["node", "collect"],
    "Anyone: returns the members of a lapsed lease to the pool",
    { changes: true, options: { lease: "the lease's number" } },
    () => import("./collect.ts"),
  ),
];
