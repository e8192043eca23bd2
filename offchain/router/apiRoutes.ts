import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { ModelView } from "../chain/views.ts";
import type { Engine } from "../inference/engine.ts";
import type { ModelEntry } from "../inference/models.ts";
import type { Accounts } from "./accounts.ts";
import { type AgentParts, agentRoutes } from "./agents.ts";
import { ApiError } from "./apiError.ts";
import type { CarriedItems } from "./carriedItems.ts";
import { documented } from "./openapi.ts";
import { type NativeRouteParts, nativeRoutes } from "./nativeRoutes.ts";
import { type PromptRouteParts, promptRoutes } from "./promptRoutes.ts";
import { acceptedSchema, type ModelReply, modelSchema, modelsSchema, type UsageReply, usageReplySchema } from "./replySchemas.ts";
import type { World } from "./world.ts";

export interface ApiParts extends PromptRouteParts, NativeRouteParts, AgentParts {
  accounts: Pick<Accounts, "usage">;
  carried: CarriedItems;
  world: World;
  model: ModelView & { sha256: string };
  embed: Pick<ModelEntry, "id" | "sha256" | "contextTokens" | "quantisation">;
  engine: Pick<Engine, "embed" | "tokenCount">;
}

/** The routes for clients (/v1) and for nodes (/carry). */
export function apiRoutes(server: FastifyInstance, parts: ApiParts): void {
  const { carried, world, model, embed } = parts;
  promptRoutes(server, parts);
  nativeRoutes(server, parts);
  agentRoutes(server, parts);

  const models = (): ModelReply[] => [describe(model, world), describeEmbedding(embed)];
  server.get(
    "/v1/models",
    { schema: documented({ summary: "Served models and what they cost", tags: ["OpenAI"], replies: { 200: modelsSchema }, keyed: true }) },
    () => ({ object: "list", data: models() }),
  );

  server.get<{ Params: { id: string } }>(
    "/v1/models/:id",
    {
      schema: documented({
        summary: "One model",
        tags: ["OpenAI"],
        params: { id: "Name of the model" },
        replies: { 200: modelSchema },
        keyed: true,
      }),
    },
    (request) => {
      const { id } = request.params;
      const found = models().find((one) => one.id === id);
      if (found !== undefined) return found;
      const names = models().map((one) => one.id);
      throw new ApiError(404, `found model ${JSON.stringify(id.slice(0, 128))}, wanted one that is served: ${names.join(", ")}`, {
        code: "model_not_found",
        param: "id",
      });
    },
  );

  server.get(
    "/v1/usage",
    {
      schema: documented({
        summary: "What this key used today (UTC)",
        tags: ["Operation"],
        replies: { 200: usageReplySchema },
        keyed: true,
      }),
    },
    (request): UsageReply => {
      const { id, name, expiresAt, perMinute, concurrent, spendPerDay } = parts.callerOf(request);
      const { day, requests, promptTokens, completionTokens, charged, held } = parts.accounts.usage(id);
      return {
        key: id,
        name,
        day,
        requests,
        prompt_tokens: promptTokens,
        completion_tokens: completionTokens,
        charged: String(charged),
        held: String(held),
        limits: {
          per_minute: perMinute ?? null,
          concurrent: concurrent ?? null,
          spend_per_day: spendPerDay === undefined ? null : String(spendPerDay),
          expires_at: expiresAt ?? null,
        },
      };
    },
  );

  const carry = (summary: string) => documented({ summary, tags: ["Nodes"], body: z.looseObject({}), replies: { 202: acceptedSchema } });
  server.post("/carry/commitment", { schema: carry("Takes a node's signed commitment to the chain") }, async (request, reply) => {
    await carried.takeCommitment(request.body);
    return await reply.code(202).send({ accepted: true });
  });

  server.post(
    "/carry/opening",
    { schema: carry("Takes a node's opening to the chain, once commits have closed") },
    async (request, reply) => {
      carried.takeOpening(request.body);
      return await reply.code(202).send({ accepted: true });
    },
  );
}

function describeEmbedding({ id, sha256, contextTokens, quantisation }: ApiParts["embed"]): ModelReply {
  return {
    id,
    object: "model",
    created: 0,
    owned_by: "corroborate",
    sha256: `0x${sha256}`,
    kind: "embedding",
    quantisation,
    context_length: contextTokens,
  };
}

function describe(model: ModelView & { sha256: string }, { sessions }: World): ModelReply {
  const session = [...sessions.values()].find(({ closed }) => !closed);
  return {
    id: model.name,
    object: "model",
    created: 0,
    owned_by: "corroborate",
    sha256: model.sha256,
    kind: "generation",
    quantisation: model.quantisation,
    context_length: model.contextTokens,
    ...(session !== undefined && {
      max_prompt_tokens: session.maxPromptTokens,
      max_tokens: session.rules.maxTokens,
      pricing: {
        per_1000_tokens: String(session.rules.price),
        redundancy: session.rules.redundancy,
        quorum: session.rules.quorum,
        bounty: String(session.rules.bounty),
      },
    }),
  };
}
