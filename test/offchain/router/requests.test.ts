import { expect } from "chai";
import { ApiError } from "../../../offchain/router/apiError.ts";
import { chatRequest } from "../../../offchain/router/requests.ts";

const MINIMAL = { model: "m", messages: [{ role: "user", content: "Hello" }] };

function refused(body: unknown): ApiError {
  try {
    chatRequest(body);
  } catch (error) {
    expect(error).to.be.instanceOf(ApiError);
    return error as ApiError;
  }
  throw new Error("the request was taken");
}

const BAD: [what: string, body: unknown, code: string, param: string | null, ...words: string[]][] = [
  ["no object", "hello", "invalid_request", null, "JSON object"],
  ["nothing", undefined, "invalid_request", null],
  [
    "an unknown field",
    { ...MINIMAL, functions: [], logit_bias: {} },
    "unknown_parameter",
    "functions, logit_bias",
    "functions",
    "accepted are model, max_tokens",
  ],
  [
    "an unknown field of a message",
    { ...MINIMAL, messages: [{ role: "user", content: "x", weight: 1 }] },
    "unknown_parameter",
    "messages.0.weight",
  ],
  ["n 2 in a stream", { ...MINIMAL, n: 2, stream: true }, "invalid_value", "n", "one node's tokens"],
  ["n 10", { ...MINIMAL, n: 10 }, "invalid_value", "n"],
  ["stream options without a stream", { ...MINIMAL, stream_options: {} }, "invalid_value", "stream_options"],
  ["wait false without a stream", { ...MINIMAL, verification: { wait: false } }, "invalid_value", "verification.wait"],
  ["log-probabilities", { ...MINIMAL, logprobs: true }, "invalid_value", "logprobs", "not served"],
  ["an unknown format", { ...MINIMAL, response_format: { type: "xml" } }, "invalid_value", "response_format.type"],
  [
    "a schema that no grammar enforces",
    { ...MINIMAL, response_format: { type: "json_schema", json_schema: { name: "x", schema: { type: "string", pattern: "a" } } } },
    "invalid_value",
    "response_format",
    "pattern",
  ],
  ["no messages", { model: "m" }, "invalid_value", "messages"],
  ["an empty list of messages", { model: "m", messages: [] }, "invalid_value", "messages"],
  ["no model", { messages: MINIMAL.messages }, "invalid_value", "model"],
  ["no tools", { ...MINIMAL, tools: [] }, "invalid_value", "tools"],
  ["a choice among no tools", { ...MINIMAL, tool_choice: "required" }, "invalid_value", "tool_choice"],
  ["an unknown role", { ...MINIMAL, messages: [{ role: "referee", content: "x" }] }, "invalid_value", "messages.0.role"],
  ["an assistant's last word", { ...MINIMAL, messages: [{ role: "assistant", content: "x" }] }, "invalid_value", "messages", "role user"],
  [
    "an image",
    { ...MINIMAL, messages: [{ role: "user", content: [{ type: "image_url" }] }] },
    "invalid_value",
    "messages.0.content",
    "text parts",
  ],
  ["temperature 3", { ...MINIMAL, temperature: 3 }, "invalid_value", "temperature"],
  ["max_tokens 0", { ...MINIMAL, max_tokens: 0 }, "invalid_value", "max_tokens"],
  ["two limits that differ", { ...MINIMAL, max_tokens: 1, max_completion_tokens: 2 }, "invalid_value", "max_tokens"],
  ["a seed below zero", { ...MINIMAL, seed: -1 }, "invalid_value", "seed"],
  ["five stop strings", { ...MINIMAL, stop: ["a", "b", "c", "d", "e"] }, "invalid_value", "stop"],
];

describe("a chat request", () => {
  for (const [what, body, code, param, ...words] of BAD) {
    it(`is refused for ${what}`, () => {
      const error = refused(body);
      expect(error).to.include({ status: 400, type: "invalid_request_error", code, param });
      for (const word of words) expect(error.message).to.include(word);
    });
  }

  it("has fixed defaults, so that every node computes the same", () => {
    const { sampling, ...rest } = chatRequest(MINIMAL);
    expect(rest).to.deep.include({ maxTokens: undefined, format: undefined, n: 1, stream: false, wait: true });
    expect(sampling).to.deep.equal({
      temperature: 0,
      topP: 1,
      topK: 0,
      seed: 0,
      stop: [],
      frequencyPenalty: 0,
      presencePenalty: 0,
      repeatPenalty: 1,
    });
  });

  it("takes every accepted field, nulls and text parts", () => {
    const content = [
      { type: "text", text: "Hello, " },
      { type: "text", text: "world" },
    ];
    const taken = chatRequest({
      model: "m",
      messages: [{ role: "user", content }],
      max_completion_tokens: 7,
      max_tokens: null,
      temperature: 0.5,
      top_p: 0.9,
      seed: 3,
      stop: "end",
      frequency_penalty: 1,
      presence_penalty: -1,
      n: 1,
      stream: false,
      user: "somebody",
      metadata: { a: "b" },
    });
    expect(taken).to.deep.include({
      maxTokens: 7,
      maxTokensParam: "max_completion_tokens",
      prompts: [[{ role: "user", content: "Hello, world" }]],
    });
    expect(taken.sampling).to.include({ temperature: 0.5, topP: 0.9, seed: 3, frequencyPenalty: 1, presencePenalty: -1 });
    expect(taken.sampling.stop).to.deep.equal(["end"]);
  });
});
