import { expect } from "chai";
import type { LlamaEngine } from "../../../offchain/inference/llama.ts";
import { semanticSketch } from "../../../offchain/inference/semanticSketch.ts";
import { distance } from "../../../offchain/protocol/sketch.ts";
import { model, startEngine } from "./toyWorld.ts";

/** The shipped embedder's best cut, cosine 0.62, in bits. */
const CUT = 73;

describe("embeddings and semantic sketches", () => {
  let engine: LlamaEngine;
  before(async () => (engine = await startEngine()));
  after(() => engine.close());
  const sketch = async (text: string, by = engine) => semanticSketch(await by.embed(text), by.info().embedSha256);

  it("embeds to length 1, and the empty text to zeros", async () => {
    const vector = await engine.embed("The capital of France is Paris.");
    expect(vector).to.have.length(192);
    expect(Math.hypot(...vector)).to.be.closeTo(1, 1e-9);
    expect(new Set(await engine.embed(""))).to.deep.equal(new Set([0]));
    expect(await sketch("")).to.equal(`0x${"0".repeat(64)}`);
  });

  it("puts answers of one meaning close and others far", async () => {
    const paris = await sketch("The capital of France is Paris.");
    for (const same of [
      "Paris is the capital of France.",
      "The answer is: The capital of France is Paris.",
      "The capital of France is Paris",
    ])
      expect(distance(paris, await sketch(same)), same).to.be.at.most(CUT);
    for (const other of ["The capital of Italy is Rome.", "A dog has four legs.", "I do not know."])
      expect(distance(paris, await sketch(other)), other).to.be.greaterThan(CUT);
  });

  it("estimates the angle between two embeddings", async () => {
    const texts = ["A dog has four legs.", "A cat has four legs.", "The sky is blue.", "Paris is the capital of France.", "I do not know."];
    const vectors = await Promise.all(texts.map((text) => engine.embed(text)));
    for (const a of vectors)
      for (const b of vectors) {
        const cosine = Math.min(
          1,
          a.reduce((sum, value, index) => sum + value * b[index]!, 0),
        );
        const bits = distance(semanticSketch(a, model("toy-embed-q8_0").sha256), semanticSketch(b, model("toy-embed-q8_0").sha256));
        expect(bits).to.be.closeTo((256 * Math.acos(cosine)) / Math.PI, 32);
      }
  });

  it("is the same after a restart, and another for another embedding model", async () => {
    const text = "A blockchain is a shared list of blocks that many computers agree on.";
    const before = await sketch(text);
    const other = await startEngine();
    expect(await sketch(text, other)).to.equal(before);
    await other.close();
    expect(distance(before, semanticSketch(await engine.embed(text), model().sha256))).to.be.within(80, 176);
  });

  it("has directions that never change", () => {
    const vector = Array.from({ length: 300 }, (_, index) => Math.sin(index + 1));
    expect(semanticSketch(vector, "ab".repeat(32))).to.equal("0x9c33591f21b9f86fd49d55b003b353c023b5cb241d070becc749be6157b43cbe");
  });

  it("cuts a text over the embedder's context to it", async () => {
    const long = "The sky is blue. ".repeat(200);
    expect(await engine.embed(long)).to.deep.equal(await engine.embed(`${long} And more.`));
  });
});
