import { createHash } from "node:crypto";

const BITS = 256;
const DOMAIN = "corroborate/sketch/1";
const MOST_KEPT = 16;
const directionsOf = new Map<string, Uint8Array[]>();

/**
 * 256 sign bits of an embedding: bit i (most significant first) is 1 where the dot product with direction i is positive. Two sketches differ in about
 * 256 * angle / pi bits. The zero vector, which is the empty text's embedding, gives all zeros.
 * `embedSha256`: 64 hex digits of the embedding model's file, or what stands for them in a sealed task; sketches of different models are not comparable, so their directions differ too.
 */
export function semanticSketch(embedding: readonly number[], embedSha256: string): `0x${string}` {
  const directions = directionsFor(embedSha256, embedding.length);
  const sketch = Buffer.alloc(BITS / 8);
  directions.forEach((direction, index) => {
    let dot = 0;
    embedding.forEach((value, dimension) => (dot += bitAt(direction, dimension) ? value : -value));
    if (dot > 0) sketch[index >> 3]! |= 0x80 >> (index & 7);
  });
  return `0x${sketch.toString("hex")}`;
}

/**
 * Direction i has a component +1 (bit 1) or -1 (bit 0) for each dimension. Its bits are the blocks
 * sha256(domain, 32 bytes of embedSha256, uint16 i, uint32 block), big-endian, most significant bit first.
 */
function directionsFor(embedSha256: string, dimensions: number): Uint8Array[] {
  const key = `${embedSha256}:${dimensions}`;
  const known = directionsOf.get(key);
  if (known) return known;
  const blocks = Math.ceil(dimensions / BITS);
  const made = Array.from({ length: BITS }, (_, index) =>
    Buffer.concat(Array.from({ length: blocks }, (__, block) => blockOf(embedSha256, index, block))),
  );
  // Sealed tasks have directions of their own, so that what is kept must be bounded.
  if (directionsOf.size >= MOST_KEPT) directionsOf.delete(directionsOf.keys().next().value!);
  directionsOf.set(key, made);
  return made;
}

function blockOf(embedSha256: string, index: number, block: number): Buffer {
  const place = Buffer.alloc(6);
  place.writeUInt16BE(index, 0);
  place.writeUInt32BE(block, 2);
  return createHash("sha256").update(DOMAIN).update(Buffer.from(embedSha256, "hex")).update(place).digest();
}

const bitAt = (bits: Uint8Array, position: number) => (bits[position >> 3]! >> (7 - (position & 7))) & 1;
