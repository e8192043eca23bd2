import { required } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { modelMeant } from "./reference.ts";

export default command(async (context, args: { model?: string }) => {
  const { id, name } = await modelMeant(context, required(args.model, "--model", "a model's name or sha256"));
  return await perform(context, [{ module: "ModelRegistry", method: "deprecate", args: [id] }], () => ({
    model: id,
    name,
    deprecated: true,
  }));
});
