import swagger from "@fastify/swagger";
import swaggerUi from "@fastify/swagger-ui";
import type { FastifyInstance, FastifySchema, RouteOptions } from "fastify";
import { z } from "zod";
import { errorSchema, healthSchema } from "./replySchemas.ts";

/** What the document says of a route. Bodies are checked by the same zod schemas, which tell better what was wanted. */
export interface RouteDoc {
  summary: string;
  tags: ("OpenAI" | "Network" | "Agents" | "Nodes" | "Operation")[];
  body?: z.ZodType;
  params?: Record<string, string>;
  query?: Record<string, string> | undefined;
  /** A reply's schema by status; a text for one that is no JSON. */
  replies: Record<number, z.ZodType | string>;
  /** Bodies that work as they stand. */
  examples?: unknown[];
  /** Whether an API key is wanted, where the router has keys. */
  keyed?: boolean;
}

/** A schema as JSON Schema 2020-12, which is what OpenAPI 3.1 holds. */
export function jsonSchemaOf(schema: z.ZodType, io: "input" | "output"): Record<string, unknown> {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: "any", reused: "inline" });
  return json;
}

/** A route's documentation, as Fastify takes it. */
export function documented({ summary, tags, body, params, query, replies, examples, keyed = false }: RouteDoc): FastifySchema {
  const answers = Object.entries(replies).map(([status, reply]) => [
    status,
    typeof reply === "string"
      ? { description: reply, content: { "application/octet-stream": { schema: { type: "string" } } } }
      : { description: summary, ...jsonSchemaOf(reply, "output") },
  ]);
  return {
    summary,
    tags,
    security: keyed ? [{ apiKey: [] }] : [],
    ...(body !== undefined && { body: { ...jsonSchemaOf(body, "input"), ...(examples && { examples }) } }),
    ...(params !== undefined && {
      params: {
        type: "object",
        properties: Object.fromEntries(Object.entries(params).map(([name, description]) => [name, { type: "string", description }])),
        required: Object.keys(params),
      },
    }),
    ...(query !== undefined && {
      querystring: {
        type: "object",
        properties: Object.fromEntries(Object.entries(query).map(([name, description]) => [name, { type: "string", description }])),
      },
    }),
    response: {
      ...Object.fromEntries(answers),
      default: { description: "OpenAI's error object.", ...jsonSchemaOf(errorSchema, "output") },
    },
  };
}

const CONTENT: Record<string, RouteDoc> = {
  GET: {
    summary: "Content by its id",
    tags: ["Nodes"],
    params: { cid: "CIDv1, raw, sha2-256" },
    replies: { 200: "The bytes; they hash to the id." },
  },
  PUT: {
    summary: "Leaves content under its own id",
    tags: ["Nodes"],
    params: { cid: "CIDv1, raw, sha2-256" },
    replies: { 200: z.object({ cid: z.string() }), 201: z.object({ cid: z.string() }) },
  },
};

/** Serves /openapi.json and /docs about the routes that are added afterwards. */
export async function openApi(server: FastifyInstance): Promise<void> {
  server.setValidatorCompiler(() => () => true);
  server.setSerializerCompiler(() => (data) => JSON.stringify(data));
  server.addHook("onRoute", (route: RouteOptions) => {
    const doc = route.url === "/content/:cid" ? CONTENT[String(route.method)] : undefined;
    if (doc !== undefined) route.schema = documented(doc);
  });
  await server.register(swagger, {
    openapi: {
      openapi: "3.1.0",
      info: {
        title: "Corroborate router",
        version: "1",
        description:
          "OpenAI's chat completions, completions, embeddings and models, answered by several nodes that were found to agree. What is not OpenAI's stands under `verification`. GET /v1/socket is a WebSocket: the same requests, and tasks followed by sequence number.",
        license: { name: "MIT", identifier: "MIT" },
      },
      components: { securitySchemes: { apiKey: { type: "http", scheme: "bearer", description: "An API key, cor_…" } } },
      tags: [
        { name: "OpenAI", description: "As OpenAI's clients expect it." },
        { name: "Network", description: "What the chain says." },
        { name: "Agents", description: "What programs that act for people expect; POST /mcp speaks the Model Context Protocol." },
        { name: "Nodes", description: "For nodes, and for whoever wants the bytes behind a digest." },
        { name: "Operation", description: "For operators." },
      ],
    },
    hideUntagged: true,
  });
  await server.register(swaggerUi, { routePrefix: "/docs" });
  server.get("/openapi.json", () => server.swagger());
}

/** Documentation of /healthz. */
export const HEALTH_DOC: RouteDoc = {
  summary: "How the router is",
  tags: ["Operation"],
  replies: { 200: healthSchema, 503: healthSchema },
};
