import { emptyTask } from "hardhat/config";
import { subtask } from "../declaration.ts";

const model = { model: "the model's name, or the sha256 of its file (0x...)" };

export const modelTasks = [
  emptyTask("model", "Models that nodes may serve, by the sha256 of their file").build(),
  subtask(["model", "list"], "Lists the registered models", {}, () => import("./list.ts")),
  subtask(["model", "show"], "Shows one model", { options: model }, () => import("./show.ts")),
  subtask(
    ["model", "register"],
    "Registers a model (governance)",
    {
      changes: true,
      options: {
        file: "the model's file: its sha256 becomes the id (or give --model)",
        model: "sha256 of the model's file (0x...), instead of --file",
        name: "short name",
        quantisation: "class of precision, for example F16",
        price: "COR per 1,000 tokens and answer",
        contextTokens: "longest context, tokens",
        agreement: "largest Hamming distance of sketches that agree, 0 to 256",
        embedding: "sha256 of the embedding model's file (0x...)",
      },
    },
    () => import("./register.ts"),
  ),
  subtask(
    ["model", "reprice"],
    "Sets the price for sessions to come (governance)",
    { changes: true, options: { ...model, price: "COR per 1,000 tokens and answer" } },
    () => import("./reprice.ts"),
  ),
  subtask(
    ["model", "deprecate"],
    "Ends new sessions and nodes of a model (governance)",
    { changes: true, options: model },
    () => import("./deprecate.ts"),
  ),
  subtask(
    ["model", "agreement"],
    "Sets the agreement threshold of one service type, for sessions to come (governance)",
    {
      changes: true,
      options: {
        ...model,
        service: "completion, chat, classification, synthetic, oracle or embedding",
        agreement: "largest Hamming distance of sketches that agree, 0 to 256",
      },
    },
    () => import("./agreement.ts"),
  ),
  subtask(
    ["model", "genuineness"],
    "Sets when an answer passes as the model's own, for tasks to come (governance)",
    {
      changes: true,
      options: {
        ...model,
        leastMatch: "least share of positions that match, 1/10,000",
        mostDelta: "largest mean difference of log-probabilities, millionths",
      },
    },
    () => import("./genuineness.ts"),
  ),
  subtask(
    ["model", "engine"],
    "Admits an engine class for answers of a model, or dismisses it (governance)",
    {
      changes: true,
      options: { ...model, engine: "its canonical description, or the hash of that" },
      flags: { dismiss: "Dismiss instead" },
    },
    () => import("./engine.ts"),
  ),
];
