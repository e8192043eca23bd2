import { required } from "../arguments.ts";
import { command } from "../command.ts";
import { perform } from "../transaction.ts";
import { changesOf } from "./governed.ts";

export default command(async (context, args: { set?: string }) => {
  const { changed, calls } = await changesOf(context, required(args.set, "--set", "pairs like session.bounty=2000"));
  return await perform(context, calls, () => ({ changed }));
});
