import { amount, instant } from "../amounts.ts";
import { command } from "../command.ts";
import { modelMeant } from "./reference.ts";

const PAGE = 1_000;

export default command(async (context, args: { model?: string }) => {
  const { id, price, deprecatedAt, name, quantisation, contextTokens, agreement, embedding } = await modelMeant(context, args.model);
  const { registeredAt } = await context.contracts.ModelRegistry.modelOf(id);
  return {
    model: id,
    name,
    quantisation,
    price: amount(price),
    contextTokens,
    agreement,
    embedding,
    registeredAt: instant(Number(registeredAt)),
    deprecatedAt: instant(deprecatedAt),
    eligibleNodes: (await context.contracts.NodePool.eligible(id, 0, PAGE)).map(Number),
  };
});
