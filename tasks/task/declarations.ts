import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

const task = { task: "the task's id, or session and number like 1:1" };

export const taskTasks = [
  emptyTask("task", "Requests of sessions, from queued to settled").build(),
  subtask(
    ["task", "submit"],
    "Owner or router: submits a task and locks its worst-case price",
    {
      changes: true,
      options: {
        session: "the session's number",
        promptTokens: "tokens of each prompt under the model's chat template, with commas between them",
        manifest: "sha256 of a manifest that is in a content store already (0x...)",
        prompt: "text of the one prompt; the manifest is built and kept in --content",
        content: "folder of a content store that the session's router or a node serves, for --prompt",
        maxTokens: "most output tokens of a prompt (default: the session's)",
        temperature: ["for --prompt: 0 is greedy", "0"],
        seed: ["for --prompt: seed of the sampling", "0"],
        reference: "the sender's own mark, at most 31 bytes of text, or 0x and 64 hex digits",
      },
    },
    () => import("./submit.ts"),
  ),
  subtask(["task", "show"], "Shows a task: phase, facts, committee, events, outcome", { options: task }, () => import("./show.ts")),
  subtask(
    ["task", "list"],
    "Lists the last tasks of a session",
    { options: { session: "the session's number", last: ["how many", "20"] } },
    () => import("./list.ts"),
  ),
  subtask(
    ["task", "assign"],
    "Anyone: draws the nodes of a task without a lease",
    { changes: true, options: task },
    () => import("./assign.ts"),
  ),
  subtask(
    ["task", "settle"],
    "Anyone: ends a closed task from what the chain has recorded; with --openings, reveals",
    {
      changes: true,
      options: { ...task, openings: "file with openings that are not on chain yet: JSON list of {seat, answers, claim, salt}" },
    },
    () => import("./settle.ts"),
  ),
  subtask(
    ["task", "cancel"],
    "Owner or router: takes a task back before its seed is mined",
    { changes: true, options: task },
    () => import("./cancel.ts"),
  ),
];
