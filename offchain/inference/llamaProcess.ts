import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { ChildError, ChildRequest, ChildSettings, FromChild, ToChild } from "./childMessages.ts";
import { EngineError } from "./engine.ts";

/** The child died, hung or did not start; the request it held may be given to another one. */
export class ChildLost extends Error {}

export interface CallOptions {
  signal?: AbortSignal | undefined;
  onPiece?: ((piece: string) => void) | undefined;
  /** Without a sign of progress for so long the child is killed. */
  stallMs: number;
}

interface Pending {
  id: number;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
  progress: (piece: string) => void;
}

const CHILD_FILE = fileURLToPath(new URL("./llamaChild.ts", import.meta.url));
// The child gets no more of the environment than it needs; keys and tokens stay out of it.
const PASSED_ON = ["PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"];
const CLOSE_MS = 5_000;

/** One life of the child process: from fork to exit. One request at a time. */
export class LlamaProcess {
  readonly engineClass: string;
  readonly #child: ChildProcess;
  #pending: Pending | undefined;
  #lastId = 0;
  #alive = true;

  private constructor(child: ChildProcess, engineClass: string) {
    this.#child = child;
    this.engineClass = engineClass;
    child.on("message", (message: FromChild) => this.#take(message));
    child.once("exit", (code, signal) => this.#lose(`the engine's process ended by ${signal ?? `exit code ${code}`}`));
    if (child.exitCode !== null || child.signalCode !== null) this.#lose("the engine's process ended while it started");
  }

  /** Throws ChildLost, or the EngineError that the child named. */
  static async start(settings: ChildSettings, startTimeoutMs: number): Promise<LlamaProcess> {
    const env = Object.fromEntries(PASSED_ON.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])));
    // Its own execArgv: test runners and debuggers put flags into the parent's that do not belong here.
    const child = fork(CHILD_FILE, { serialization: "advanced", execArgv: [], env, stdio: ["ignore", "ignore", "inherit", "ipc"] });
    try {
      const engineClass = await ready(child, settings, startTimeoutMs);
      return new LlamaProcess(child, engineClass);
    } catch (error) {
      child.kill("SIGKILL");
      throw error;
    }
  }

  get pid(): number | null {
    return this.#alive ? (this.#child.pid ?? null) : null;
  }

  /** Throws EngineError as the child says, ChildLost, or the signal's reason. */
  async call<T>(request: ChildRequest, { signal, onPiece, stallMs }: CallOptions): Promise<T> {
    signal?.throwIfAborted();
    if (!this.#alive) throw new ChildLost("the engine's process is gone");
    const id = ++this.#lastId;
    const abort = () => this.#tell({ kind: "abort", id });
    const watchdog = setTimeout(() => this.#kill(`the engine showed no progress for ${stallMs} ms`), stallMs);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      return await new Promise<T>((resolve, reject) => {
        const progress = (piece: string) => {
          watchdog.refresh();
          if (piece !== "") onPiece?.(piece);
        };
        this.#pending = { id, resolve: resolve as Pending["resolve"], reject, progress };
        this.#tell({ kind: "request", id, request });
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      this.#pending = undefined;
      clearTimeout(watchdog);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Asks the child to end, and kills it when it does not. */
  async close(): Promise<void> {
    if (!this.#alive) return;
    const ended = new Promise((resolve) => this.#child.once("exit", resolve));
    const killer = setTimeout(() => this.#child.kill("SIGKILL"), CLOSE_MS);
    this.#tell({ kind: "close" });
    await ended;
    clearTimeout(killer);
  }

  #tell(message: ToChild): void {
    // The callback keeps a failed send from throwing; what it failed for shows as the child's exit.
    if (this.#child.connected) this.#child.send(message, () => undefined);
  }

  #take(message: FromChild): void {
    const pending = this.#pending;
    if (!pending || !("id" in message) || message.id !== pending.id) return;
    if (message.kind === "progress") pending.progress(message.piece);
    else if (message.kind === "result") pending.resolve(message.value);
    else pending.reject(asError(message.error));
  }

  #kill(why: string): void {
    this.#lose(why);
    this.#child.kill("SIGKILL");
  }

  #lose(why: string): void {
    this.#alive = false;
    this.#pending?.reject(new ChildLost(why));
  }
}

async function ready(child: ChildProcess, settings: ChildSettings, timeoutMs: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const onMessage = (message: FromChild) => {
    if (message.kind === "ready") resolve(message.engineClass);
    else if (message.kind === "startFailed") reject(asError(message.error));
  };
  const onExit = (code: number | null, signal: string | null) =>
    reject(new ChildLost(`the engine's process ended by ${signal ?? `exit code ${code}`} while it started`));
  const onError = (error: Error) => reject(new ChildLost(`the engine's process did not start: ${error.message}`));
  const timer = setTimeout(() => reject(new ChildLost(`the engine was not ready within ${timeoutMs} ms`)), timeoutMs);
  child.on("message", onMessage).once("exit", onExit).once("error", onError);
  child.send({ kind: "start", settings } satisfies ToChild, () => undefined);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    child.off("message", onMessage).off("exit", onExit).off("error", onError);
    // From here on `exit` tells all; an error event without a listener would end this process.
    child.on("error", () => undefined);
  }
}

function asError({ code, message, retryable }: ChildError): Error {
  return code === "Aborted" ? new Error(message) : new EngineError(code, message, retryable);
}
