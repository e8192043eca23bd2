import { Readable } from "node:stream";
import { createMcpHandler, McpServer } from "@modelcontextprotocol/server";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { z } from "zod";
import type { Caller } from "./access.ts";
import type { Answering } from "./answering.ts";
import { toApiError } from "./apiError.ts";
import { expectSchema } from "./expectations.ts";
import { unpaid } from "./nativeRoutes.ts";
import { documented } from "./openapi.ts";
import type { ChatCompletion } from "./replySchemas.ts";
import type { TaskLives } from "./taskLife.ts";
import type { Validation } from "./validation.ts";

export interface AgentParts {
  answering: Answering;
  validation: Validation;
  lives: TaskLives;
  model: { name: string };
  callerOf: (request: FastifyRequest) => Caller;
  stopping: AbortSignal;
}

const VERSION = "1.0.0";
const ABOUT = "Answers by several independently run nodes whose agreement a contract has judged, with proof on chain.";

/** What agents expect: the Model Context Protocol at POST /mcp, and an A2A agent card. */
export function agentRoutes(server: FastifyInstance, parts: AgentParts): void {
  const { model, callerOf, stopping } = parts;

  server.route({
    method: ["GET", "POST", "DELETE"],
    url: "/mcp",
    schema: { hide: true },
    handler: async (request, reply) => {
      const gone = new AbortController();
      reply.raw.once("close", () => gone.abort());
      const signal = AbortSignal.any([gone.signal, stopping]);
      // Nothing is kept between requests: each has a server of its own, which acts for its caller.
      const handler = createMcpHandler(() => mcpServer(parts, callerOf(request), signal));
      const headers = Object.entries(request.headers).filter((entry): entry is [string, string] => typeof entry[1] === "string");
      const asked = new Request(`http://${request.host}/mcp`, {
        method: request.method,
        headers: headers.filter(([name]) => !["host", "connection", "content-length", "transfer-encoding"].includes(name)),
        ...(request.method === "POST" && { body: JSON.stringify(request.body ?? null) }),
        signal,
      });
      const response = await handler.fetch(asked, request.method === "POST" ? { parsedBody: request.body } : {});
      response.headers.forEach((value, name) => void reply.header(name, value));
      return await reply.code(response.status).send(response.body === null ? "" : Readable.fromWeb(response.body as never));
    },
  });

  server.get(
    "/.well-known/agent-card.json",
    { schema: documented({ summary: "A2A agent card", tags: ["Agents"], replies: { 200: z.looseObject({ name: z.string() }) } }) },
    (request) => agentCard(`${request.protocol}://${request.host}`, model.name),
  );
}

/** Who this agent is, in A2A's JSON. The bindings are those that are really served. */
export function agentCard(base: string, model: string) {
  const modes = ["text/plain", "application/json"];
  const skill = (id: string, name: string, description: string, examples: string[]) => ({
    id,
    name,
    description,
    tags: ["llm", "verified"],
    examples,
    inputModes: modes,
    outputModes: modes,
    securityRequirements: [],
  });
  return {
    name: "Corroborate router",
    description: ABOUT,
    supportedInterfaces: [
      { url: `${base}/mcp`, protocolBinding: "https://modelcontextprotocol.io", protocolVersion: "2026-07-28", tenant: "" },
      { url: `${base}/v1`, protocolBinding: "https://platform.openai.com/docs/api-reference", protocolVersion: "1", tenant: "" },
    ],
    provider: { url: base, organization: "the operator of this router" },
    version: VERSION,
    documentationUrl: `${base}/docs`,
    capabilities: { streaming: true, pushNotifications: false, extendedAgentCard: false, extensions: [] },
    securitySchemes: { apiKey: { httpAuthSecurityScheme: { description: "An API key, cor_…", scheme: "Bearer" } } },
    securityRequirements: [],
    defaultInputModes: modes,
    defaultOutputModes: modes,
    skills: [
      skill("complete", "Verified completion", `An answer of ${model} that several nodes agree on.`, ["What is the capital of France?"]),
      skill("validate", "Validation", "Whether a text is what it should be: VALID, INVALID, RETRY or NEEDS_SPEC, with evidence.", []),
      skill("task_status", "Task status", "Where a task stands on chain.", []),
    ],
    signatures: [],
  };
}

function mcpServer({ answering, validation, lives, model }: AgentParts, caller: Caller, gone: AbortSignal): McpServer {
  const server = new McpServer({ name: "corroborate-router", version: VERSION }, { instructions: ABOUT });
  const told = async (work: () => Promise<object>) => {
    try {
      const found = await work();
      return { content: [{ type: "text" as const, text: JSON.stringify(found) }], structuredContent: found as Record<string, unknown> };
    } catch (error) {
      return { isError: true, content: [{ type: "text" as const, text: JSON.stringify(toApiError(error).body) }] };
    }
  };

  server.registerTool(
    "complete",
    {
      title: "Verified completion",
      description: `Asks ${model.name} on several nodes; answers with what they agreed on, and where the chain says so.`,
      inputSchema: z.object({
        prompt: z.string().min(1).max(262_144),
        max_tokens: z.int().min(1).optional(),
        temperature: z.number().min(0).max(2).optional(),
      }),
    },
    async ({ prompt, ...rest }) =>
      await told(async () => {
        const body = { model: model.name, messages: [{ role: "user", content: prompt }], ...rest };
        const { reply } = await answering.answer({ caller: unpaid(caller), endpoint: "/v1/chat/completions", body, gone });
        const { choices, usage, verification } = reply as ChatCompletion;
        return { text: choices[0]!.message.content, finish_reason: choices[0]!.finish_reason, usage, verification };
      }),
  );

  server.registerTool(
    "validate",
    {
      title: "Validation",
      description: "VALID, INVALID, RETRY or NEEDS_SPEC for a task's answer, or for a text that should answer a question; with evidence.",
      inputSchema: z.object({
        task: z.string().optional(),
        text: z.string().optional(),
        question: z.string().optional(),
        expect: expectSchema.optional(),
      }),
    },
    async ({ question, ...rest }) =>
      await told(async () => {
        const messages = question === undefined ? {} : { messages: [{ role: "user", content: question }] };
        return await validation.validate({ ...rest, ...messages }, unpaid(caller), gone);
      }),
  );

  server.registerTool(
    "task_status",
    { title: "Task status", description: "Where a task of this router stands on chain.", inputSchema: z.object({ task: z.string() }) },
    async ({ task }) => await told(async () => await lives.life(task)),
  );
  return server;
}
