import { expect } from "chai";
import fc from "fast-check";
import { cidOf, digestOf, digestOfCid } from "../../../offchain/content/contentId.ts";

describe("content ids", () => {
  it("name the same bytes as everybody else's tools do", () => {
    const digest = digestOf(new TextEncoder().encode("hello world"));
    expect(digest).to.equal("0xb94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9");
    expect(cidOf(digest)).to.equal("bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e");
  });

  it("survive the way there and back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        const digest = digestOf(bytes);
        expect(digestOfCid(cidOf(digest))).to.equal(digest);
      }),
    );
  });

  const good = cidOf(digestOf(new Uint8Array([1])));
  const bad: Record<string, string> = {
    "a path": "../../etc/passwd",
    "an id with a path behind it": `${good}/../x`,
    "an encoded path": "..%2f..%2fetc%2fpasswd",
    "a CIDv0": "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWnPbdG",
    "another codec": "bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi",
    "a second spelling of the last bits": `${good.slice(0, -1)}${good.endsWith("z") ? "y" : "z"}`,
    capitals: good.toUpperCase(),
    nothing: "",
  };
  for (const [what, cid] of Object.entries(bad))
    it(`refuse ${what}`, () => {
      expect(() => digestOfCid(cid))
        .to.throw()
        .with.property("code", "InvalidContentId");
    });

  it("refuse what is no digest", () => {
    for (const digest of ["0x12", `0x${"G".repeat(64)}`, `0x${"0".repeat(63)}/`] as const)
      expect(() => cidOf(digest))
        .to.throw()
        .with.property("code", "InvalidContentId");
  });
});
