/** Bodies that work as they stand; the document shows them, and tests send every one. */

const CAPITAL_OF_PERU = [{ role: "user", content: "What is the capital of Peru?" }];

/** Of POST /v1/chat/completions. */
export const chatExamples = (model: string): object[] => [
  { model, messages: [{ role: "user", content: "What is the capital of France?" }], max_tokens: 32 },
  {
    model,
    messages: [{ role: "user", content: "What is the capital of France?" }],
    n: 2,
    temperature: 0.5,
    seed: 7,
    max_completion_tokens: 32,
    user: "somebody",
    metadata: { purpose: "example" },
  },
  { model, messages: [{ role: "user", content: "What is 2 + 3?" }], stream: true, stream_options: { include_usage: true } },
  { model, messages: CAPITAL_OF_PERU, max_tokens: 32, verification: { sealed: true } },
  {
    model,
    messages: CAPITAL_OF_PERU,
    response_format: {
      type: "json_schema",
      json_schema: {
        name: "capital",
        schema: {
          type: "object",
          properties: { capital: { enum: ["Lima", "Paris", "Rome"] } },
          required: ["capital"],
          additionalProperties: false,
        },
        strict: true,
      },
    },
  },
  {
    model,
    messages: CAPITAL_OF_PERU,
    tools: [
      {
        type: "function",
        function: {
          name: "show_on_map",
          description: "Shows a city on a map.",
          parameters: {
            type: "object",
            properties: { city: { enum: ["Lima", "Paris", "Rome"] } },
            required: ["city"],
            additionalProperties: false,
          },
        },
      },
    ],
    tool_choice: { type: "function", function: { name: "show_on_map" } },
  },
];

/** Of POST /v1/validate. */
export const validateExamples: object[] = [
  { messages: CAPITAL_OF_PERU, text: "The capital of Peru is Lima.", max_tokens: 32 },
  { text: '{"city": "Lima"}', expect: { keys: ["city"] } },
];

/** Of POST /v1/delegate. */
export const delegateExamples: object[] = [{ messages: CAPITAL_OF_PERU, max_tokens: 32, expect: { contains: ["Lima"] } }];
