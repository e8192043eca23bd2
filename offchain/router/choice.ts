/** What a client wants of the session that answers it. */
export interface Requirements {
  session?: number | undefined;
  /** Least level: 0 low, 1 medium, 2 high. */
  level?: number | undefined;
  /** Most COR base units for 1,000 tokens, all nodes' answers together. */
  maxPrice?: bigint | undefined;
  /** Least number of nodes that answer. */
  redundancy?: number | undefined;
  sort: "price" | "latency";
}

/** What is to be done. Tokens are those of the longest prompt, and of its answer where that is known. */
export interface Workload {
  prompts: number;
  promptTokens: number;
  maxTokens: number | undefined;
}

/** A session's terms, and its load now. */
export interface Offer {
  session: number;
  closed: boolean;
  level: number;
  /** COR base units for 1,000 tokens of one node's answer. */
  price: bigint;
  redundancy: number;
  maxPromptTokens: number;
  maxTokens: number;
  /** Nodes of its lease; 0 without one. */
  nodes: number;
  openTasks: number;
  openPrompts: number;
}

/** A session takes so many tasks at once. */
export const MOST_OPEN_TASKS = 60;

/** What 1,000 tokens cost, all nodes' answers together. */
export const costOf = ({ price, redundancy }: Offer): bigint => price * BigInt(redundancy);

/** Prompts that each node of a session has before it once the workload has come: the measure of how long one waits. */
export function waitOf({ nodes, redundancy, openPrompts }: Offer, { prompts }: Workload): number {
  return nodes === 0 ? Infinity : ((openPrompts + prompts) * redundancy) / nodes;
}

/** Why a session does not meet requirements; undefined where it does. */
export function unmet(offer: Offer, { session, level = 0, maxPrice, redundancy = 1 }: Requirements): string | undefined {
  if (session !== undefined && offer.session !== session) return `it is not session ${session}`;
  if (offer.level < level) return `its level is ${offer.level}, wanted ${level}`;
  if (maxPrice !== undefined && costOf(offer) > maxPrice) return `it costs ${costOf(offer)} for 1,000 tokens, wanted at most ${maxPrice}`;
  if (offer.redundancy < redundancy) return `${offer.redundancy} of its nodes answer, wanted ${redundancy}`;
  return undefined;
}

/** Whether the workload is within a session's limits. */
export const fits = (offer: Offer, { promptTokens, maxTokens = 1 }: Workload): boolean =>
  promptTokens <= offer.maxPromptTokens && maxTokens <= offer.maxTokens;

/** Whether a session can begin at once: it has nodes, and room for another task. */
export const isReady = ({ closed, nodes, openTasks }: Offer): boolean => !closed && nodes > 0 && openTasks < MOST_OPEN_TASKS;

/**
 * The sessions that meet the requirements, the best one first. Pure. Those that can hold the workload come before those that cannot, those that can
 * begin before those that must wait; then it is the cheaper one, and of equally cheap ones that with the shorter queue for each node; where latency
 * counts, the other way round.
 */
export function ranked(offers: readonly Offer[], requirements: Requirements, workload: Workload): Offer[] {
  const first = (a: boolean, b: boolean) => Number(b) - Number(a);
  const byCost = (a: Offer, b: Offer) => (costOf(a) < costOf(b) ? -1 : costOf(a) > costOf(b) ? 1 : 0);
  const byWait = (a: Offer, b: Offer) => {
    const [waitA, waitB] = [waitOf(a, workload), waitOf(b, workload)];
    return waitA === waitB ? 0 : waitA < waitB ? -1 : 1;
  };
  const [one, other] = requirements.sort === "latency" ? [byWait, byCost] : [byCost, byWait];
  return offers
    .filter((offer) => unmet(offer, requirements) === undefined)
    .sort(
      (a, b) =>
        first(!a.closed, !b.closed) ||
        first(fits(a, workload), fits(b, workload)) ||
        first(isReady(a), isReady(b)) ||
        one(a, b) ||
        other(a, b) ||
        a.session - b.session,
    );
}
