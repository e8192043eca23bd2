/** What tokens cost: twin of contracts/libraries/Price.sol. Prices are base units per 1,000 tokens and answer; shares are 1/10,000. */

/** Gross pay of one node for `tokens`, rounded down. */
export const gross = (tokens: bigint, price: bigint): bigint => (tokens * price) / 1_000n;

/** A share, rounded down. */
export const share = (amount: bigint, bps: number): bigint => (amount * BigInt(bps)) / 10_000n;

/** Most that a task can cost: `tokens` of prompts and outputs, `redundancy` times, rounded up, and the bounty. */
export function worstCase(tokens: bigint, price: bigint, redundancy: number, bounty: bigint): bigint {
  return (tokens * price * BigInt(redundancy) + 999n) / 1_000n + bounty;
}
