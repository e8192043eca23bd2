const NEXT_BLOCK = "wait for the next block (where a chain mines on demand, any transaction makes one) and try again";

/** What to do about a custom error of the contracts, by its name. */
const ADVICE: Record<string, string> = {
  AllowanceExceeded: "wait until earlier uses are 24 hours old, or stake more (staking show)",
  GovernorInsufficientProposerVotes: "delegate enough COR to the proposer first (governance delegate), a block before",
  GovernorUnexpectedProposalState: "see governance status for where the proposal is and when that changes",
  ImageRegistryTooEarly: "wait until then",
  IncentivesNothing: "staking is funded a year ahead already",
  PauseActive: "wait until then (guard status); what runs goes on",
  PauseTooEarly: "wait until then",
  StakingLocked: "wait until then (staking show)",
  StakingNothing: "see staking show",
  StakingUnauthorized: "send it --from the position's owner (staking show)",
  TimelockUnexpectedOperationState: "wait until the timelock has passed (governance status)",
  TreasuryNoAverage: "run treasury observe, and again 30 minutes later",
  TreasuryNoPair: "the network was deployed without a market for COR",
  AccessManagedUnauthorized: "send it --from the account that administers the AccessManager",
  ERC20InsufficientBalance: "send COR there first (payment transfer)",
  ModelRegistryUnknown: "see model list",
  ModelRegistryAlreadyRegistered: "see model show",
  NodePoolExitState: "see node show: ask with node exit once, withdraw after its exitAt",
  NodePoolLeased: "wait until the lease has lapsed, then node collect",
  NodePoolModelUnavailable: "choose a model of model list",
  NodePoolNoLease: "see session show for its lease",
  NodePoolOperatorTaken: "choose another operator key: an address operates at most one node",
  NodePoolStakeTooLow: "raise --stake",
  NodePoolTooEarly: "wait until then",
  NodePoolTooFewNodes:
    "register or free more nodes of the model (node list), of owners that differ from each other and from the session's, or open a session with fewer --lease-nodes",
  NodePoolUnauthorized: "send it --from the wanted account",
  NodePoolUnknownNode: "see node list",
  SessionIsClosed: "open another session",
  SessionLeaseTooShort: "reserve a lease (session reserve), draw it (session draw), then submit again",
  SessionMaxTokens: "lower --max-tokens",
  SessionModelUnavailable: "choose a model of model list",
  SessionPaymentInsufficient: "fund the session (session fund)",
  SessionPaymentNothingOwed: "nothing is to be withdrawn (payment show)",
  SessionPaymentUnauthorized: "send it --from the wanted account",
  SessionPriceAboveCeiling: "raise --price-ceiling",
  SessionPromptCount: "give one number of --prompt-tokens for each prompt, within the session's limit (session show)",
  SessionPromptTooLong: "shorten the prompt, or open a session with more --max-prompt-tokens",
  SessionReservation: "see session show: a pending draw is ended by session draw or session cancel; without one, session reserve",
  SessionSeedNotMined: NEXT_BLOCK,
  SessionTermOutOfRange: "choose a value between least and most",
  SessionTooEarly: "wait until then",
  SessionUnauthorized: "send it --from the session's owner or one of its routers (session show)",
  SessionUnknown: "see session list",
  SessionQueueOpeningsMissing: "hand over all openings that the chain has seen (task show)",
  SessionQueueRingFull: "settle the occupant first (task settle)",
  SessionQueueSeedNotMined: NEXT_BLOCK,
  SessionQueueTooLateToCancel: "let it run; it can be settled once it is closed",
  SessionQueueWrongPhase: "see task show for its phase and deadlines",
};

/** One sentence on what to do; never empty. */
export function adviceOn(revert: string): string {
  return ADVICE[revert] ?? "check the values against what net status and the show commands print";
}
