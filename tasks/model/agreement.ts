import { oneOf, required, wholeNumber } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { modelMeant } from "./reference.ts";

/** As `ISession.Service` numbers them. */
const SERVICES = ["completion", "chat", "classification", "synthetic", "oracle", "embedding"] as const;

export default command(async (context, args: { model?: string; service?: string; agreement?: string }) => {
  const { id, name } = await modelMeant(context, required(args.model, "--model", "a model's name or sha256"));
  const service = oneOf(required(args.service, "--service", SERVICES.join(", ")), "--service", SERVICES);
  const agreement = wholeNumber(args.agreement, "--agreement", 0, 256);
  const step = { module: "ModelRegistry" as const, method: "setAgreement", args: [id, SERVICES.indexOf(service), agreement] };
  return await perform(context, [step], () => ({ model: id, name, service, agreement }));
});
