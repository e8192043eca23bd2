import { encodeRlp, getBytes, keccak256, toBeArray } from "ethers";

/** A block as `eth_getBlockByNumber` gives it; the fields that its hash covers. */
export type RawBlock = Readonly<Record<string, unknown>>;

const BYTES = [
  "parentHash",
  "sha3Uncles",
  "miner",
  "stateRoot",
  "transactionsRoot",
  "receiptsRoot",
  "logsBloom",
  ["difficulty"],
  ["number"],
  ["gasLimit"],
  ["gasUsed"],
  ["timestamp"],
  "extraData",
  "mixHash",
  "nonce",
  ["baseFeePerGas"],
  "withdrawalsRoot",
  ["blobGasUsed"],
  ["excessBlobGas"],
  "parentBeaconBlockRoot",
  "requestsHash",
] as const;

export class BlockHeaderError extends Error {}

/**
 * The RLP of a block's header, whose keccak256 is the block's hash: proof of its time for a contract (`NodePool.excuse`).
 * Fields as of Prague (EIP-7685); those that a block of an older fork lacks end the list.
 * @throws BlockHeaderError where the result does not hash to the block's own hash, as on a chain with another header
 */
export function headerOf(block: RawBlock): string {
  const fields: (Uint8Array | string)[] = [];
  for (const field of BYTES) {
    const isNumber = typeof field !== "string";
    const value = block[isNumber ? field[0] : field];
    if (value === undefined || value === null) break;
    fields.push(isNumber ? toBeArray(BigInt(value as string)) : (value as string));
  }
  const header = encodeRlp(fields);
  const found = keccak256(header);
  if (found !== block["hash"]) {
    throw new BlockHeaderError(
      `block ${String(block["number"])}: its header hashes to ${found}, wanted ${String(block["hash"])}; this chain's headers have other fields than Ethereum's`,
    );
  }
  return header;
}

/**
 * Whether a block with this `logsBloom` may hold an event of a contract. Never false where it does; true by chance where many others have events.
 * Source: Ethereum Yellow Paper, section 4.4.1, the function M: three times eleven bits of keccak256 of the address.
 */
export function mayLog(logsBloom: string, address: string): boolean {
  const bloom = getBytes(logsBloom);
  const hash = getBytes(keccak256(address));
  return [0, 2, 4].every((at) => {
    const bit = ((hash[at]! << 8) | hash[at + 1]!) & 2_047;
    return (bloom[bloom.length - 1 - (bit >> 3)]! & (1 << (bit & 7))) !== 0;
  });
}
