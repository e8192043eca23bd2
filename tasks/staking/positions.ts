import type { Context } from "../command.ts";

/** The positions of an account that are still staked, in order. */
export async function positionsOf({ contracts: { Staking } }: Context, owner: string) {
  const count = Number(await Staking.positionCount());
  const all = await Promise.all(
    Array.from({ length: count }, async (_, i) => ({ position: i + 1, entry: await Staking.positionOf(i + 1) })),
  );
  return all.filter(({ entry }) => entry.owner === owner);
}
