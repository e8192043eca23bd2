import { expect } from "chai";
import fc from "fast-check";
import { recoverAddress, SigningKey, Wallet } from "ethers";
import { digestOf } from "../../../offchain/content/contentId.ts";
import { KeyBoxes } from "../../../offchain/content/keyBoxes.ts";
import {
  boxKey,
  isSealed,
  newTaskKey,
  openBox,
  seal,
  sealingKeyDigest,
  sealingKeyOf,
  sealingSecretOf,
  type SealError,
  sketchDirectionsOf,
  unseal,
} from "../../../offchain/content/sealing.ts";

const DOMAIN = { chainId: 31337n, queue: "0x00000000000000000000000000000000000000A1" };
const OPERATOR = new Wallet(`0x${"11".repeat(32)}`);
const SECRET = sealingSecretOf(OPERATOR.privateKey);
const MANIFEST = `0x${"ab".repeat(32)}` as const;
const text = (value: string) => new TextEncoder().encode(value);

function thrown(work: () => unknown): SealError {
  try {
    work();
  } catch (error) {
    return error as SealError;
  }
  throw new Error("nothing was thrown");
}

describe("sealed content", () => {
  it("opens with its key only, whatever the content", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (content) => {
        const key = newTaskKey();
        const sealed = seal(key, content);
        expect(isSealed(sealed)).to.equal(true);
        expect([...unseal(key, sealed)]).to.deep.equal([...content]);
        expect(thrown(() => unseal(newTaskKey(), sealed)).code).to.equal("SealBroken");
      }),
      { numRuns: 50 },
    );
  });

  it("shows any change of a byte", () => {
    const key = newTaskKey();
    const sealed = seal(key, text("Paris."));
    for (let at = 0; at < sealed.length; at += 7) {
      const changed = Uint8Array.from(sealed);
      changed[at]! ^= 1;
      expect(thrown(() => unseal(key, changed)).code).to.be.oneOf(["SealBroken", "NotSealed"]);
    }
  });

  it("gives equal content equal digests under one key, so that nodes can agree, and another digest under another key", () => {
    const [one, two] = [newTaskKey(), newTaskKey()];
    expect(digestOf(seal(one, text("yes")))).to.equal(digestOf(seal(one, text("yes"))));
    expect(digestOf(seal(one, text("yes")))).to.not.equal(digestOf(seal(one, text("no"))));
    expect(digestOf(seal(one, text("yes")))).to.not.equal(digestOf(seal(two, text("yes"))));
    // "yes" and "no" cannot be told apart by their length either.
    expect(seal(one, text("yes")).length).to.equal(seal(one, text("no")).length);
  });

  it("makes the directions of sketches out of the key, the same on every node", () => {
    const embed = "cd".repeat(32);
    const [one, two] = [newTaskKey(), newTaskKey()];
    expect(sketchDirectionsOf(one, embed))
      .to.equal(sketchDirectionsOf(one, embed))
      .and.match(/^[0-9a-f]{64}$/);
    expect(sketchDirectionsOf(one, embed)).to.not.equal(sketchDirectionsOf(two, embed));
  });

  it("boxes a key for one node and one manifest", () => {
    const key = newTaskKey();
    const box = boxKey(key, sealingKeyOf(SECRET), MANIFEST, 3);
    expect([...openBox(box, SECRET, MANIFEST, 3)]).to.deep.equal([...key]);
    const other = sealingSecretOf(`0x${"22".repeat(32)}`);
    for (const wrong of [
      () => openBox(box, other, MANIFEST, 3),
      () => openBox(box, SECRET, `0x${"ac".repeat(32)}`, 3),
      () => openBox(box, SECRET, MANIFEST, 4),
      () => openBox({ ...box, ephemeral: `0x${"00".repeat(32)}` }, SECRET, MANIFEST, 3),
    ])
      expect(thrown(wrong).code).to.equal("SealBroken");
  });

  it("announces a sealing key that the operator signed for its node on this chain", () => {
    const digest = sealingKeyDigest(DOMAIN, 3, sealingKeyOf(SECRET));
    const signature = new SigningKey(OPERATOR.privateKey).sign(digest).serialized;
    expect(recoverAddress(digest, signature)).to.equal(OPERATOR.address);
    expect(recoverAddress(sealingKeyDigest(DOMAIN, 4, sealingKeyOf(SECRET)), signature)).to.not.equal(OPERATOR.address);
    expect(recoverAddress(sealingKeyDigest({ ...DOMAIN, chainId: 1n }, 3, sealingKeyOf(SECRET)), signature)).to.not.equal(OPERATOR.address);
  });
});

describe("a node's key boxes", () => {
  const key = newTaskKey();
  const sealed = seal(key, text("{}"));
  const manifest = digestOf(sealed);
  const boxFor = (one: Uint8Array) => boxKey(one, sealingKeyOf(SECRET), manifest, 3);

  it("open a manifest once its key has come, also among strangers' keys", () => {
    const boxes = new KeyBoxes(SECRET);
    expect(thrown(() => boxes.opened(manifest, sealed))).to.include({ code: "SealKeyMissing", retryable: true });
    boxes.take(manifest, boxFor(newTaskKey()), 3);
    expect(thrown(() => boxes.opened(manifest, sealed)).code).to.equal("SealKeyMissing");
    boxes.take(manifest, boxFor(key), 3);
    boxes.take(manifest, boxFor(newTaskKey()), 3);
    expect(new TextDecoder().decode(boxes.opened(manifest, sealed).bytes)).to.equal("{}");
  });

  it("leave plain manifests as they are, and refuse what is no box for this node", () => {
    const boxes = new KeyBoxes(SECRET);
    expect(boxes.opened(manifest, text("{}")).key).to.equal(undefined);
    for (const bad of [undefined, {}, { ...boxFor(key), box: "0x00" }, boxKey(key, sealingKeyOf(newTaskKey()), manifest, 3)])
      expect(thrown(() => boxes.take(manifest, bad, 3)).code).to.equal("SealBroken");
  });
});
