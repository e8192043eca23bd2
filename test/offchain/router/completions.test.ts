import { expect } from "chai";
import { ZeroHash } from "ethers";
import { ChainError, ChainRevert, FundsShort, RpcUnreachable } from "../../../offchain/chain/errors.ts";
import { cidOf, digestOf } from "../../../offchain/content/contentId.ts";
import { EngineError } from "../../../offchain/inference/engine.ts";
import { encodeAnswers, encodeOutcomes } from "../../../offchain/protocol/answers.ts";
import { lockOf } from "../../../offchain/protocol/judging.ts";
import { FINISH, Status } from "../../../offchain/protocol/types.ts";
import { type ApiError, toApiError } from "../../../offchain/router/apiError.ts";
import { DeadlinePassed, type EndedTask } from "../../../offchain/router/arrivals.ts";
import type { Ask, Place } from "../../../offchain/router/batcher.ts";
import { Completions } from "../../../offchain/router/completions.ts";
import { Lanes } from "../../../offchain/router/lanes.ts";
import { completionRequest } from "../../../offchain/router/requests.ts";
import { ENTRY, MODEL, SESSION_VIEW, scriptedCompletions, type Script, TASK, TERMS } from "./routerWorld.ts";

const ASKED = { model: "toy", messages: [{ role: "user", content: "Hello" }], max_tokens: 32 };
const TEXT = "Paris.";
const DIGEST = digestOf(new TextEncoder().encode(TEXT));
const settledAs = (status: Status, charged = 0n): EndedTask["settled"] => ({
  task: TASK,
  status,
  charged,
  seats: 0b111,
  rejected: 0,
  outcomes: encodeOutcomes([{ canonicalSeat: 1, accepted: 0b011 }]),
  base: encodeAnswers([{ digest: DIGEST, sketch: ZeroHash, tokens: 3, finish: FINISH.stop }]),
  transactionHash: "0xsettled",
  blockNumber: 12,
});

const signal = new AbortController().signal;

async function refusal(script: Script, asked: object = ASKED): Promise<{ error: ApiError; sent: number }> {
  const { completions, complete, sent } = await scriptedCompletions(script);
  const error = await complete(asked, signal).then(
    () => {
      throw new Error("the request was answered");
    },
    (thrown: unknown) => toApiError(thrown),
  );
  expect(completions.open).to.equal(0);
  return { error, sent: sent.length };
}

/** What is refused before anything is submitted, and therefore costs nothing. */
const FREE: [what: string, script: Script, asked: object, status: number, code: string, ...words: string[]][] = [
  ["an unknown model", {}, { ...ASKED, model: "other" }, 404, "model_not_found", '"other"', "toy"],
  ["a prompt over the session's limit", { tokens: 101 }, ASKED, 400, "context_length_exceeded", "found 101", "at most 100"],
  ["a prompt over the context", { tokens: 500, session: { maxPromptTokens: 512 } }, ASKED, 400, "context_length_exceeded", "at most 480"],
  ["more output than the session allows", {}, { ...ASKED, max_tokens: 129 }, 400, "invalid_value", "found max_tokens 129", "at most 128"],
  ["a session without funds", { available: 5n }, ASKED, 402, "insufficient_funds", "has 5 available", "nothing was charged"],
  ["a session without lease", { session: { lease: 0 } }, ASKED, 503, "no_lease"],
  ["a lease that ends too soon", { session: { leaseUntil: 1_041 } }, ASKED, 503, "no_lease"],
  ["a closed session", { session: { closed: true } }, ASKED, 503, "session_closed"],
  ["a router that has not read the chain", { session: null }, ASKED, 503, "starting"],
  ["an engine that fails", { tokens: new EngineError("EngineFailed", "secret /path", true) }, ASKED, 500, "engine_error"],
  ["an engine that is full", { tokens: new EngineError("EngineBusy", "full", true) }, ASKED, 429, "too_many_requests"],
];

/** What a submission can meet. */
const REVERTS: [what: string, send: Error, status: number, code: string][] = [
  [
    "too little money",
    new ChainRevert("SessionPaymentInsufficient", { session: 1n, found: 3n, wanted: 9n }, "submit"),
    402,
    "insufficient_funds",
  ],
  ["a lease that has ended", new ChainRevert("SessionLeaseTooShort", { found: 1n, wanted: 2n }, "submit"), 503, "no_lease"],
  ["too few nodes", new ChainRevert("NodePoolTooFewNodes", { found: 1n, wanted: 3n }, "submit"), 503, "too_few_nodes"],
  ["a full ring", new ChainRevert("SessionQueueRingFull", { task: 1n, occupant: 2n }, "submit"), 429, "too_many_requests"],
  ["any other refusal", new ChainRevert("SessionUnauthorized", { session: 1n }, "submit"), 503, "refused_by_contracts"],
  ["a router without gas money", new FundsShort("0x1"), 503, "router_out_of_gas"],
  ["a full lane", new ChainError("LaneFull", "full", true), 429, "too_many_requests"],
  ["a chain that is gone", new RpcUnreachable("http://secret", "x"), 503, "chain_unavailable"],
  ["a transaction that was not mined in time", new ChainError("Expired", "late"), 504, "submit_expired"],
  ["a fault of the router's", new TypeError("secret /path"), 500, "internal_error"],
];

describe("completions", () => {
  for (const [what, script, asked, status, code, ...words] of FREE) {
    it(`submit nothing for ${what}: ${status} ${code}`, async () => {
      const { error, sent } = await refusal(script, asked);
      expect(error).to.include({ status, code });
      expect(sent).to.equal(0);
      for (const word of words) expect(error.message).to.include(word);
      expect(error.message).to.not.include("secret");
    });
  }

  for (const [what, send, status, code] of REVERTS) {
    it(`tell of ${what}: ${status} ${code}`, async () => {
      const { error } = await refusal({ send });
      expect(error).to.include({ status, code });
      expect(JSON.stringify(error.body)).to.not.include("secret");
    });
  }

  it("tell have and need from the contract's own words", async () => {
    const { error } = await refusal({ send: REVERTS[0]![1] });
    expect(error.body.error).to.include({ have: "3", need: "9", type: "insufficient_quota" });
  });

  const ENDINGS = [
    [Status.Failed, "task_failed"],
    [Status.Inconclusive, "task_inconclusive"],
    [Status.Cancelled, "task_cancelled"],
  ] as const;
  for (const [status, code] of ENDINGS) {
    it(`tell of a task that ended without an answer, and what was given back: ${code}`, async () => {
      const { error } = await refusal({ ended: settledAs(status) });
      expect(error).to.include({ status: 502, code });
      expect(error.body.error).to.include({ task_id: String(TASK), refunded: String(lockOf(TERMS)) });
    });
  }

  it("tell of a deadline that has passed, with the task's number", async () => {
    const { error } = await refusal({ ended: new DeadlinePassed("late") });
    expect(error).to.include({ status: 504, code: "deadline_passed" });
    expect(error.body.error).to.include({ task_id: String(TASK) });
  });

  it("answer with the canonical seat's bytes and who agreed", async () => {
    const { complete, content } = await scriptedCompletions({ ended: settledAs(Status.Accepted, 77n) });
    await content.put(new TextEncoder().encode(TEXT));
    const answer = await complete(ASKED, signal);
    expect(answer).to.deep.include({
      object: "chat.completion",
      model: MODEL.name,
      usage: { prompt_tokens: 10, completion_tokens: 3, total_tokens: 13, cost: "77" },
    });
    expect(answer.choices).to.deep.equal([
      { index: 0, message: { role: "assistant", content: TEXT, refusal: null }, logprobs: null, finish_reason: "stop" },
    ]);
    expect(answer.verification).to.deep.include({
      session: 1,
      task: String(TASK),
      verdict: "accepted",
      transactions: { submitted: "0xsubmitted", settled: "0xsettled" },
      agreement: { redundancy: 3, quorum: 2, agreed: 2 },
      digest: DIGEST,
      cid: cidOf(DIGEST),
      charged: "77",
    });
    expect(answer.verification.committee.map(({ accepted }) => accepted)).to.deep.equal([true, true, false]);
  });

  it("say where the answer may be found later when nobody hands it out", async function () {
    this.timeout(20_000);
    const { error } = await refusal({ ended: settledAs(Status.Accepted, 77n) });
    expect(error).to.include({ status: 502, code: "content_unavailable" });
    expect(error.message).to.include(cidOf(DIGEST));
  });

  it("leave the output limit to session and context where none is given", async () => {
    const { complete, content, sent } = await scriptedCompletions({ tokens: 90, ended: settledAs(Status.Accepted) });
    await content.put(new TextEncoder().encode(TEXT));
    await complete({ ...ASKED, max_tokens: undefined }, signal);
    expect(sent).to.have.length(1);
  });

  it("ask the prompts of a list that brought no answer once more, alone, and join all in order", async () => {
    const { content } = await scriptedCompletions({});
    await content.put(new TextEncoder().encode(TEXT));
    const asked: string[][] = [];
    let waiting: { text: string; resolve: (place: Place) => void }[] = [];
    /** Two prompts ride in a task; the first task fails. */
    const place = async ({ messages }: Ask) =>
      await new Promise<Place>((resolve) => {
        waiting.push({ text: messages[0]!.content, resolve });
        if (waiting.length < 2) return;
        const task = BigInt(asked.push(waiting.map(({ text }) => text)));
        const terms = { ...TERMS, promptTokens: "0x00000a00000a" };
        const both = (one: string) => `0x${one.slice(2)}${one.slice(2)}`;
        const good = settledAs(Status.Accepted, 77n);
        const settled = task === 1n ? settledAs(Status.Failed) : { ...good, outcomes: both(good.outcomes), base: both(good.base) };
        const ended = Promise.resolve({ ...ENTRY, task, terms, settled });
        waiting.forEach(({ resolve }, prompt) =>
          resolve({
            task,
            prompt,
            name: "x",
            told: { at: 0 },
            placedAt: 0,
            waited: { queue: 0, router: 0 },
            transaction: "0x",
            seedBlock: 1,
            block: 1,
            terms,
            ended,
          }),
        );
        waiting = [];
      });
    const members = [0, 1, 2].map((seat) => ({ seat, node: seat + 1, operator: "0x1" }));
    const world = {
      knownCommittee: () => undefined,
      changesOf: () => "0x",
      committee: () => Promise.resolve(members),
      endpointsOf: () => [],
    };
    const engine = { tokenCount: () => Promise.resolve(10) };
    const submission = { session: SESSION_VIEW, worstCase: () => 1n };
    const lane = { session: 1, submission, batcher: { place, size: 16 } };
    const lanes = new Lanes([lane as never], { sessions: new Map(), book: { tasks: new Map() } } as never);
    const completions = new Completions({ engine, content, lanes, world, model: MODEL } as never);
    const prepared = await completions.prepared(completionRequest({ model: "toy", prompt: ["a", "b", "c", "d"], max_tokens: 8 }), signal);
    const reply = await completions.text(prepared, { signal });
    expect(asked).to.deep.equal([
      ["a", "b"],
      ["c", "d"],
      ["a", "b"],
    ]);
    expect(reply.choices.map(({ index, text }) => [index, text])).to.deep.equal([0, 1, 2, 3].map((index) => [index, TEXT]));
    expect(reply.verification.prompts.map(({ task, prompt }) => `${task}/${prompt}`)).to.deep.equal(["3/0", "3/1", "2/0", "2/1"]);
    expect(reply.verification.charged).to.equal("154");
  });
});
