import type { Contract } from "ethers";
import { type Beside, besideMeant } from "../beside.ts";
import type { Context } from "../command.ts";

/** The vesting contract that --vesting names. Throws Refusal. */
export const vestingMeant = async (context: Context, text: string | undefined): Promise<{ target: Beside; contract: Contract }> =>
  await besideMeant(context, "Vesting", text, "cliff");
