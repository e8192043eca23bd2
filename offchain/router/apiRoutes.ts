import type { FastifyInstance } from "fastify";
import type { ModelView } from "../chain/views.ts";
import { decodeOutcomes } from "../protocol/answers.ts";
import { phaseOf } from "../protocol/phases.ts";
import { Phase, Status } from "../protocol/types.ts";
import { ApiError } from "./apiError.ts";
import type { CarriedItems } from "./carriedItems.ts";
import { chatRequest } from "./chatRequest.ts";
import type { Completions } from "./completions.ts";
import type { World } from "./world.ts";

export interface ApiParts {
  completions: Completions;
  carried: CarriedItems;
  world: World;
  model: ModelView & { sha256: string };
  /** While it ends, a router takes no new requests; what nodes hand in is still taken. */
  draining: AbortSignal;
  /** Ends requests in progress. */
  stopping: AbortSignal;
}

/** The routes for clients (/v1) and for nodes (/carry). */
export function apiRoutes(server: FastifyInstance, { completions, carried, world, model, draining, stopping }: ApiParts): void {
  server.post("/v1/chat/completions", async (request, reply) => {
    if (draining.aborted) throw new ApiError(503, "the router is ending; try again elsewhere", { code: "shutting_down" });
    const wanted = chatRequest(request.body);
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort(new ApiError(499, "the client went away", { code: "client_closed_request" })));
    return await completions.complete(wanted, AbortSignal.any([gone.signal, stopping])).catch((error: unknown) => {
      if (stopping.aborted) throw new ApiError(503, "the router ended before the answer was there", { code: "shutting_down" });
      throw error;
    });
  });

  server.get("/v1/models", () => ({ object: "list", data: [describe(model, world)] }));

  server.get<{ Params: { id: string } }>("/v1/tasks/:id", async (request) => {
    const { id } = request.params;
    if (!/^\d{1,20}$/.test(id))
      throw new ApiError(400, `found ${JSON.stringify(id)}, wanted a task's number`, { code: "invalid_value", param: "id" });
    const life = await lifeOf(BigInt(id), world);
    if (life === undefined)
      throw new ApiError(404, `found no task ${id} here, wanted a recent one of this router's session`, {
        code: "task_not_found",
        param: "id",
      });
    return life;
  });

  server.post("/carry/commitment", async (request, reply) => {
    await carried.takeCommitment(request.body);
    return await reply.code(202).send({ accepted: true });
  });

  server.post("/carry/opening", async (request, reply) => {
    carried.takeOpening(request.body);
    return await reply.code(202).send({ accepted: true });
  });
}

function describe(model: ModelView & { sha256: string }, { session }: World) {
  return {
    id: model.name,
    object: "model",
    created: 0,
    owned_by: "corroborate",
    sha256: model.sha256,
    quantisation: model.quantisation,
    context_length: model.contextTokens,
    ...(session !== undefined && {
      max_prompt_tokens: session.maxPromptTokens,
      max_tokens: session.rules.maxTokens,
      /** COR base units: price of 1,000 tokens in one node's answer, of which `redundancy` are paid for, and what a settlement costs. */
      pricing: {
        per_1000_tokens: String(session.rules.price),
        redundancy: session.rules.redundancy,
        quorum: session.rules.quorum,
        bounty: String(session.rules.bounty),
      },
    }),
  };
}

async function lifeOf(task: bigint, world: World) {
  const entry = world.book.tasks.get(task);
  if (entry === undefined || world.head === undefined) return undefined;
  const { session, terms, seedBlock, deadline, commits, openings, settled } = entry;
  const phase =
    settled === undefined ? phaseOf(await world.facts(task), { ...world.next, timestamp: world.head.timestamp }) : Phase.Settled;
  const committee = phase === Phase.Queued ? undefined : await world.committee(entry);
  return {
    task: String(task),
    session,
    phase: nameIn(Phase, phase),
    status: nameIn(Status, settled?.status ?? Status.Open),
    model: terms.model,
    manifest: terms.manifest,
    max_tokens: terms.maxTokens,
    redundancy: terms.redundancy,
    quorum: terms.quorum,
    seed_block: seedBlock,
    commits_until: deadline,
    committee: committee ?? null,
    committed: commits,
    revealed: [...openings.keys()],
    settled:
      settled === undefined
        ? null
        : {
            transaction: settled.transactionHash,
            block: settled.blockNumber,
            charged: String(settled.charged),
            outcomes: decodeOutcomes(settled.outcomes).map(({ canonicalSeat, accepted }) => ({ canonical_seat: canonicalSeat, accepted })),
          },
  };
}

const nameIn = (names: Record<string, number>, value: number) => Object.keys(names).find((name) => names[name] === value) ?? "Unknown";
