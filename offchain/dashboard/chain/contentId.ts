import { sha256 } from "ethers";

/** What offchain/content/contentId.ts is to programs. */
export type Digest = `0x${string}`;

export const digestOf = (bytes: Uint8Array): Digest => sha256(bytes) as Digest;
