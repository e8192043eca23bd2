import { required, wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { modelMeant } from "./reference.ts";

export default command(async (context, args: { model?: string; leastMatch?: string; mostDelta?: string }) => {
  const { id, name } = await modelMeant(context, required(args.model, "--model", "a model's name or sha256"));
  const leastMatch = wholeNumber(args.leastMatch, "--least-match", 0, 10_000);
  const mostDelta = wholeNumber(args.mostDelta, "--most-delta", 0, 2 ** 32 - 1);
  const step = { module: "ModelRegistry" as const, method: "setGenuineness", args: [id, { leastMatch, mostDelta }] };
  return await perform(context, [step], () => ({ model: id, name, leastMatch, mostDelta }));
});
