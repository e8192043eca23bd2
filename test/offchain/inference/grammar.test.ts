import { expect } from "chai";
import { checkedFormat, type AnswerFormat } from "../../../offchain/inference/answerFormat.ts";
import type { LlamaEngine } from "../../../offchain/inference/llama.ts";
import { parseTaskManifest, taskManifestBytes } from "../../../offchain/inference/taskManifest.ts";
import { manifestBytes } from "../../../offchain/protocol/manifest.ts";
import { errorOf, greedy, startEngine, user, warm } from "./toyWorld.ts";

const CAPITAL: AnswerFormat = {
  type: "json_schema",
  schema: {
    type: "object",
    properties: { capital: { enum: ["Lima", "Paris", "Rome"] }, sure: { type: "boolean" } },
    required: ["capital", "sure"],
    additionalProperties: false,
  },
};
const messages = user("What is the capital of France?");

describe("answers by a grammar", function () {
  this.timeout(120_000);
  let engine: LlamaEngine;
  before(async () => (engine = await startEngine()));
  after(() => engine.close());

  for (const [name, sampling] of [
    ["greedy", greedy],
    ["warm", warm],
  ] as const)
    it(`are JSON by the schema, end by themselves and verify (${name})`, async () => {
      const answer = await engine.complete({ messages, sampling, format: CAPITAL, jobSeed: "job" });
      const value = JSON.parse(answer.text) as { capital: string; sure: boolean };
      expect(value.capital).to.be.oneOf(["Lima", "Paris", "Rome"]);
      expect(value.sure).to.be.a("boolean");
      expect(answer.finish).to.equal("stop");
      const again = await engine.complete({ messages, sampling, format: CAPITAL, jobSeed: "job" });
      expect(again.text).to.equal(answer.text);
      expect(await engine.verifyClaim(messages, answer.claim, sampling, "job", { format: CAPITAL })).to.include({
        ok: true,
        text: answer.text,
      });
      const plain = await engine.complete({ messages, sampling: greedy, jobSeed: "job" });
      expect(plain.text).to.equal("The capital of France is Paris.");
    });

  it("are refused where the schema says what no grammar enforces", async () => {
    const bad: unknown[] = [
      { type: "json_schema", schema: { type: "string", pattern: "^a+$" } },
      { type: "json_schema", schema: { type: "number", minimum: 3 } },
      { type: "xml" },
      Array.from({ length: 200 }).reduce<object>((inner) => ({ type: "array", items: inner }), {}),
    ];
    for (const format of bad)
      expect(() => checkedFormat(format))
        .to.throw()
        .with.property("code", "InvalidRequest");
    const dangling = { type: "json_schema", schema: { $ref: "#/$defs/none" } } as AnswerFormat;
    expect(await errorOf(engine.checkFormat(dangling))).to.have.property("code", "InvalidRequest");
    expect(await errorOf(engine.checkFormat({ type: "json_schema", schema: { const: {} } } as never))).to.have.property(
      "code",
      "InvalidRequest",
    );
    await engine.checkFormat(CAPITAL);
  });

  it("are part of the manifest, and a manifest without one has the protocol's bytes", () => {
    const manifest = { v: 1 as const, service: "chat" as const, prompts: [{ messages }], sampling: greedy };
    expect(Buffer.from(taskManifestBytes(manifest))).to.deep.equal(Buffer.from(manifestBytes(manifest)));
    expect(parseTaskManifest(taskManifestBytes({ ...manifest, format: CAPITAL }))).to.deep.equal({ ...manifest, format: CAPITAL });
    const bytes = new TextEncoder().encode(JSON.stringify({ ...manifest, format: { type: "xml" } }));
    expect(() => parseTaskManifest(bytes))
      .to.throw()
      .with.property("code", "ManifestInvalid");
  });
});
