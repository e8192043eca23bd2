import { hkdfSync } from "node:crypto";
import { solidityPacked, zeroPadValue } from "ethers";

/** Everything a salt is for. */
export interface SaltPurpose {
  chainId: bigint;
  queue: string;
  task: bigint;
  seat: number;
  attempt: number;
}

const DOMAIN = "corroborate/salt/1";
const BYTES = 16;

/**
 * The salt of a commitment: 128 bits of HKDF-SHA256 of the operator's private key (0x hex),
 * as a 32-byte word with leading zeros, which are cheap calldata. It follows from the key and the purpose alone, so a node
 * that lost its journal recomputes the same commitment instead of making a second one.
 */
export function saltOf(privateKey: string, { chainId, queue, task, seat, attempt }: SaltPurpose): string {
  const info = solidityPacked(["uint256", "address", "uint64", "uint8", "uint8"], [chainId, queue, task, seat, attempt]);
  const salt = hkdfSync("sha256", Buffer.from(privateKey.slice(2), "hex"), DOMAIN, Buffer.from(info.slice(2), "hex"), BYTES);
  return zeroPadValue(new Uint8Array(salt), 32);
}
