import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

const round = { round: "the round's number" };

export const roundTasks = [
  emptyTask("round", "Network work: rounds in which nodes create, answer and score").build(),
  subtask(["round", "list"], "The last rounds, the newest first", { options: { last: ["how many", "10"] } }, () => import("./list.ts")),
  subtask(["round", "show"], "One round: where it is, who is in it, what it waits for", { options: round }, () => import("./show.ts")),
  subtask(
    ["round", "open"],
    "Leading oracle, and anyone after the grace: opens a round",
    {
      changes: true,
      options: {
        model: "name or sha256 (default: the first current one)",
        kind: ["liveness or capability", "liveness"],
        level: ["class of nodes that answer a capability round: low (all), medium or high", "low"],
      },
    },
    () => import("./open.ts"),
  ),
  subtask(
    ["round", "advance"],
    "Leading oracle, and anyone after the grace: does what is due (a draw, replacing the late, ending)",
    { changes: true, options: round },
    () => import("./advance.ts"),
  ),
  subtask(
    ["round", "export"],
    "Writes judged rounds as a data set: JSONL under a content id that names its parent",
    {
      options: {
        out: "file to write (default: none, only the content id is shown)",
        parent: "content id of the version before (default: none)",
        first: ["first round", "1"],
      },
    },
    () => import("./export.ts"),
  ),
];
