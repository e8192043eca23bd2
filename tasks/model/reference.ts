import type { ModelView } from "../../offchain/chain/views.ts";
import { bytes32 } from "../arguments.ts";
import type { Context } from "../command.ts";
import { Refusal } from "../failure.ts";

const MOST_MODELS = 1_000;

export interface RegisteredModel extends ModelView {
  id: string;
}

/** All registered models, in order of registration. */
export async function registeredModels({ contracts, views }: Context): Promise<RegisteredModel[]> {
  const ids = await contracts.ModelRegistry.models(0, MOST_MODELS);
  return await Promise.all(ids.map(async (id) => ({ id, ...(await views.model(id))! })));
}

/** The model that an id or a name means; without a word, the first that is not deprecated. Throws Refusal. */
export async function modelMeant(context: Context, word: string | undefined): Promise<RegisteredModel> {
  const models = await registeredModels(context);
  const id = word?.startsWith("0x") ? bytes32(word, "--model") : undefined;
  const found = models.find((model) => (word === undefined ? model.deprecatedAt === 0 : model.id === id || model.name === word));
  if (found !== undefined) return found;
  const names = models.map(({ name }) => name).join(", ") || "none";
  throw new Refusal(
    "ModelUnknown",
    `found ${word === undefined ? "no current model" : `no model ${JSON.stringify(word)}`} on this chain (registered: ${names}), wanted one; see model list`,
  );
}
