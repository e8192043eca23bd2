import { randomUUID } from "node:crypto";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Engine } from "../inference/engine.ts";
import type { ModelEntry } from "../inference/models.ts";
import type { Caller, Entry } from "./access.ts";
import type { Answering, Asked, Endpoint } from "./answering.ts";
import { ApiError } from "./apiError.ts";
import type { Completions } from "./completions.ts";
import { embeddingsOf } from "./embeddings.ts";
import { chatExamples } from "./examples.ts";
import { requestSchema } from "./nativeSchemas.ts";
import { documented } from "./openapi.ts";
import type { Payments } from "./payments.ts";
import { chatBody, completionBody, embeddingBody } from "./requestSchemas.ts";
import { chatCompletionSchema, embeddingsSchema, textCompletionSchema } from "./replySchemas.ts";
import { chatRequest, completionRequest, embeddingRequest } from "./requests.ts";
import { SseStream } from "./sse.ts";

export interface PromptRouteParts {
  answering: Answering;
  completions: Pick<Completions, "prepared">;
  /** Where callers without a key may pay for each call. */
  payments?: Payments | undefined;
  /** Who sent a request that was let in. */
  callerOf: (request: FastifyRequest) => Caller;
  engine: Pick<Engine, "embed" | "tokenCount">;
  embed: Pick<ModelEntry, "id" | "sha256">;
  /** The served model's name, for examples. */
  model: { name: string };
  /** Ends requests in progress. */
  stopping: AbortSignal;
}

const LONGEST_MS = 24 * 3_600_000;

/** The routes that give answers. */
export function promptRoutes(server: FastifyInstance, parts: PromptRouteParts): void {
  const { answering, callerOf, engine, embed, model, stopping } = parts;

  const complete = async (request: FastifyRequest, reply: FastifyReply, endpoint: Endpoint): Promise<unknown> => {
    const caller = callerOf(request);
    const onEntry = (entry: Entry) => void reply.headers(entry.headers);
    const asked: Asked = {
      caller,
      endpoint,
      body: request.body,
      idempotency: idempotencyOf(request),
      gone: goneOf(request, reply),
      onEntry,
    };
    if (caller.pays) return await completePaid(request, reply, asked, parts);
    if (/\brespond-async\b/i.test(String(request.headers.prefer ?? ""))) return await acceptLater(reply, asked, answering);
    if ((request.body as { stream?: unknown } | undefined)?.stream === true) {
      await answering.stream(asked, () => new SseStream(reply));
      return reply;
    }
    const answered = await answering.answer(asked);
    if (answered.replayed) void reply.header("idempotent-replayed", "true");
    return told(reply, answered.reply);
  };

  server.post(
    "/v1/chat/completions",
    {
      schema: documented({
        summary: "An answer that several nodes gave",
        tags: ["OpenAI"],
        body: chatBody,
        replies: { 200: chatCompletionSchema, 202: requestSchema },
        examples: chatExamples(model.name),
        keyed: true,
      }),
    },
    async (request: FastifyRequest, reply) => await complete(request, reply, "/v1/chat/completions"),
  );

  server.post(
    "/v1/completions",
    {
      schema: documented({
        summary: "Answers to a prompt or a list of prompts",
        tags: ["OpenAI"],
        body: completionBody,
        replies: { 200: textCompletionSchema, 202: requestSchema },
        examples: [{ model: model.name, prompt: ["What is the capital of Peru?", "What is 2 + 3?"], max_tokens: 32 }],
        keyed: true,
      }),
    },
    async (request: FastifyRequest, reply) => await complete(request, reply, "/v1/completions"),
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
      const signal = AbortSignal.any([goneOf(request, reply), stopping]);
      return await answering.counted(
        callerOf(request),
        async () => await embeddingsOf(wanted, engine, embed, signal),
        (entry) => void reply.headers(entry.headers),
      );
    },
  );
}

/** Aborts when the client has gone, or when the time that it gave (x-timeout-ms) is over. Throws ApiError 400. */
export function goneOf(request: FastifyRequest, reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  const found = request.headers["x-timeout-ms"];
  const ms = found === undefined ? undefined : Number(found);
  if (ms !== undefined && !(Number.isInteger(ms) && ms >= 1 && ms <= LONGEST_MS))
    throw new ApiError(400, "found an x-timeout-ms that is no whole number of milliseconds, wanted one up to a day", {
      code: "invalid_value",
      param: "x-timeout-ms",
    });
  const late = () => gone.abort(new ApiError(408, `the answer was not there within ${ms} ms`, { code: "timeout" }));
  const timer = ms === undefined ? undefined : setTimeout(late, ms);
  reply.raw.once("close", () => {
    clearTimeout(timer);
    gone.abort(new ApiError(499, "the client went away", { code: "client_closed_request" }));
  });
  return gone.signal;
}

/** Headers that say where an answer stands, for those who do not read bodies. */
function told(reply: FastifyReply, answer: object): object {
  const { verification } = answer as { verification?: { task?: string; transactions?: { settled?: string } } };
  if (verification?.task !== undefined) void reply.header("x-task-id", verification.task);
  if (verification?.transactions?.settled !== undefined) void reply.header("x-transaction", verification.transactions.settled);
  return answer;
}

/** 202 at once; GET /v1/requests/:id has the reply later. */
async function acceptLater(reply: FastifyReply, asked: Asked, answering: Answering): Promise<unknown> {
  const id = `req_${randomUUID().replaceAll("-", "")}`;
  await answering.accept(asked, id);
  const body = { id, object: "request", status: "open", created: Math.floor(Date.now() / 1_000), reply: null, error: null };
  return await reply.code(202).header("location", `/v1/requests/${id}`).header("preference-applied", "respond-async").send(body);
}

/** Asks for a payment, or answers and takes it. One payment is one task, however often it is sent; whoever gets no answer pays nothing. */
async function completePaid(request: FastifyRequest, reply: FastifyReply, asked: Asked, parts: PromptRouteParts): Promise<unknown> {
  const { answering, completions } = parts;
  const payments = parts.payments!;
  const wanted = asked.endpoint === "/v1/chat/completions" ? chatRequest(asked.body) : completionRequest(asked.body);
  if (wanted.stream)
    throw new ApiError(400, "found stream true, wanted none: a payment is taken once the answer is there", {
      code: "invalid_value",
      param: "stream",
    });
  const { worstCase } = await completions.prepared(wanted, asked.gone);
  const price = payments.priceOf(worstCase);
  const header = request.headers["payment-signature"];
  const demand = (why: string) =>
    void reply.header("payment-required", payments.required(price, `${request.protocol}://${request.host}${asked.endpoint}`, why));
  if (typeof header !== "string") {
    demand("PAYMENT-SIGNATURE header is required");
    throw new ApiError(
      402,
      `this answer costs at most ${price} COR base units; pay by x402 (PAYMENT-REQUIRED says how), or send an API key`,
      {
        code: "payment_required",
        retryable: false,
        details: { price: String(price) },
      },
    );
  }
  try {
    const payment = await payments.checked(header, price);
    const known = answering.known(asked.caller, payment.name);
    if (!known && (await payments.spent(payment)))
      throw new ApiError(402, "the payment cannot be taken: found its nonce used, wanted a fresh one", { code: "payment_refused" });
    const answered = await answering.answer({ ...asked, idempotency: payment.name });
    void reply.header("payment-response", await payments.settled(payment));
    return told(reply, answered.reply);
  } catch (error) {
    if (error instanceof ApiError && error.status === 402) demand(error.message);
    throw error;
  }
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
