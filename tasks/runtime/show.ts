import { MODULE_NAMES } from "../../offchain/chain/abis.ts";
import { command } from "../command.ts";

export default command(async ({ contracts, deployment }) => {
  const [names, found] = await contracts.Runtime.modules();
  const modules = new Map<string, string>([
    ...names.map((name, i) => [name, found[i]!] as const),
    ["Runtime", deployment.addresses.Runtime],
  ]);
  const all = [...new Set<string>([...MODULE_NAMES, ...modules.keys()])];
  const recorded: Record<string, string> = deployment.addresses;
  return {
    runtime: deployment.addresses.Runtime,
    modules: all.map((module) => ({
      module,
      address: modules.get(module) ?? null,
      inRecord: recorded[module] ?? null,
      agrees: recorded[module] === modules.get(module),
    })),
  };
});
