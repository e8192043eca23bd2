import { expect } from "chai";
import { ManifestError, manifestBytes, parseManifest, type Manifest } from "../../../offchain/protocol/manifest.ts";

const manifest: Manifest = {
  v: 1,
  service: "chat",
  prompts: [{ messages: [{ role: "user", content: "What is 2 + 2?" }] }],
  sampling: {
    temperature: 0.8,
    topP: 1,
    topK: 0,
    seed: 7,
    maxTokens: 64,
    stop: ["\n"],
    frequencyPenalty: 0,
    presencePenalty: 0,
    repeatPenalty: 1,
  },
};
const bytesOf = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const refusal = (bytes: Uint8Array): ManifestError => {
  try {
    parseManifest(bytes);
  } catch (error) {
    if (error instanceof ManifestError) return error;
  }
  throw new Error("expected a ManifestError");
};

describe("manifest", () => {
  it("has one spelling, whatever the order of its keys", () => {
    const { sampling, prompts, service } = manifest;
    const shuffled = { sampling: Object.fromEntries(Object.entries(sampling).reverse()), prompts, service, v: 1 } as Manifest;
    const bytes = manifestBytes(manifest);
    expect(manifestBytes(shuffled)).to.deep.equal(bytes);
    expect(new TextDecoder().decode(bytes)).to.equal(
      '{"prompts":[{"messages":[{"content":"What is 2 + 2?","role":"user"}]}],"sampling":{"frequencyPenalty":0,"maxTokens":64,' +
        '"presencePenalty":0,"repeatPenalty":1,"seed":7,"stop":["\\n"],"temperature":0.8,"topK":0,"topP":1},"service":"chat","v":1}',
    );
    expect(parseManifest(bytes)).to.deep.equal(manifest);
  });

  const wrong: Record<string, [value: unknown, mentioned: string]> = {
    "an unknown key": [{ ...manifest, priority: 1 }, "priority"],
    "an unknown sampling key": [{ ...manifest, sampling: { ...manifest.sampling, grammar: "x" } }, "grammar"],
    "an unknown key in a message": [
      { ...manifest, prompts: [{ messages: [{ role: "user", content: "a", name: "b" }] }] },
      "prompts.0.messages.0",
    ],
    "a missing value": [{ ...manifest, sampling: { ...manifest.sampling, topK: undefined } }, "sampling.topK"],
    "a value out of range": [{ ...manifest, sampling: { ...manifest.sampling, temperature: 2.1 } }, "sampling.temperature"],
    "another version": [{ ...manifest, v: 2 }, "v:"],
    "no prompt": [{ ...manifest, prompts: [] }, "prompts"],
    "too many prompts": [{ ...manifest, prompts: Array.from({ length: 1025 }, () => manifest.prompts[0]) }, "prompts"],
    "a prompt that the user does not end": [{ ...manifest, prompts: [{ messages: [{ role: "assistant", content: "a" }] }] }, "role user"],
    "a completion with a conversation": [
      { ...manifest, service: "completion", prompts: [{ messages: [...manifest.prompts[0]!.messages, ...manifest.prompts[0]!.messages] }] },
      "one message",
    ],
    "a bare string": ["hello", "object"],
  };
  for (const [what, [value, mentioned]] of Object.entries(wrong))
    it(`refuses ${what} and says where`, () => {
      const error = refusal(bytesOf(value));
      expect(error.code).to.equal("ManifestInvalid");
      expect(error.message).to.contain(mentioned);
    });

  it("refuses bytes that are no JSON or no UTF-8", () => {
    expect(refusal(new TextEncoder().encode("{")).code).to.equal("ManifestInvalid");
    expect(refusal(new Uint8Array([0x22, 0xff, 0x22])).code).to.equal("ManifestInvalid");
  });

  it("4b oversized prompt: refuses more than 256 KiB, read or written", () => {
    const large = { ...manifest, prompts: [{ messages: [{ role: "user" as const, content: "x".repeat(256 * 1024) }] }] };
    expect(refusal(bytesOf(large)).code).to.equal("ManifestTooLarge");
    expect(() => manifestBytes(large)).to.throw(ManifestError, "split the prompts");
  });
});
