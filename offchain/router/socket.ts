import type { WebSocket } from "@fastify/websocket";
import { z } from "zod";
import type { Caller } from "./access.ts";
import type { Answering, Endpoint } from "./answering.ts";
import { ApiError, toApiError } from "./apiError.ts";
import type { EventSink } from "./streaming.ts";
import type { TaskLives } from "./taskLife.ts";
import type { World } from "./world.ts";

const id = z.string().min(1).max(128);
const frameSchema = z.union([
  z.strictObject({ type: z.literal("auth"), key: z.string().max(256) }),
  z.strictObject({ type: z.literal("subscribe"), id, task: z.string().regex(/^\d{1,20}$/), after: z.int().min(0).optional() }),
  z.strictObject({ type: z.literal("subscribe"), id, topic: z.enum(["tasks", "blocks"]) }),
  z.strictObject({ type: z.literal("unsubscribe"), id }),
  z.strictObject({
    type: z.literal("create"),
    id,
    endpoint: z.enum(["/v1/chat/completions", "/v1/completions"]).optional(),
    body: z.record(z.string(), z.unknown()),
    idempotency_key: z.string().min(1).max(255).optional(),
  }),
  z.strictObject({ type: z.literal("cancel"), id }),
  z.strictObject({ type: z.literal("ping") }),
]);

const MOST_OPEN = 64;
/** A client that takes nothing while so much waits for it is given up. */
const MOST_BUFFERED = 4 * 1024 * 1024;
const HEARTBEAT_MS = 15_000;

export interface SocketParts {
  answering: Answering;
  lives: TaskLives;
  world: World;
  /** The caller of an Authorization header. Throws ApiError 401. */
  callerOf: (authorization: string | undefined) => Caller;
}

/**
 * One client over WebSocket, JSON frames both ways. It asks with `create` (and ends that with `cancel`), follows a task with `subscribe` from any
 * sequence number on, so that nothing is missed over a drop, or follows all tasks or blocks. Every answer carries the `id` that the client chose.
 */
export function serveSocket(socket: WebSocket, authorization: string | undefined, parts: SocketParts): void {
  const { answering, lives, world, callerOf } = parts;
  const open = new Map<string, AbortController>();
  let caller: Caller | undefined;
  try {
    caller = callerOf(authorization);
  } catch {
    // A browser cannot send the header: its first frame is the key.
  }
  const send = (frame: object) => {
    if (socket.readyState !== socket.OPEN) return;
    if (socket.bufferedAmount > MOST_BUFFERED) return socket.terminate();
    socket.send(JSON.stringify(frame));
  };
  const fail = (of: string | undefined, error: unknown) =>
    send({ type: "error", ...(of !== undefined && { id: of }), ...toApiError(error).body });

  const begin = (name: string): AbortSignal => {
    if (open.has(name))
      throw new ApiError(409, `found ${name} open already, wanted another id`, { code: "id_in_use", param: "id", retryable: false });
    if (open.size >= MOST_OPEN)
      throw new ApiError(429, `found ${MOST_OPEN} open on this socket, wanted fewer`, { code: "too_many_requests", retryAfter: 1 });
    const abort = new AbortController();
    open.set(name, abort);
    return abort.signal;
  };
  const end = (name: string, reason = "the client ended it") => {
    open.get(name)?.abort(new ApiError(499, reason, { code: "client_closed_request" }));
    open.delete(name);
  };

  const followTask = (name: string, task: string, after: number) => {
    lives.entry(task);
    const signal = begin(name);
    let last = after;
    const tell = (changed: bigint | undefined) => {
      if (changed !== undefined && changed !== BigInt(task)) return;
      const events = lives.eventsOf(BigInt(task));
      if (events.length < last) {
        // A reorganisation took events back: what follows is told again from where it changed.
        last = events.length;
        send({ type: "reset", id: name, task, seq: last });
      }
      for (const event of events.slice(last)) send({ type: "event", id: name, task, ...event });
      last = Math.max(last, events.length);
      if (events.at(-1)?.kind !== "settled" || signal.aborted) return;
      send({ type: "done", id: name, task });
      end(name);
    };
    world.watchers.add(tell);
    signal.addEventListener("abort", () => world.watchers.delete(tell), { once: true });
    send({ type: "subscribed", id: name, task });
    tell(undefined);
  };

  const followTopic = (name: string, topic: "tasks" | "blocks") => {
    const signal = begin(name);
    const tell = (task: bigint | undefined) => {
      if (topic === "blocks" && task === undefined)
        send({ type: "event", id: name, topic, block: world.head?.number, timestamp: world.head?.timestamp });
      if (topic === "tasks" && task !== undefined) {
        const event = lives.eventsOf(task).at(-1);
        if (event !== undefined) send({ type: "event", id: name, topic, task: String(task), ...event });
      }
    };
    world.watchers.add(tell);
    signal.addEventListener("abort", () => world.watchers.delete(tell), { once: true });
    send({ type: "subscribed", id: name, topic });
  };

  const create = (who: Caller, name: string, endpoint: Endpoint, body: Record<string, unknown>, idempotency: string | undefined) => {
    if (who.pays)
      throw new ApiError(402, "found no API key, wanted one: payments per call are taken over HTTP", { code: "payment_required" });
    const gone = begin(name);
    const asked = { caller: who, endpoint, body, idempotency, gone };
    const sink: EventSink = {
      send: async (data, event) => {
        send({ type: event === "failed" ? "error" : "chunk", id: name, ...(event !== undefined && { event }), data });
        while (socket.bufferedAmount > MOST_BUFFERED / 4 && socket.readyState === socket.OPEN)
          await new Promise((resolve) => setTimeout(resolve, 20));
      },
      end: () => Promise.resolve(),
    };
    const work =
      body["stream"] === true
        ? answering.stream(asked, () => sink)
        : answering.answer(asked).then(({ reply, replayed }) => send({ type: "reply", id: name, data: reply, replayed }));
    work
      .then(() => send({ type: "done", id: name }))
      .catch((error: unknown) => fail(name, error))
      .finally(() => open.delete(name));
  };

  const act = (frame: z.output<typeof frameSchema>) => {
    if (frame.type === "ping") return send({ type: "pong" });
    if (frame.type === "auth") {
      caller = callerOf(`Bearer ${frame.key}`);
      return send({ type: "authenticated", key: caller.id });
    }
    if (caller === undefined)
      throw new ApiError(401, "found no API key, wanted a frame {type: auth, key} first, or a header Authorization", {
        code: "missing_api_key",
      });
    if (frame.type === "unsubscribe" || frame.type === "cancel") {
      end(frame.id);
      return send({ type: "ended", id: frame.id });
    }
    if (frame.type === "create")
      return create(caller, frame.id, frame.endpoint ?? "/v1/chat/completions", frame.body, frame.idempotency_key);
    if ("task" in frame) return followTask(frame.id, frame.task, frame.after ?? 0);
    return followTopic(frame.id, frame.topic);
  };

  const heartbeat = setInterval(() => socket.ping(), HEARTBEAT_MS);
  socket.on("error", () => undefined);
  socket.on("close", () => {
    clearInterval(heartbeat);
    for (const name of [...open.keys()]) end(name, "the client went away");
  });
  socket.on("message", (data: Buffer, binary: boolean) => {
    let name: string | undefined;
    try {
      const value = binary ? undefined : jsonOf(data);
      const found = (value as { id?: unknown } | undefined)?.id;
      if (typeof found === "string") name = found.slice(0, 128);
      const frame = frameSchema.safeParse(value);
      if (!frame.success)
        throw new ApiError(
          400,
          `found no frame: ${frame.error.issues[0]!.message}; wanted auth, subscribe, unsubscribe, create, cancel or ping`,
          {
            code: "invalid_request",
          },
        );
      act(frame.data);
    } catch (error) {
      fail(name, error);
    }
  });
}

function jsonOf(data: Buffer): unknown {
  try {
    return JSON.parse(data.toString("utf8"));
  } catch {
    return undefined;
  }
}
