import { amount } from "../amounts.ts";
import { command } from "../command.ts";
import { registeredModels } from "./reference.ts";

export default command(async (context) => ({
  models: await Promise.all(
    (await registeredModels(context)).map(async ({ id, name, quantisation, price, contextTokens, deprecatedAt }) => ({
      name,
      quantisation,
      price: amount(price),
      contextTokens,
      eligibleNodes: await context.views.eligibleCount(id),
      deprecated: deprecatedAt !== 0,
      model: id,
    })),
  ),
}));
