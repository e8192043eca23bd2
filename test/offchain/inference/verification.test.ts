import { expect } from "chai";
import type { LlamaEngine } from "../../../offchain/inference/llama.ts";
import { claimBytes, parseClaims, type Claim } from "../../../offchain/protocol/claim.ts";
import type { Sampling } from "../../../offchain/protocol/manifest.ts";
import { greedy, model, startEngine, STORY, user, warm } from "./toyWorld.ts";

const PROMPTS = [
  STORY,
  ...["What is 17 + 25?", "Sort: 7, 2, 9, 4", "What is a blockchain?", "Say three kinds of fruit.", "Who are you?"].map((text) =>
    user(text),
  ),
];
const MODES: Sampling[] = [
  greedy,
  warm,
  { ...warm, topK: 40, topP: 0.95, minP: 0.05, repeatPenalty: 1.1 },
  { ...greedy, frequencyPenalty: 0.5 },
];
const OTHER_CLASS = "another engine class";

describe("verification of a claim by one prefill", () => {
  let honest: LlamaEngine;
  let reference: LlamaEngine;
  before(async () => {
    honest = await startEngine();
    reference = await startEngine();
  });
  after(() => Promise.all([honest.close(), reference.close()]));

  it("accepts an honest miner's claims bit for bit, through their bytes, and spells the same text", async () => {
    for (const sampling of MODES)
      for (const messages of PROMPTS) {
        const made = await honest.complete({ messages, sampling, jobSeed: "job" });
        const [claim] = parseClaims(claimBytes([made.claim]));
        const verified = await reference.verifyClaim(messages, claim!, sampling, "job");
        expect(verified).to.include({ ok: true, flagged: false, exact: true, delta: 0, far: 0, text: made.text, positions: made.tokens });
        expect(verified.misses).to.be.at.most(1);
      }
  });

  it("accepts stop strings and the length limit as ends", async () => {
    for (const changes of [{ stop: ["forest"] }, { maxTokens: 5 }]) {
      const sampling = { ...greedy, ...changes };
      const { claim, text } = await honest.complete({ messages: STORY, sampling, jobSeed: "job" });
      expect(await reference.verifyClaim(STORY, claim, sampling, "job")).to.include({ ok: true, text });
    }
  });

  for (const id of ["toy-world-q4_0", "toy-world-q4km", "toy-world-q8_0"])
    it(`rejects every answer of ${id} that is passed off as F16`, async () => {
      const cheat = await startEngine({ model: model(id) });
      try {
        for (const sampling of [greedy, warm])
          for (const messages of PROMPTS) {
            const { claim } = await cheat.complete({ messages, sampling, jobSeed: "job" });
            const judged = async (engineClass: string) => await reference.verifyClaim(messages, { ...claim, engineClass }, sampling, "job");
            const other = await judged(OTHER_CLASS);
            expect(other, JSON.stringify([messages, other])).to.include({ ok: false, exact: null });
            expect(await judged(reference.info().engineClass)).to.include({ ok: false, reason: "notEqualInClass" });
          }
      } finally {
        await cheat.close();
      }
    });

  it("rejects another seed's draw, and an answer to another prompt", async () => {
    const { claim } = await honest.complete({ messages: STORY, sampling: warm, jobSeed: "job" });
    const unclassed = { ...claim, engineClass: OTHER_CLASS };
    expect(await reference.verifyClaim(STORY, unclassed, warm, "other job")).to.include({ ok: false, reason: "differentTokens" });
    expect(await reference.verifyClaim(user("What is 1 + 1?"), unclassed, warm, "job")).to.have.property("ok", false);
  });

  it("rejects one edited token, and an answer cut before its end, although the true model made the claim", async () => {
    for (const sampling of [greedy, warm]) {
      const { claim } = await honest.complete({ messages: STORY, sampling, jobSeed: "job" });
      const unclassed = { ...claim, engineClass: OTHER_CLASS };
      const rival = claim.top[5]!.find(([token]) => token !== claim.tokens[5])![0];
      const edited = { ...unclassed, tokens: claim.tokens.with(5, rival) };
      const judgedEdit = await reference.verifyClaim(STORY, edited, sampling, "job");
      expect(judgedEdit).to.include({ ok: false, reason: "differentTokens" });
      expect(judgedEdit.far).to.be.at.least(1);
      const end = claim.tokens.at(-1)!;
      const cut = { ...unclassed, tokens: [...claim.tokens.slice(0, 10), end], top: [...claim.top.slice(0, 10), claim.top.at(-1)!] };
      expect(await reference.verifyClaim(STORY, cut, sampling, "job")).to.include({ ok: false, reason: "differentTokens" });
    }
  });

  it("calls a cut, lengthened, misnamed or nonsensical claim malformed, and the engine survives it", async () => {
    const { claim } = await honest.complete({ messages: STORY, sampling: greedy, jobSeed: "job" });
    const { tokens, top } = claim;
    const wrong: Partial<Claim>[] = [
      { tokens: tokens.slice(0, -1), top: top.slice(0, -1) },
      { tokens: [...tokens, tokens[0]!], top: [...top, top[0]!] },
      { finish: "length" },
      { tokens: [0xff_ffff, ...tokens.slice(1)] },
      { tokens: [], top: [] },
      { tokens: Array.from({ length: 5000 }, () => 70), top: Array.from({ length: 5000 }, () => top[0]!) },
      { top: top.map(() => []) },
      { top: [] },
    ];
    for (const change of wrong)
      expect(await reference.verifyClaim(STORY, { ...claim, ...change }, greedy, "job")).to.include({ ok: false, reason: "malformed" });
    expect(await reference.verifyClaim(STORY, claim, greedy, "job")).to.have.property("ok", true);
    expect(reference.counters().restarts).to.equal(0);
  });
});
