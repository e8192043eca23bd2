import { amount, parseCor } from "../amounts.ts";
import { required } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { modelMeant } from "./reference.ts";

export default command(async (context, args: { model?: string; price?: string }) => {
  const { id, name } = await modelMeant(context, required(args.model, "--model", "a model's name or sha256"));
  const price = parseCor(required(args.price, "--price", "COR per 1,000 tokens"), "--price");
  const steps = [{ module: "ModelRegistry" as const, method: "reprice", args: [id, price] }];
  return await perform(context, steps, () => ({ model: id, name, price: amount(price) }));
});
