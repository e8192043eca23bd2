import { existsSync } from "node:fs";
import path from "node:path";
import { pullFile } from "../../inference/modelPull.ts";
import { loadModels, verifyModelFile } from "../../inference/models.ts";
import { EXIT, Fatal } from "../../runtime/exit.ts";
import { type ChainContext, Desk, operatorWallet } from "./context.ts";
import type { Report } from "./output.ts";
import { progressLine } from "./progress.ts";

/** Files of the models folder beside what the chain knows of them. */
export async function listModels({ config, views }: ChainContext): Promise<Report> {
  const { models } = await loadModels(path.join(config.modelsDir, "registry.json"));
  const rows = await Promise.all(
    models.map(async ({ id, sha256, kind, path: file, quantisation }) => {
      const known = kind === "generation" ? await views.model(`0x${sha256}`) : undefined;
      const state =
        kind === "embedding" ? "embedder" : known === undefined ? "unknown" : known.deprecatedAt === 0 ? "registered" : "deprecated";
      return { id, sha256, quantisation, state, file: existsSync(file) };
    }),
  );
  const lines = rows.map(
    ({ id, sha256, state, file }) =>
      `${id.padEnd(20)} ${sha256.slice(0, 16)}…  ${state.padEnd(10)} ${file ? "" : "file missing (models pull)"}`,
  );
  return { data: { models: rows }, lines };
}

/** Downloads a model file; what comes must hash to a model that the chain knows. */
export async function pullModel({ config, views }: ChainContext, url: string, sha256?: string): Promise<Report> {
  const wanted = (sha256 ?? (await registeredSha256(config, views))).toLowerCase().replace(/^0x/, "");
  const known = await views.model(`0x${wanted}`);
  if (known === undefined)
    throw new Fatal(EXIT.integrity, `found ${wanted} unknown to ModelRegistry, wanted the sha256 of a registered model; see models list`);
  const name = path.basename(new URL(url).pathname) || `${wanted}.gguf`;
  const file = path.join(config.modelsDir, name);
  const bytes = await pullFile({ url, file, sha256: wanted, onProgress: progressLine(`pulling ${known.name}`) });
  await verifyModelFile({ id: known.name, path: file, sha256: wanted });
  return { data: { file, bytes, sha256: wanted }, lines: [`✔ ${file}, ${bytes} bytes, sha256 as ModelRegistry says`] };
}

async function registeredSha256(config: ChainContext["config"], views: ChainContext["views"]): Promise<string> {
  const node = await views.nodeOfOperator((await operatorWallet(config)).address);
  if (node === 0) throw new Fatal(EXIT.usage, "found neither --sha256 nor a registered node, wanted one of them");
  return (await views.node(node)).model;
}

/** Serves another model from the next draw on; a running node loads it without a restart. */
export async function useModel(context: ChainContext, id: string): Promise<Report> {
  const { config, views } = context;
  const wallet = await operatorWallet(config);
  const node = await views.nodeOfOperator(wallet.address);
  if (node === 0)
    throw new Fatal(EXIT.notRegistered, `found no node that ${wallet.address} operates, wanted a registered one; register it first`);
  const { models } = await loadModels(path.join(config.modelsDir, "registry.json"));
  const entry = models.find((model) => model.id === id || model.sha256 === id.replace(/^0x/, ""));
  if (entry === undefined)
    throw new Fatal(
      EXIT.configInvalid,
      `found no model ${id} in ${config.modelsDir}, wanted one of: ${models.map((model) => model.id).join(", ")}`,
    );
  await verifyModelFile(entry);
  const desk = await Desk.open(context, wallet, "model");
  try {
    const call = {
      id: `serve:${node}:${entry.sha256}:${Date.now()}`,
      module: "NodePool",
      method: "serve",
      args: [node, `0x${entry.sha256}`, true],
    } as const;
    const receipt = await desk.send({ ...call, args: [...call.args] });
    return { data: { node, model: entry.id, transaction: receipt.hash }, lines: [`✔ node ${node} serves ${entry.id}`] };
  } finally {
    desk.close();
  }
}
