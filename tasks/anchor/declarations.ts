import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

const anchor = { anchor: "address of the Anchor contract" };
const checkpoint = { checkpoint: "the checkpoint's number" };

export const anchorTasks = [
  emptyTask("anchor", "Checkpoints of a network on another chain, provable on this one").build(),
  subtask(
    ["anchor", "deploy"],
    "Puts an Anchor for another chain's network beside the deployment, administered by its AccessManager",
    {
      changes: true,
      options: {
        sourceChain: "id of the other chain",
        sourceQueue: "address of its SessionQueue",
        challengeWindow: ["time in which a checkpoint can be contested, seconds", "86400"],
        bond: ["COR that a proposer and a challenger put up", "1000"],
      },
    },
    () => import("./deploy.ts"),
  ),
  subtask(
    ["anchor", "build"],
    "Collects the connected network's settled tasks and its nodes' accounts as the contents of a checkpoint",
    { options: { out: "file to write the contents to (default: none, only root and digest are shown)" } },
    () => import("./build.ts"),
  ),
  subtask(
    ["anchor", "list"],
    "The last checkpoints, the newest first",
    { options: { ...anchor, last: ["how many", "20"] } },
    () => import("./list.ts"),
  ),
  subtask(
    ["anchor", "show"],
    "Shows an anchor: its source, its terms, what it owes the sender",
    { options: { ...anchor, account: ["whose money to show, as in --from", "0"] } },
    () => import("./show.ts"),
  ),
  subtask(
    ["anchor", "propose"],
    "Anyone: proposes a checkpoint under the bond",
    { changes: true, options: { ...anchor, contents: "file that anchor build wrote", block: "block of the other chain that it is of" } },
    () => import("./propose.ts"),
  ),
  subtask(
    ["anchor", "contest"],
    "Anyone: contests a checkpoint under an equal bond",
    { changes: true, options: { ...anchor, ...checkpoint, reason: "what is false, at most 256 bytes" } },
    () => import("./contest.ts"),
  ),
  subtask(
    ["anchor", "resolve"],
    "Says whether a contested checkpoint is true (governance)",
    { changes: true, options: { ...anchor, ...checkpoint }, flags: { reject: "It is false; without this it is true" } },
    () => import("./resolve.ts"),
  ),
  subtask(
    ["anchor", "close"],
    "Anyone: ends a final or rejected checkpoint; its bonds are owed from then on",
    { changes: true, options: { ...anchor, ...checkpoint } },
    () => import("./close.ts"),
  ),
  subtask(
    ["anchor", "withdraw"],
    "Takes what an anchor owes the sender",
    { changes: true, options: { ...anchor, to: "receiver: address, or as in --from (default: the sender)" } },
    () => import("./withdraw.ts"),
  ),
  subtask(
    ["anchor", "prove"],
    "Proves a task's end or a node's account by a final checkpoint",
    {
      options: {
        ...anchor,
        ...checkpoint,
        contents: "file with the checkpoint's contents",
        task: "the other chain's task, id or session and number like 1:1",
        node: "the other chain's node, instead of --task",
      },
    },
    () => import("./prove.ts"),
  ),
];
