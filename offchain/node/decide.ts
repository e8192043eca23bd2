import { decideMiner, type MinerAction, owesReveal } from "./roles/miner.ts";
import { decideOracle, type OracleAction } from "./roles/oracle.ts";
import { decideValidator, owesVerdict, type ValidatorAction } from "./roles/validator.ts";
import type { Observation } from "./world.ts";

/** Everything that some role may decide on. */
export type Action = MinerAction | OracleAction | ValidatorAction;

/** What a role does next, and what of it must still be done by a node that takes nothing new. Both pure. */
interface RoleDecisions {
  decide: (observation: Observation) => Action[];
  owed: (observation: Observation) => Action[];
}

export const ROLES = ["miner", "oracle", "validator"] as const;
export type Role = (typeof ROLES)[number];

const ROLE_DECISIONS: Record<Role, RoleDecisions> = {
  miner: {
    decide: ({ seats, now }) => seats.map((sight) => decideMiner(sight, now)),
    owed: ({ seats, now }) => seats.filter((sight) => owesReveal(sight, now)).map((sight) => decideMiner(sight, now)),
  },
  oracle: {
    decide: (observation) => decideOracle(observation, observation.turns, observation.now),
    owed: () => [],
  },
  validator: {
    decide: ({ verdicts, now }) => verdicts.map((sight) => decideValidator(sight, now)),
    owed: ({ verdicts, now }) => verdicts.filter(owesVerdict).map((sight) => decideValidator(sight, now)),
  },
};

/** What a node with these roles does now. Pure. */
export function decide(observation: Observation, roles: readonly Role[]): Action[] {
  return roles.flatMap((role) => ROLE_DECISIONS[role].decide(observation));
}

/** What a node that drains must still finish, waiting included; empty once it may end. Every role counts, also one that was switched off. Pure. */
export function owed(observation: Observation): Action[] {
  return ROLES.flatMap((role) => ROLE_DECISIONS[role].owed(observation));
}
