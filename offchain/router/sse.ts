import type { FastifyReply } from "fastify";

const HEARTBEAT_MS = 15_000;
/** A client that takes nothing for so long is given up. */
const STALLED_MS = 60_000;

/** Server-sent events to one client. Writes wait for a slow client; comments keep a silent stream alive. */
export class SseStream {
  readonly #raw: FastifyReply["raw"];
  readonly #heartbeat: NodeJS.Timeout;

  /** Takes the reply over and sends its head. */
  constructor(reply: FastifyReply, heartbeatMs = HEARTBEAT_MS) {
    reply.hijack();
    this.#raw = reply.raw;
    const headers = Object.fromEntries(Object.entries(reply.getHeaders()).filter(([, value]) => value !== undefined)) as Record<
      string,
      string
    >;
    this.#raw.writeHead(200, {
      ...headers,
      "content-type": "text/event-stream; charset=utf-8",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
    });
    this.#raw.on("error", () => undefined);
    // While earlier bytes wait for the client, a heartbeat would only add to them.
    this.#heartbeat = setInterval(
      () => void (this.#raw.writableNeedDrain || this.#raw.write(": the answer is on its way\n\n")),
      heartbeatMs,
    );
    this.#raw.once("close", () => clearInterval(this.#heartbeat));
  }

  /** One event; resolves when the client's buffers have room. A client that is gone takes nothing, without an error. */
  async send(data: object, event?: string): Promise<void> {
    await this.#write(`${event === undefined ? "" : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`);
  }

  /** The end, as OpenAI's clients expect it. */
  async end(): Promise<void> {
    clearInterval(this.#heartbeat);
    await this.#write("data: [DONE]\n\n");
    this.#raw.end();
  }

  async #write(text: string): Promise<void> {
    const raw = this.#raw;
    if (raw.destroyed || raw.write(text)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => raw.destroy(), STALLED_MS);
    raw.once("drain", resolve).once("close", resolve);
    await promise;
    clearTimeout(timer);
    raw.off("drain", resolve).off("close", resolve);
  }
}
