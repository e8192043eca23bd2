import { Readable } from "node:stream";
import type { FastifyInstance } from "fastify";
import { LONGEST_GRANT, type LiveAnswers } from "./live.ts";

export interface LiveRoutesOptions {
  answers: LiveAnswers;
  /** Whether this is the signature of the task's router for this node, over task and last second. */
  allows: (task: bigint, until: number, signature: string) => boolean;
}

const HEARTBEAT_MS = 5_000;
const GRANT_FORM = /^Stream (\d{1,12})\.(0x[0-9a-f]{130})$/;

/** Fastify plugin: GET /live/:task/:prompt, one JSON object a line while the answer is written; only for the task's own router. */
// eslint-disable-next-line @typescript-eslint/require-await -- Fastify waits for a promise where a plugin takes no callback.
export async function liveRoutes(server: FastifyInstance, { answers, allows }: LiveRoutesOptions): Promise<void> {
  server.get<{ Params: { task: string; prompt: string } }>("/live/:task/:prompt", async (request, reply) => {
    const { task, prompt } = request.params;
    const [, until, signature] = GRANT_FORM.exec(request.headers.authorization ?? "") ?? [];
    const seconds = Number(until) - Date.now() / 1_000;
    const wellFormed = /^\d{1,20}$/.test(task) && /^\d{1,4}$/.test(prompt) && BigInt(task) < 1n << 64n;
    if (
      !wellFormed ||
      signature === undefined ||
      !(seconds > 0 && seconds < LONGEST_GRANT) ||
      !allows(BigInt(task), Number(until), signature)
    ) {
      const error = {
        message: "found no grant of the task's router, wanted one",
        type: "permission_error",
        param: null,
        code: "NotGranted",
      };
      return await reply.code(403).send({ error: { ...error, retryable: true, task_id: null } });
    }
    const gone = new AbortController();
    reply.raw.once("close", () => gone.abort());
    const signal = AbortSignal.any([gone.signal, AbortSignal.timeout(Math.ceil(seconds * 1_000))]);
    return await reply
      .header("content-type", "application/x-ndjson")
      .header("cache-control", "no-store")
      .send(Readable.from(lines(answers, BigInt(task), Number(prompt), signal), { objectMode: false }));
  });
}

/** Lines of what is read, and an empty line wherever there is silence, so that both ends see that the other lives. */
async function* lines(answers: LiveAnswers, task: bigint, prompt: number, signal: AbortSignal): AsyncGenerator<string> {
  const events = answers.read(task, prompt, signal);
  let next = events.next();
  // The first line tells the reader that it may wait here.
  yield "\n";
  for (;;) {
    const beat = Promise.withResolvers<undefined>();
    const timer = setTimeout(() => beat.resolve(undefined), HEARTBEAT_MS);
    const found = await Promise.race([next, beat.promise]);
    clearTimeout(timer);
    if (found === undefined) yield "\n";
    else if (found.done) return;
    else {
      yield `${JSON.stringify(found.value)}\n`;
      next = events.next();
    }
  }
}
