import { command } from "../command.ts";
import { parametersOf } from "../net/parameters.ts";
import { deployedWith, parametersInForce } from "./governed.ts";

export default command(async (context) => {
  const inForce = await parametersInForce(context);
  const file = deployedWith(parametersOf(context.endpoint.chainId).parameters);
  const names = [...new Set([...inForce.keys(), ...file.keys()])];
  const rows = names.map((parameter) => ({
    parameter,
    inForce: inForce.get(parameter) ?? null,
    inFile: file.get(parameter) ?? null,
  }));
  return { differences: rows.filter((row) => row.inForce !== row.inFile) };
});
