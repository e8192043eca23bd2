import { PAUSABLE } from "../../scripts/deploy.ts";
import { instant } from "../amounts.ts";
import { command } from "../command.ts";

const COOL_DOWN = 30 * 86_400;

export default command(async ({ contracts, endpoint }) => {
  const now = (await endpoint.provider.getBlock("latest"))!.timestamp;
  return {
    modules: await Promise.all(
      PAUSABLE.map(async (module) => {
        const until = Number(await contracts[module].pausedUntil());
        return { module, paused: until >= now, until: instant(until), nextFrom: instant(until === 0 ? 0 : until + COOL_DOWN + 1) };
      }),
    ),
  };
});
