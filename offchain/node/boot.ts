import { existsSync } from "node:fs";
import path from "node:path";
import { formatEther } from "ethers";
import type { NodeView, Views } from "../chain/views.ts";
import { loadModels, modelNamed, type ModelEntry } from "../inference/models.ts";
import { EXIT, Fatal } from "../runtime/exit.ts";
import type { Logger } from "../runtime/log.ts";
import type { NodeConfig } from "./config.ts";

/** Checks that come before any work: whatever does not fit ends the program with one line. */

/** The node that the key operates. Throws Fatal (notRegistered, fundsShort). */
export async function registeredNode(views: Views, operator: string, log: Logger): Promise<{ node: number; view: NodeView }> {
  const node = await views.nodeOfOperator(operator);
  if (node === 0)
    throw new Fatal(
      EXIT.notRegistered,
      `found no node that ${operator} operates, wanted a registered one; register it (and accept as its operator)`,
    );
  const view = await views.node(node);
  if (view.stake < view.minStake) {
    const found = `found a stake of ${formatEther(view.stake)} COR for node ${node}, wanted at least ${formatEther(view.minStake)}`;
    throw new Fatal(EXIT.fundsShort, `${found}; its owner can add stake`);
  }
  if (!view.admitted) log.warn({ node }, "the node is not admitted; it is in no draw until governance admits it");
  if (!view.available) log.warn({ node }, "the node is switched off; it is in no draw until it is switched on");
  if (view.exitAt !== 0) log.warn({ node, exitAt: view.exitAt }, "the node is exiting; it is in no draw");
  return { node, view };
}

/**
 * The files of the model that the node is registered with and of the embedding model that the registry names for it. Their expected hashes come
 * from the chain; starting the engine compares. Throws Fatal (integrity), or EngineError.
 */
export async function registeredModels(
  views: Views,
  { model: id }: NodeView,
  config: NodeConfig,
  log: Logger,
): Promise<{ model: ModelEntry; embed: ModelEntry }> {
  const registered = await views.model(id);
  if (registered === undefined)
    throw new Fatal(
      EXIT.integrity,
      `found model ${id} for this node, and ModelRegistry does not know it; wanted a registered model; switch the node to one`,
    );
  if (registered.deprecatedAt !== 0) log.warn({ model: registered.name }, "the model is deprecated; it takes no new sessions");
  const list = await loadModels(path.join(config.modelsDir, "registry.json"));
  const file = config.model !== undefined && existsSync(config.model) ? path.resolve(config.model) : undefined;
  const sha256 = id.slice(2);
  // Where no model is named, the one that the node is registered with is meant.
  const named = config.model === undefined ? list.models.find((model) => model.sha256 === sha256) : undefined;
  const entry = named ?? (file === undefined ? modelNamed(list, config.model) : list.models.find((model) => model.path === file));
  const name = entry?.id ?? path.basename(file!);
  if (entry !== undefined && entry.sha256 !== sha256) {
    const wanted = `wanted ${sha256} (${registered.name}), the model that the node is registered with`;
    throw new Fatal(
      EXIT.integrity,
      `found model ${name} with sha256 ${entry.sha256}, ${wanted}; give that --model, or switch the node to this one`,
    );
  }
  const embedSha256 = registered.embedding.slice(2);
  const embed = list.models.find((model) => model.sha256 === embedSha256);
  if (embed === undefined)
    throw new Fatal(
      EXIT.integrity,
      `found no model with sha256 ${embedSha256} in ${config.modelsDir}, wanted the embedding model of ${registered.name}; put it there`,
    );
  const { quantisation, contextTokens } = registered;
  const own: ModelEntry = {
    id: name,
    file: file ?? "",
    path: file ?? "",
    bytes: 1,
    sha256,
    quantisation,
    contextTokens,
    kind: "generation",
  };
  return { model: entry ?? own, embed };
}

/** The model that a cheat of a test runs in place of the registered one. Throws EngineError ModelUnknown. */
export async function substituteModel(modelsDir: string, id: string): Promise<ModelEntry> {
  return modelNamed(await loadModels(path.join(modelsDir, "registry.json")), id);
}
