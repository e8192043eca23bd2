import path from "node:path";
import pino from "pino";
import pretty from "pino-pretty";
import { revertIn } from "../chain/errors.ts";
import type { ModelView, SessionView, Views } from "../chain/views.ts";
import { loadModels, type ModelEntry } from "../inference/models.ts";
import { EXIT, Fatal } from "../runtime/exit.ts";
import { createLog, type Logger } from "../runtime/log.ts";
import type { RouterConfig } from "./config.ts";

/** Checks that come before any work: whatever does not fit ends the program with one line. */

/** JSON lines, but for people's eyes on a terminal. */
export function routerLog({ jsonLogs, logFile, logLevel }: RouterConfig): Logger {
  if (jsonLogs || logFile !== undefined || !process.stderr.isTTY) return createLog({ name: "router", level: logLevel, file: logFile });
  return pino({ level: logLevel, base: null }, pretty({ destination: 2, sync: true, colorize: true }));
}

/** The session, which this key may route for. Throws Fatal (configInvalid, notRegistered). */
export async function routedSession(
  views: Views,
  address: string,
  id: number,
  { leaseSeconds }: RouterConfig,
  log: Logger,
): Promise<SessionView> {
  const session = await views.session(id).catch((error: unknown) => {
    if (revertIn(error, "sessionOf")?.revert !== "SessionUnknown") throw error;
    throw new Fatal(
      EXIT.configInvalid,
      `found no session ${id} on this chain, wanted one that is open; open it, or give another --session`,
    );
  });
  if (session.owner === address)
    throw new Fatal(
      EXIT.notRegistered,
      `found the owner's key of session ${id}, wanted a router's: nodes hand nothing to owners; call Session.setRouter with another key`,
    );
  if (!(await views.isRouter(id, address)))
    throw new Fatal(
      EXIT.notRegistered,
      `found ${address} to be no router of session ${id}, wanted one; its owner can call Session.setRouter`,
    );
  if (session.closed) log.warn({ session: id }, "the session is closed; only tasks that run are carried");
  const { commitWindow, revealWindow, leased } = session.rules;
  const least = commitWindow + revealWindow + 1;
  if (leased && leaseSeconds < least)
    throw new Fatal(
      EXIT.configInvalid,
      `found --lease-seconds ${leaseSeconds}, wanted at least ${least}, the length of one task of session ${id}`,
    );
  return session;
}

/** The sessions' model as registered, and the files that count its tokens. Throws Fatal (integrity, configInvalid), or EngineError. */
export async function servedModel(
  views: Views,
  sessions: SessionView[],
  config: RouterConfig,
): Promise<{ registered: ModelView & { sha256: string }; model: ModelEntry; embed: ModelEntry }> {
  const { model: sha256 } = sessions[0]!;
  const other = sessions.findIndex((session) => session.model !== sha256);
  if (other > 0)
    throw new Fatal(
      EXIT.configInvalid,
      `found sessions ${config.session[0]} and ${config.session[other]} of different models, wanted one model; run a router for each`,
    );
  const registered = await views.model(sha256);
  if (registered === undefined)
    throw new Fatal(
      EXIT.integrity,
      `found model ${sha256} in session ${config.session[0]}, and ModelRegistry does not know it; wanted a registered one`,
    );
  const { models } = await loadModels(path.join(config.modelsDir, "registry.json"));
  const bySha256 = (wanted: string, what: string) => {
    const entry = models.find((model) => model.sha256 === wanted.slice(2));
    if (entry !== undefined) return entry;
    throw new Fatal(EXIT.integrity, `found no model with sha256 ${wanted.slice(2)} in ${config.modelsDir}, wanted ${what}; put it there`);
  };
  const model = bySha256(sha256, `${registered.name}, the session's model`);
  if (config.model !== undefined && config.model !== model.id)
    throw new Fatal(EXIT.configInvalid, `found --model ${config.model}, wanted ${model.id}, the model of session ${config.session[0]}`);
  return {
    registered: { ...registered, sha256 },
    model,
    embed: bySha256(registered.embedding, `the embedding model of ${registered.name}`),
  };
}
