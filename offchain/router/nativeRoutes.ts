import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Views } from "../chain/views.ts";
import type { Caller } from "./access.ts";
import type { Answering } from "./answering.ts";
import { ApiError } from "./apiError.ts";
import { delegateExamples, validateExamples } from "./examples.ts";
import * as schemas from "./nativeSchemas.ts";
import { documented, type RouteDoc } from "./openapi.ts";
import { goneOf } from "./promptRoutes.ts";
import { taskSchema } from "./replySchemas.ts";
import type { SessionDesk } from "./sessionDesk.ts";
import type { TaskLives } from "./taskLife.ts";
import { delegateBody, validateBody, type Validation } from "./validation.ts";

export interface NativeRouteParts {
  answering: Answering;
  lives: TaskLives;
  validation: Validation;
  desk: Pick<SessionDesk, "sessions" | "nodes">;
  views: Pick<Views, "sessionBalance">;
  callerOf: (request: FastifyRequest) => Caller;
  stopping: AbortSignal;
}

const MOST_TASKS = 100;
type Params = { Params: { id: string }; Querystring: Record<string, string | undefined> };

/** The routes that are not OpenAI's: what the chain says of sessions, nodes and tasks; verdicts; requests that are answered later. */
export function nativeRoutes(server: FastifyInstance, parts: NativeRouteParts): void {
  const { answering, lives, validation, desk, callerOf, stopping } = parts;
  const network = (doc: Omit<RouteDoc, "tags" | "keyed">) => ({
    schema: documented({ ...doc, tags: ["Network"], keyed: true }),
  });
  const task = { id: "The task's number" };
  const signalOf = (request: FastifyRequest, reply: FastifyReply) => AbortSignal.any([goneOf(request, reply), stopping]);

  server.get("/v1/sessions", network({ summary: "The sessions that pay here", replies: { 200: schemas.sessionsSchema } }), async () => ({
    object: "list",
    data: await desk.sessions(),
  }));

  server.get<Params>(
    "/v1/sessions/:id",
    network({ summary: "One session", params: { id: "The session's number" }, replies: { 200: schemas.sessionSchema } }),
    async (request) => {
      const found = (await desk.sessions()).find(({ session }) => String(session) === request.params.id);
      if (found !== undefined) return found;
      throw new ApiError(404, `found no session ${request.params.id.slice(0, 64)} here`, { code: "session_not_found", param: "id" });
    },
  );

  server.get("/v1/nodes", network({ summary: "The nodes that are leased", replies: { 200: schemas.nodesSchema } }), async () => ({
    object: "list",
    data: await desk.nodes(),
  }));

  server.get("/v1/tasks", network({ summary: "Recent tasks", replies: { 200: schemas.taskListSchema } }), () => ({
    object: "list",
    data: lives.list(MOST_TASKS),
  }));

  server.get<Params>(
    "/v1/tasks/:id",
    network({ summary: "A task's life, as the chain tells it", params: task, replies: { 200: taskSchema } }),
    async (request) => await lives.life(request.params.id),
  );

  server.get<Params>(
    "/v1/tasks/:id/events",
    network({
      summary: "A task's events in the chain's order; over WebSocket (/v1/socket) as they come",
      params: task,
      query: { after: "Only those with a higher seq." },
      replies: { 200: schemas.eventsSchema },
    }),
    (request) => ({ object: "list", task: request.params.id, data: lives.events(request.params.id, wholeOf(request.query, "after")) }),
  );

  server.get<Params>(
    "/v1/tasks/:id/results",
    network({ summary: "The accepted answers of a task", params: task, replies: { 200: schemas.resultsSchema } }),
    async (request, reply) => await lives.results(request.params.id, signalOf(request, reply)),
  );

  server.get<Params>(
    "/v1/tasks/:id/proof",
    network({
      summary: "What proves an answer against the chain alone",
      params: task,
      query: { prompt: "Which prompt of the task; 0 without it." },
      replies: { 200: schemas.proofSchema },
    }),
    async (request, reply) => (await lives.proof(request.params.id, wholeOf(request.query, "prompt"), signalOf(request, reply))).proof,
  );

  server.get<Params>(
    "/v1/requests/:id",
    network({
      summary: "A request that is answered later (Prefer: respond-async)",
      params: { id: "The request's id" },
      replies: { 200: schemas.requestSchema },
    }),
    (request) => {
      const { id } = request.params;
      const found = answering.accepted(callerOf(request), id);
      if (found === undefined)
        throw new ApiError(404, `found no request ${id.slice(0, 64)} of this key`, { code: "request_not_found", param: "id" });
      const { open, status, reply, createdAt } = found;
      const done = !open && status === 200;
      const error =
        open || done
          ? null
          : ((reply as { error?: object } | null)?.error ?? { code: "request_failed", message: "it has no answer; ask again" });
      return {
        id,
        object: "request",
        status: open ? "open" : done ? "done" : "failed",
        created: createdAt,
        reply: done ? reply : null,
        error,
      };
    },
  );

  server.post(
    "/v1/validate",
    {
      schema: documented({
        summary: "Whether a text is what it should be: VALID, INVALID, RETRY or NEEDS_SPEC, with the evidence",
        tags: ["Network"],
        body: validateBody,
        replies: { 200: schemas.verdictSchema },
        examples: validateExamples,
        keyed: true,
      }),
    },
    async (request, reply) => await validation.validate(request.body, unpaid(callerOf(request)), signalOf(request, reply)),
  );

  server.post(
    "/v1/delegate",
    {
      schema: documented({
        summary: "Has the network answer until the answer meets the expectations",
        tags: ["Network"],
        body: delegateBody,
        replies: { 200: schemas.verdictSchema },
        examples: delegateExamples,
        keyed: true,
      }),
    },
    async (request, reply) => await validation.delegate(request.body, unpaid(callerOf(request)), signalOf(request, reply)),
  );
}

/** Payments per call are for completions only. Throws ApiError 402. */
export function unpaid(caller: Caller): Caller {
  if (!caller.pays) return caller;
  throw new ApiError(402, "found no API key, wanted one: payments per call are taken at the completion routes only", {
    code: "payment_required",
    retryable: false,
  });
}

/** A whole number of the query; 0 without one. Throws ApiError 400. */
function wholeOf(query: Record<string, string | undefined>, name: string): number {
  const found = query[name] ?? "0";
  if (/^\d{1,9}$/.test(found)) return Number(found);
  throw new ApiError(400, `found ${name} ${JSON.stringify(String(found).slice(0, 64))}, wanted a whole number`, {
    code: "invalid_value",
    param: name,
  });
}
