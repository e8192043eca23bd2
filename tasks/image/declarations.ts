import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

const image = { image: "sha256 of the image's bytes (0x...)" };

export const imageTasks = [
  emptyTask("image", "Builds of a node, and who runs which").build(),
  subtask(["image", "list"], "Lists the published images with the nodes that declare them", {}, () => import("./list.ts")),
  subtask(
    ["image", "publish"],
    "Publishes an image under a bond",
    {
      changes: true,
      options: {
        file: "the image's file: its sha256 becomes the id (or give --image)",
        ...image,
        kind: ["binary or system", "binary"],
        source: "where to get it and what it is, at most 256 bytes",
      },
    },
    () => import("./publish.ts"),
  ),
  subtask(
    ["image", "retire"],
    "Publisher: no node may declare it any more",
    { changes: true, options: image },
    () => import("./retire.ts"),
  ),
  subtask(
    ["image", "withdraw"],
    "Publisher: takes the bond of a retired image",
    { changes: true, options: { ...image, to: "receiver (default: the sender)" } },
    () => import("./withdraw.ts"),
  ),
  subtask(
    ["image", "declare"],
    "A node's owner or operator: says which image the node runs; without --image, none",
    { changes: true, options: { node: "the node's number", ...image } },
    () => import("./declare.ts"),
  ),
];
