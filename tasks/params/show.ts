import { command } from "../command.ts";
import { parametersInForce } from "./governed.ts";

export default command(async (context) => ({
  parameters: [...(await parametersInForce(context))].map(([parameter, value]) => ({ parameter, value })),
}));
