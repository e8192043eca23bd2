import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Engine } from "../inference/engine.ts";
import type { ModelEntry } from "../inference/models.ts";
import { ApiError } from "./apiError.ts";
import type { Access, Caller } from "./access.ts";
import type { Accounts, Work } from "./accounts.ts";
import type { Completions } from "./completions.ts";
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
  accounts: Accounts;
  access: Access;
  /** Who sent a request that was let in. */
  callerOf: (request: FastifyRequest) => Caller;
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
  const { completions, accounts, access, callerOf, live, engine, embed, model, draining, stopping } = parts;

  /** Runs a request until it is answered, its client goes away or the router ends. */
  const answering = async <T>(
    request: FastifyRequest,
    reply: FastifyReply,
    work: (caller: Caller, gone: AbortSignal) => Promise<T>,
  ): Promise<T> => {
    if (draining.aborted) throw new ApiError(503, "the router is ending; try again elsewhere", { code: "shutting_down" });
    const caller = callerOf(request);
    const leave = access.enter(caller);
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort(new ApiError(499, "the client went away", { code: "client_closed_request" })));
    try {
      return await work(caller, gone.signal);
    } catch (error) {
      if (stopping.aborted) throw new ApiError(503, "the router ended before the answer was there", { code: "shutting_down" });
      throw error;
    } finally {
      leave();
    }
  };

  /** Answers a request for completions: as one reply, or as a stream once its task is on chain. */
  const completing = async (request: FastifyRequest, reply: FastifyReply, wanted: PromptRequest): Promise<unknown> =>
    await answering(request, reply, async (caller, gone) => {
      const idempotency = idempotencyOf(request);
      let streaming = false;
      const work: Work = async ({ admit, ...context }) =>
        await completions.counted(async () => {
          const prepared = await completions.prepared(wanted, context.signal);
          admit(prepared.worstCase);
          if (!wanted.stream) {
            const answer =
              wanted.service === "chat" ? await completions.chat(prepared, context) : await completions.text(prepared, context);
            return { reply: answer, promptTokens: answer.usage.prompt_tokens, completionTokens: answer.usage.completion_tokens };
          }
          const place = await completions.place(prepared.asks[0]!, 0, context);
          const sse = new SseStream(reply);
          streaming = true;
          const answer = await streamed(prepared, place, sse, { completions, live, model: model.name }, context);
          if (answer === undefined) throw new ApiError(499, "the stream ended without an answer", { code: "stream_ended" });
          return { reply: {}, promptTokens: answer.promptTokens, completionTokens: answer.choices[0]!.tokens };
        });
      const about = { caller, endpoint: request.routeOptions.url ?? "", body: request.body, idempotency, streams: wanted.stream, gone };
      const answered = await accounts.answer(about, work).catch((error: unknown) => {
        if (streaming) return undefined;
        throw error;
      });
      if (answered === undefined || streaming) return reply;
      if (answered.replayed) void reply.header("idempotent-replayed", "true");
      return answered.reply;
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
      return await completing(request, reply, chatRequest(request.body));
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
      return await completing(request, reply, completionRequest(request.body));
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
      return await answering(
        request,
        reply,
        async (_caller, gone) => await embeddingsOf(wanted, engine, embed, AbortSignal.any([gone, stopping])),
      );
    },
  );
}

/** The client's own name of its request. Throws ApiError 400. */
function idempotencyOf(request: FastifyRequest): string | undefined {
  const found = request.headers["idempotency-key"];
  if (found === undefined) return undefined;
  if (typeof found === "string" && /^[\x21-\x7e]{1,255}$/.test(found)) return found;
  throw new ApiError(400, "found an Idempotency-Key that is not 1 to 255 printable characters, wanted one, for example a UUID", {
    code: "invalid_value",
    param: "Idempotency-Key",
  });
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
