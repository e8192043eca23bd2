import { ZeroAddress } from "ethers";
import { amount, instant } from "../amounts.ts";
import { command } from "../command.ts";

export default command(async ({ contracts: { Treasury, SessionPayment, COR }, deployment: { addresses } }) => {
  const [older, newer] = await Treasury.observations();
  const router = await Treasury.ROUTER();
  return {
    treasury: addresses.Treasury,
    cor: amount(await COR.balanceOf(addresses.Treasury)),
    feesOwed: amount(await SessionPayment.owedTo(addresses.Treasury)),
    slippageBps: Number(await Treasury.slippage()),
    router: router === ZeroAddress ? null : router,
    quote: router === ZeroAddress ? null : await Treasury.QUOTE(),
    observedAt: [instant(Number(older.time)), instant(Number(newer.time))].filter((time) => time !== null).map(String),
  };
});
