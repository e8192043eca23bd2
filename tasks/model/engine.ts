import { id as hashOf, isHexString } from "ethers";
import { required } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { modelMeant } from "./reference.ts";

export default command(async (context, args: { model?: string; engine?: string; dismiss: boolean }) => {
  const { id, name } = await modelMeant(context, required(args.model, "--model", "a model's name or sha256"));
  const given = required(args.engine, "--engine", "an engine class's description, or its hash");
  const engine = isHexString(given, 32) ? given : hashOf(given);
  const admitted = !args.dismiss;
  const step = { module: "ModelRegistry" as const, method: "admitEngine", args: [id, engine, admitted] };
  return await perform(context, [step], () => ({ model: id, name, engine, admitted }));
});
