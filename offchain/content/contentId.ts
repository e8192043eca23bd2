import { getBytes, hexlify, sha256 } from "ethers";
import { base32 } from "multiformats/bases/base32";
import { CID } from "multiformats/cid";
import * as raw from "multiformats/codecs/raw";
import { create as multihash } from "multiformats/hashes/digest";
import { ContentError } from "./store.ts";

/** sha2-256 of content, as the chain holds it: 0x and 64 lower-case hex digits. */
export type Digest = `0x${string}`;

const SHA2_256 = 0x12;
const DIGEST_FORM = /^0x[0-9a-f]{64}$/;
// CIDv1, raw, sha2-256, base32: the only form that is written or read here. It has no character a path could abuse.
const CID_FORM = /^bafkrei[a-z2-7]{52}$/;

/** The digest of bytes. */
export function digestOf(bytes: Uint8Array): Digest {
  return sha256(bytes) as Digest;
}

/** Checks the form of a digest and returns it. Throws ContentError InvalidContentId. */
export function checkedDigest(text: string): Digest {
  if (!DIGEST_FORM.test(text))
    throw new ContentError("InvalidContentId", `found ${JSON.stringify(text.slice(0, 80))}, wanted 0x and 64 lower-case hex digits`);
  return text as Digest;
}

/** The content id (CIDv1, raw, sha2-256, base32) of a digest. Throws ContentError InvalidContentId. */
export function cidOf(digest: Digest): string {
  const hash = getBytes(checkedDigest(digest));
  return CID.createV1(raw.code, multihash(SHA2_256, hash)).toString(base32);
}

/** The digest in a content id. Throws ContentError InvalidContentId for every other form of CID. */
export function digestOfCid(cid: string): Digest {
  const parsed = CID_FORM.test(cid) ? parse(cid) : undefined;
  if (parsed?.code !== raw.code || parsed.multihash.code !== SHA2_256 || parsed.multihash.size !== 32)
    throw new ContentError(
      "InvalidContentId",
      `found ${JSON.stringify(cid.slice(0, 80))}, wanted a CIDv1 (raw, sha2-256) that starts with bafkrei`,
    );
  return hexlify(parsed.multihash.digest) as Digest;
}

function parse(cid: string): CID | undefined {
  try {
    const parsed = CID.parse(cid);
    // The last character holds two unused bits: only one spelling of a digest is an id.
    return parsed.toString(base32) === cid ? parsed : undefined;
  } catch {
    return undefined;
  }
}
