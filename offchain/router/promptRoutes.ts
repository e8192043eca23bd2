import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Engine } from "../inference/engine.ts";
import type { ModelEntry } from "../inference/models.ts";
import { ApiError } from "./apiError.ts";
import type { Completions, Context } from "./completions.ts";
import { embeddingsOf } from "./embeddings.ts";
import type { LiveText } from "./liveText.ts";
import { documented } from "./openapi.ts";
import { chatBody, completionBody, embeddingBody } from "./requestSchemas.ts";
import { chatCompletionSchema, embeddingsSchema, textCompletionSchema } from "./replySchemas.ts";
import { chatRequest, completionRequest, embeddingRequest, type PromptRequest } from "./requests.ts";
import { SseStream } from "./sse.ts";
import { streamed } from "./streaming.ts";

export interface PromptRouteParts {
  completions: Completions;
  live: LiveText;
  engine: Pick<Engine, "embed" | "tokenCount">;
  embed: Pick<ModelEntry, "id" | "sha256">;
  /** The served model's name, for examples. */
  model: { name: string };
  /** While it ends, a router takes no new requests; what nodes hand in is still taken. */
  draining: AbortSignal;
  /** Ends requests in progress. */
  stopping: AbortSignal;
}

/** The routes that give answers. */
export function promptRoutes(server: FastifyInstance, parts: PromptRouteParts): void {
  const { completions, live, engine, embed, model, draining, stopping } = parts;

  /** Runs a request until it is answered, its client goes away or the router ends. */
  const answering = async <T>(reply: FastifyReply, work: (context: Context) => Promise<T>): Promise<T> => {
    if (draining.aborted) throw new ApiError(503, "the router is ending; try again elsewhere", { code: "shutting_down" });
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort(new ApiError(499, "the client went away", { code: "client_closed_request" })));
    const signal = AbortSignal.any([gone.signal, stopping]);
    return await completions
      .counted(async () => await work({ signal }))
      .catch((error: unknown) => {
        if (stopping.aborted) throw new ApiError(503, "the router ended before the answer was there", { code: "shutting_down" });
        throw error;
      });
  };

  /** Answers a request for completions: as one reply, or as a stream once its task is on chain. */
  const completing = async (wanted: PromptRequest, reply: FastifyReply): Promise<unknown> =>
    await answering(reply, async (context) => {
      const prepared = await completions.prepared(wanted, context.signal);
      if (!wanted.stream)
        return wanted.service === "chat" ? await completions.chat(prepared, context) : await completions.text(prepared, context);
      const place = await completions.place(prepared.asks[0]!, 0, context);
      const sse = new SseStream(reply);
      await streamed(prepared, place, sse, { completions, live, model: model.name }, context);
      return reply;
    });

  server.post(
    "/v1/chat/completions",
    {
      schema: documented({
        summary: "An answer that several nodes gave",
        tags: ["OpenAI"],
        body: chatBody,
        replies: { 200: chatCompletionSchema },
        examples: chatExamples(model.name),
        keyed: true,
      }),
    },
    async (request: FastifyRequest, reply) => {
      return await completing(chatRequest(request.body), reply);
    },
  );

  server.post(
    "/v1/completions",
    {
      schema: documented({
        summary: "Answers to a prompt or a list of prompts",
        tags: ["OpenAI"],
        body: completionBody,
        replies: { 200: textCompletionSchema },
        examples: [{ model: model.name, prompt: ["What is the capital of Peru?", "What is 2 + 3?"], max_tokens: 32 }],
        keyed: true,
      }),
    },
    async (request: FastifyRequest, reply) => {
      return await completing(completionRequest(request.body), reply);
    },
  );

  server.post(
    "/v1/embeddings",
    {
      schema: documented({
        summary: "Embeddings by the registered embedding model",
        tags: ["OpenAI"],
        body: embeddingBody,
        replies: { 200: embeddingsSchema },
        examples: [{ model: embed.id, input: ["a fox", "a dog"] }],
        keyed: true,
      }),
    },
    async (request: FastifyRequest, reply) => {
      const wanted = embeddingRequest(request.body);
      return await answering(reply, async ({ signal }) => await embeddingsOf(wanted, engine, embed, signal));
    },
  );
}

const chatExamples = (model: string) => [
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
  {
    model,
    messages: [{ role: "user", content: "What is the capital of Peru?" }],
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
];
