import { amount, instant } from "../amounts.ts";
import { command } from "../command.ts";
import { vestingMeant } from "./vesting.ts";

export default command(async (context, args: { vesting?: string }) => {
  const { target, contract } = await vestingMeant(context, args.vesting);
  const { COR } = context.deployment.addresses;
  const read = async <T>(view: string, ...values: unknown[]) => (await contract.getFunction(view).staticCall(...values)) as T;
  const released = await read<bigint>("released(address)", COR);
  const held = await context.views.corBalance(target.address);
  return {
    vesting: target.address,
    beneficiary: await read<string>("owner"),
    allotted: amount(held + released),
    released: amount(released),
    releasable: amount(await read<bigint>("releasable(address)", COR)),
    start: instant(Number(await read<bigint>("start"))),
    cliff: instant(Number(await read<bigint>("cliff"))),
    end: instant(Number(await read<bigint>("end"))),
  };
});
