import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { modulesMeant } from "./pause.ts";

export default command(async (context, args: { module: string }) => {
  const modules = modulesMeant(args.module);
  return await perform(
    context,
    modules.map((module) => ({ module, method: "pause", args: [0] })),
    () => ({ lifted: modules }),
  );
});
