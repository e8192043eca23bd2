import { decideMiner, type MinerAction, owesReveal } from "./roles/miner.ts";
import { decideOracle, type OracleAction } from "./roles/oracle.ts";
import { decideValidator, owesVerdict, type ValidatorAction } from "./roles/validator.ts";
import { decideRound, owesRound, type RoundAction } from "./roles/rounds.ts";
import { decidePing, decideTime, type TimeAction } from "./roles/timekeeper.ts";
import type { Observation } from "./world.ts";

/** Everything that some role may decide on. */
export type Action = MinerAction | OracleAction | ValidatorAction | RoundAction | TimeAction;

/** What a role does next, and what of it must still be done by a node that takes nothing new. Both pure. */
interface RoleDecisions {
  decide: (observation: Observation) => Action[];
  owed: (observation: Observation) => Action[];
}

export const ROLES = ["miner", "oracle", "validator"] as const;
export type Role = (typeof ROLES)[number];

const ROLE_DECISIONS: Record<Role, RoleDecisions> = {
  miner: {
    decide: (seen) => [...seen.seats.map((sight) => decideMiner(sight, seen.now)), ...inRounds(seen, false)],
    owed: (seen) => [
      ...seen.seats.filter((sight) => owesReveal(sight, seen.now)).map((sight) => decideMiner(sight, seen.now)),
      ...owedInRounds(seen, false),
    ],
  },
  oracle: {
    decide: (seen) => [
      ...decideOracle(seen, seen.turns, seen.now),
      ...(seen.network === undefined ? [] : decideTime(seen.network.time, seen.turns, seen.now)),
    ],
    owed: () => [],
  },
  validator: {
    decide: (seen) => [...seen.verdicts.map((sight) => decideValidator(sight, seen.now)), ...inRounds(seen, true)],
    owed: (seen) => [...seen.verdicts.filter(owesVerdict).map((sight) => decideValidator(sight, seen.now)), ...owedInRounds(seen, true)],
  },
};

/** Rounds in which this node was drawn: to score, or for anything else. */
const drawn = ({ network }: Observation, scores: boolean) =>
  (network?.rounds ?? []).filter(({ role }) => (role === "validator") === scores);
const inRounds = (seen: Observation, scores: boolean) => drawn(seen, scores).map((sight) => decideRound(sight, seen.now));
const owedInRounds = (seen: Observation, scores: boolean) =>
  drawn(seen, scores)
    .filter((sight) => owesRound(sight, seen.now))
    .map((sight) => decideRound(sight, seen.now));

/** What a node with these roles does now. Pure. */
export function decide(observation: Observation, roles: readonly Role[]): Action[] {
  const { network, turns, now } = observation;
  const actions = roles.flatMap((role) => ROLE_DECISIONS[role].decide(observation));
  // Whatever it does, a node shows that it lives.
  return network === undefined || roles.includes("oracle") ? actions : [...actions, ...decidePing(network.time, turns, now)];
}

/** What a node that drains must still finish, waiting included; empty once it may end. Every role counts, also one that was switched off. Pure. */
export function owed(observation: Observation): Action[] {
  return ROLES.flatMap((role) => ROLE_DECISIONS[role].owed(observation));
}
