/** A chain on which block hashes decide nothing, and why. */
export interface UnsafeChain {
  id: bigint;
  name: string;
  reason: string;
}

const ORBIT = "blockhash() of recent blocks is a pseudo-random value of the sequencer's, and block.number is the parent chain's";
const ZK = "block hashes are numbered and batched by one sequencer and known to it before a block is sealed";

/** Twin of contracts/randomness/UnsafeChains.sol, in the same order. */
export const UNSAFE_CHAINS: readonly UnsafeChain[] = [
  { id: 300n, name: "zkSync Sepolia", reason: ZK },
  { id: 324n, name: "zkSync Era", reason: ZK },
  { id: 33_139n, name: "ApeChain", reason: ORBIT },
  { id: 42_161n, name: "Arbitrum One", reason: ORBIT },
  { id: 42_170n, name: "Arbitrum Nova", reason: ORBIT },
  { id: 421_614n, name: "Arbitrum Sepolia", reason: ORBIT },
  { id: 660_279n, name: "Xai", reason: ORBIT },
];

/** Why seeds from block hashes are refused on a chain; undefined where they are not. */
export const unsafeChain = (chainId: bigint): UnsafeChain | undefined => UNSAFE_CHAINS.find(({ id }) => id === chainId);
