// Tells the type checker of `hide`.
import type {} from "@fastify/swagger";
import type { FastifyInstance, FastifyReply } from "fastify";
import { z } from "zod";
import type { Deployment } from "../chain/deployment.ts";
import type { IndexService } from "./service.ts";
import type { IndexQueries } from "./queries.ts";

export interface IndexRoutesOptions {
  index: IndexService;
  deployment: Deployment;
  /** Where browsers reach the chain; what they check there does not pass through this server. */
  rpc: string;
  /** What the server that hosts these routes says about itself. */
  host?: Record<string, unknown>;
}

const number = z.coerce.number().int().min(0);
const place = z.string().regex(/^\d{1,15}:\d{1,10}:\d{1,10}$/, "wanted what `next` of the page before said");
const tasksAsked = z.object({
  limit: number.max(200).default(50),
  before: place.optional(),
  session: number.optional(),
  status: number.max(5).optional(),
});
const overviewAsked = z.object({ span: number.min(3_600).max(31_536_000).default(3_600) });
const ownerAsked = z.object({
  owner: z
    .string()
    .regex(/^0x[0-9a-fA-F]{40}$/, "wanted an address")
    .optional(),
});
const HEARTBEAT_MS = 15_000;
const MOST_STREAMS = 100;

/** Fastify plugin: the index over HTTP, read only. Errors are {error: {message, code, retryable}}. */
// eslint-disable-next-line @typescript-eslint/require-await -- Fastify waits for a promise where a plugin takes no callback.
export async function indexRoutes(server: FastifyInstance, { index, deployment, rpc, host = {} }: IndexRoutesOptions): Promise<void> {
  const hidden = { schema: { hide: true } };
  let streams = 0;

  /** A route that asks the index. */
  const route = <T extends z.ZodType>(url: string, schema: T, ask: (queries: IndexQueries, asked: z.output<T>, id: string) => unknown) =>
    server.get<{ Params: { id?: string } }>(url, hidden, async (request, reply) => {
      const asked = schema.safeParse(request.query);
      if (!asked.success) {
        const [issue] = asked.error.issues;
        return await refuse(reply, 400, "invalid_value", `${issue?.path.join(".") ?? "query"}: ${issue?.message ?? "not valid"}`);
      }
      const { queries } = index;
      if (queries === undefined) return await refuse(reply, 503, "index_not_ready", "the index is not open yet; come again in a second");
      const found = ask(queries, asked.data, request.params.id ?? "");
      if (found === undefined) return await refuse(reply, 404, "not_found", "found nothing under this number in the index");
      return await reply.send(found);
    });

  const none = z.object({});
  const id = (text: string) => (/^\d{1,9}$/.test(text) ? Number(text) : -1);
  route("/index/overview", overviewAsked, (queries, { span }) =>
    queries.overview(index.standing.headTime || Number.MAX_SAFE_INTEGER, span),
  );
  route("/index/tasks", tasksAsked, (queries, asked) => queries.tasks(asked));
  route("/index/tasks/:id", none, (queries, _asked, task) => queries.task(task));
  route("/index/sessions", ownerAsked, (queries, { owner }) => ({ sessions: queries.sessions(owner) }));
  route("/index/sessions/:id", none, (queries, _asked, session) => queries.session(id(session)));
  route("/index/nodes", none, (queries) => ({ nodes: queries.nodes() }));
  route("/index/nodes/:id", none, (queries, _asked, node) => queries.node(id(node)));
  route("/index/leaderboard", none, (queries) => queries.leaderboard());
  route("/index/blocks/:id", none, (queries, _asked, block) => (id(block) < 0 ? undefined : queries.block(id(block))));
  route("/index/rounds", none, (queries) => queries.rounds());
  route("/index/governance", none, (queries) => queries.governance());

  server.get("/index/network", hidden, () => ({
    network: deployment.network,
    chainId: String(deployment.chainId),
    fromBlock: deployment.blockNumber,
    addresses: deployment.addresses,
    rpc,
    host,
    standing: { ...index.standing, fault: index.standing.fault ?? null },
  }));

  server.get("/index/stream", hidden, async (_request, reply) => {
    if (streams >= MOST_STREAMS)
      return await refuse(reply, 503, "too_many_streams", `found ${streams} open streams, wanted fewer; ask again later`);
    streams++;
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { "content-type": "text/event-stream; charset=utf-8", "cache-control": "no-store", "x-accel-buffering": "no" });
    const write = (data: object) => {
      // A reader that takes nothing is given up: it comes again and reads what it missed.
      if (raw.writableNeedDrain) raw.destroy();
      else raw.write(`data: ${JSON.stringify(data)}\n\n`);
    };
    write({ ...index.standing, tasks: [], nodes: [], sessions: [] });
    const stop = index.listen(write);
    const heartbeat = setInterval(() => void (raw.writableNeedDrain || raw.write(": still here\n\n")), HEARTBEAT_MS);
    raw.on("error", () => undefined);
    raw.once("close", () => {
      streams--;
      stop();
      clearInterval(heartbeat);
    });
  });
  server.addHook("preClose", () => server.server.closeAllConnections());
}

async function refuse(reply: FastifyReply, status: number, code: string, message: string): Promise<FastifyReply> {
  const type = status < 500 ? "invalid_request_error" : "server_error";
  return await reply.code(status).send({ error: { message, type, param: null, code, retryable: status === 503, task_id: null } });
}
