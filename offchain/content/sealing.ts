import { chacha20poly1305, xchacha20poly1305 } from "@noble/ciphers/chacha.js";
import { x25519 } from "@noble/curves/ed25519.js";
import { hkdf } from "@noble/hashes/hkdf.js";
import { hmac } from "@noble/hashes/hmac.js";
import { sha256 } from "@noble/hashes/sha2.js";
import { concatBytes, randomBytes, utf8ToBytes } from "@noble/hashes/utils.js";
import { getBytes, hexlify, keccak256, solidityPacked } from "ethers";
import { z } from "zod";

/**
 * Sealed tasks. A client draws one 32-byte key for a task. Its manifest and all results travel and lie as ciphertext under keys derived from that
 * one; the key itself goes to the drawn nodes only, each time in a box that their X25519 key alone opens. What the chain tells of a result, its
 * digest and its sketch, is keyed too, so that short answers cannot be guessed from it. Lengths, times, token counts and who acts stay public.
 *
 * All of it runs in Node.js and in a browser.
 */

const KEY_BYTES = 32;
const NONCE_BYTES = 24;
const PAD_BYTES = 64;
const MAGIC = utf8ToBytes("corroborate/sealed/1\n");
const NO_SALT = new Uint8Array();

/** Sealed bytes or a box that this key does not open. */
export class SealError extends Error {
  readonly code: "NotSealed" | "SealBroken" | "SealKeyMissing";
  readonly retryable: boolean;
  constructor(code: SealError["code"], message: string) {
    super(message);
    this.name = "SealError";
    this.code = code;
    this.retryable = code === "SealKeyMissing";
  }
}

/** A fresh key for one task. */
export const newTaskKey = (): Uint8Array => randomBytes(KEY_BYTES);

const derived = (key: Uint8Array, purpose: string): Uint8Array =>
  hkdf(sha256, key, NO_SALT, utf8ToBytes(`corroborate/seal/1/${purpose}`), KEY_BYTES);

/**
 * Encrypts content under a task's key. The nonce is an HMAC of the content under another derived key, so that equal content gives equal bytes on every
 * node (equal digests are agreement) and unequal content never shares a nonce. Padded to 64 bytes, which hides the length a little.
 */
export function seal(key: Uint8Array, content: Uint8Array): Uint8Array {
  const padded = new Uint8Array(Math.ceil((content.length + 1) / PAD_BYTES) * PAD_BYTES);
  padded.set(content);
  padded[content.length] = 0x80;
  const nonce = hmac(sha256, derived(key, "nonce"), padded).slice(0, NONCE_BYTES);
  return concatBytes(MAGIC, nonce, xchacha20poly1305(derived(key, "content"), nonce).encrypt(padded));
}

/** Whether bytes are sealed content. */
export function isSealed(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length + NONCE_BYTES + 16 && MAGIC.every((byte, i) => bytes[i] === byte);
}

/** Opens sealed content. Throws SealError NotSealed, SealBroken. */
export function unseal(key: Uint8Array, sealed: Uint8Array): Uint8Array {
  if (!isSealed(sealed)) throw new SealError("NotSealed", "found bytes that are not sealed, wanted sealed content");
  const nonce = sealed.slice(MAGIC.length, MAGIC.length + NONCE_BYTES);
  let padded: Uint8Array;
  try {
    padded = xchacha20poly1305(derived(key, "content"), nonce).decrypt(sealed.slice(MAGIC.length + NONCE_BYTES));
  } catch {
    throw new SealError("SealBroken", "found sealed content that this key does not open, wanted the key it was sealed with");
  }
  const end = padded.lastIndexOf(0x80);
  if (end < 0) throw new SealError("SealBroken", "found sealed content without its end");
  return padded.slice(0, end);
}

/** What stands for the embedding model's sha256 when a sealed answer's sketch directions are made: 64 hex digits that only key holders know. */
export function sketchDirectionsOf(key: Uint8Array, embedSha256: string): string {
  return hexlify(hmac(sha256, derived(key, "sketch"), getBytes(`0x${embedSha256}`))).slice(2);
}

/** A node's sealing key, 32 secret bytes that follow from its operator's private key (0x hex), so that nothing new has to be kept. */
export function sealingSecretOf(privateKey: string): Uint8Array {
  return hkdf(sha256, getBytes(privateKey), NO_SALT, utf8ToBytes("corroborate/seal/1/node"), KEY_BYTES);
}

/** The public half, 0x and 64 hex digits. */
export const sealingKeyOf = (secret: Uint8Array): string => hexlify(x25519.getPublicKey(secret));

/** What an operator signs about its node's sealing key. */
export function sealingKeyDigest({ chainId, queue }: { chainId: bigint; queue: string }, node: number, publicKey: string): string {
  return keccak256(
    solidityPacked(["string", "uint256", "address", "uint24", "bytes32"], ["corroborate/sealing-key/1", chainId, queue, node, publicKey]),
  );
}

const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^0x[0-9a-f]{${bytes * 2}}$`), `wanted 0x and ${bytes * 2} lower-case hex digits`);

/** A node's sealing key as it announces it: signed by its operator over `sealingKeyDigest`. */
export const announcementSchema = z.strictObject({ node: z.int().min(1), publicKey: hex(32), signature: hex(65) });
export type Announcement = z.infer<typeof announcementSchema>;

/** A task's key for one node: an ephemeral public key and the ciphertext. */
export const boxSchema = z.strictObject({ ephemeral: hex(32), box: hex(KEY_BYTES + 16) });
export type KeyBox = z.infer<typeof boxSchema>;

/** Puts a task's key into a box for a node. `manifest`: digest of the sealed manifest, to which the box is bound. Throws SealError SealBroken. */
export function boxKey(key: Uint8Array, publicKey: string, manifest: string, node: number): KeyBox {
  const { secretKey, publicKey: ephemeral } = x25519.keygen();
  const shared = sharedKey(secretKey, getBytes(publicKey), ephemeral, getBytes(publicKey));
  return { ephemeral: hexlify(ephemeral), box: hexlify(cipherOf(shared, manifest, node).encrypt(key)) };
}

/** Opens a box. Throws SealError SealBroken. */
export function openBox({ ephemeral, box }: KeyBox, secret: Uint8Array, manifest: string, node: number): Uint8Array {
  try {
    const shared = sharedKey(secret, getBytes(ephemeral), getBytes(ephemeral), x25519.getPublicKey(secret));
    return cipherOf(shared, manifest, node).decrypt(getBytes(box));
  } catch {
    throw new SealError("SealBroken", "found a box that this node's key does not open, wanted one for it and for this manifest");
  }
}

function sharedKey(secret: Uint8Array, other: Uint8Array, ephemeral: Uint8Array, recipient: Uint8Array): Uint8Array {
  try {
    const salt = concatBytes(ephemeral, recipient);
    return hkdf(sha256, x25519.getSharedSecret(secret, other), salt, utf8ToBytes("corroborate/seal/1/box"), KEY_BYTES);
  } catch {
    throw new SealError("SealBroken", "found a public key of low order, wanted a node's own");
  }
}

/** Each box has a key of its own, so that the nonce may be constant. */
const cipherOf = (shared: Uint8Array, manifest: string, node: number) =>
  chacha20poly1305(shared, new Uint8Array(12), concatBytes(getBytes(manifest), getBytes(solidityPacked(["uint24"], [node]))));
