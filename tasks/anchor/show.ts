import { amount } from "../amounts.ts";
import { command } from "../command.ts";
import { addressOf } from "../signer.ts";
import { anchorMeant } from "./anchor.ts";

export default command(async (context, args: { anchor?: string; account: string }) => {
  const { target, contract } = await anchorMeant(context, args.anchor);
  const account = await addressOf(context, args.account, "--account");
  const read = async <T>(view: string, ...values: unknown[]) => (await contract.getFunction(view).staticCall(...values)) as T;
  return {
    anchor: target.address,
    sourceChain: await read<bigint>("SOURCE_CHAIN").then(Number),
    sourceQueue: await read<string>("SOURCE_QUEUE"),
    challengeWindowSeconds: await read<bigint>("CHALLENGE_WINDOW").then(Number),
    bond: amount(await read<bigint>("bond")),
    checkpoints: await read<bigint>("checkpointCount").then(Number),
    held: amount(await read<bigint>("held")),
    account,
    owedToAccount: amount(await read<bigint>("owedTo", account)),
  };
});
