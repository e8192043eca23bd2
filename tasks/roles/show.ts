import { rolesOf } from "../../scripts/deployment/chainState.ts";
import { ADMIN_ROLE, GUARDIAN_ROLE, REGISTRAR_ROLE } from "../../scripts/deploy.ts";
import { interfaces, MODULE_NAMES } from "../../offchain/chain/abis.ts";
import { command } from "../command.ts";

const NAMES: Record<string, string> = {
  [`${ADMIN_ROLE}`]: "administrator",
  [`${GUARDIAN_ROLE}`]: "guardian",
  [`${REGISTRAR_ROLE}`]: "registrar",
};
const nameOf = (role: string) => NAMES[role] ?? `role ${role}`;

export default command(async ({ endpoint, deployment }) => {
  const { members, functions } = await rolesOf(endpoint.provider, deployment.addresses, deployment.blockNumber);
  const may = new Map<string, string[]>();
  for (const [name, role] of Object.entries(functions)) may.set(role, [...(may.get(role) ?? []), name]);
  const governed = MODULE_NAMES.filter((name) => interfaces[name].hasFunction("setAuthority"));
  return {
    authority: deployment.addresses.AccessManager,
    roles: Object.entries(members).map(([role, held]) => ({
      role: nameOf(role),
      members: Object.entries(held).map(([member, delay]) => (delay === "0" ? member : `${member} (after ${delay} s)`)),
      functions:
        role === `${ADMIN_ROLE}` ? [`every governed function of ${governed.join(", ")} that is not listed here`] : (may.get(role) ?? []),
    })),
  };
});
