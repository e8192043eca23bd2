import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import os from "node:os";
import { expect } from "chai";
import type { LlamaEngine } from "../../../offchain/inference/llama.ts";
import { ModelHashMismatch } from "../../../offchain/inference/engine.ts";
import { errorOf, greedy, model, modelCopy, startEngine, STORY, user } from "./toyWorld.ts";

const story = { messages: STORY, sampling: greedy, jobSeed: "job" };
const question = { ...story, messages: user("What is the capital of France?") };

async function otherPid(engine: LlamaEngine, than: number | null): Promise<number> {
  for (;;) {
    const { pid } = engine.info();
    if (pid !== null && pid !== than) return pid;
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
}

const isRunning = (pid: number) => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe("an engine whose child dies or hangs", () => {
  let engine: LlamaEngine;
  let text: string;
  beforeEach(async () => {
    engine = await startEngine({ stallTimeoutMs: 2000 });
    ({ text } = await engine.complete(story));
  });
  afterEach(() => engine.close());

  it("4b engine crash or hang: starts another child once and still answers, showing each piece once", async () => {
    const pid = engine.info().pid!;
    const pieces: string[] = [];
    const onToken = (piece: string) => {
      if (pieces.push(piece) === 1) process.kill(pid, "SIGKILL");
    };
    expect((await engine.complete(story, { onToken })).text).to.equal(text);
    expect(pieces.join("")).to.equal(text);
    const answered = engine.complete(story);
    process.kill(engine.info().pid!, "SIGKILL");
    expect((await answered).text).to.equal(text);
    expect(engine.info().pid).not.to.equal(pid);
    expect(engine.counters().restarts).to.be.within(1, 2);
    expect(engine.counters().failures).to.equal(0);
  });

  it("4b engine crash or hang: gives up with a typed error when the second child dies too, and serves the next request", async () => {
    const first = engine.info().pid!;
    const failing = errorOf(engine.complete(story));
    process.kill(first, "SIGKILL");
    process.kill(await otherPid(engine, first), "SIGKILL");
    expect(await failing).to.include({ code: "EngineFailed", retryable: true });
    expect((await engine.complete(question)).text).to.equal("The capital of France is Paris.");
    expect(engine.counters()).to.include({ restarts: 2, failures: 1 });
  });

  it("4b engine crash or hang: kills a child that shows no progress", async () => {
    const pid = engine.info().pid!;
    process.kill(pid, "SIGSTOP");
    expect((await engine.complete(question)).text).to.equal("The capital of France is Paris.");
    expect(engine.info().pid).not.to.equal(pid);
    expect(isRunning(pid)).to.equal(false);
  });

  it("replaces a child that died while idle", async () => {
    process.kill(engine.info().pid!, "SIGKILL");
    while (engine.info().pid !== null) await new Promise((resolve) => setTimeout(resolve, 5));
    expect((await engine.complete(question)).text).to.equal("The capital of France is Paris.");
  });
});

describe("an engine that is told to stop", () => {
  let engine: LlamaEngine;
  beforeEach(async () => (engine = await startEngine()));
  afterEach(() => engine.close());

  it("aborts a running request after the token in progress, and serves the next one", async () => {
    const { pid } = engine.info();
    const abort = new AbortController();
    let pieces = 0;
    const onToken = () => {
      if (++pieces === 3) abort.abort(new Error("enough"));
    };
    const error = await errorOf(engine.complete({ ...story, sampling: { ...greedy, maxTokens: 400 } }, { signal: abort.signal, onToken }));
    expect(error.message).to.equal("enough");
    expect((await engine.complete(question)).text).to.equal("The capital of France is Paris.");
    expect(engine.info().pid).to.equal(pid);
    expect(engine.counters()).to.include({ failures: 0, waiting: 0 });
  });

  it("aborts a waiting request at once, without a hole in the queue", async () => {
    const running = engine.complete(story);
    const abort = new AbortController();
    const waiting = errorOf(engine.complete(story, { signal: abort.signal }));
    const behind = engine.complete(question);
    abort.abort(new Error("changed my mind"));
    let ended = false;
    void running.then(() => (ended = true));
    expect((await waiting).message).to.equal("changed my mind");
    expect(ended).to.equal(false);
    expect((await behind).text).to.equal("The capital of France is Paris.");
    expect(ended).to.equal(true);
  });

  it("refuses more waiting requests than it was told to hold", async () => {
    const small = await startEngine({ maxWaiting: 1 });
    const first = small.complete(question);
    expect(await errorOf(small.complete(question))).to.include({ code: "EngineBusy", retryable: true });
    await first;
    await small.close();
  });

  it("closes: ends what runs and waits, refuses what comes, and leaves no process", async () => {
    const pid = engine.info().pid!;
    const ended = [engine.complete(story), engine.complete(story)].map((request) => errorOf(request));
    await engine.close();
    for (const error of await Promise.all(ended)) expect(error).to.have.property("code", "EngineClosed");
    expect(await errorOf(engine.complete(question))).to.have.property("code", "EngineClosed");
    expect(isRunning(pid)).to.equal(false);
    await engine.close();
  });

  it("hands the child no secrets from its environment", async function () {
    if (os.platform() !== "linux") return this.skip();
    process.env["CORROBORATE_CANARY_KEY"] = "canary-0x1234";
    try {
      const other = await startEngine();
      const environment = await readFile(`/proc/${other.info().pid}/environ`, "utf8");
      await other.close();
      expect(environment).to.contain("PATH=").and.not.to.contain("canary");
    } finally {
      delete process.env["CORROBORATE_CANARY_KEY"];
    }
  });
});

describe("an engine whose owner is killed", () => {
  it("does not outlive it", async () => {
    const toyWorld = new URL("./toyWorld.ts", import.meta.url).href;
    const script = `const { startEngine } = await import(${JSON.stringify(toyWorld)}); console.log((await startEngine()).info().pid);`;
    const owner = spawn(process.execPath, ["--input-type=module", "--eval", script], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(owner.stdout, "data")) as [Buffer];
    const pid = Number(line.toString());
    expect(isRunning(pid)).to.equal(true);
    owner.kill("SIGKILL");
    while (isRunning(pid)) await new Promise((resolve) => setTimeout(resolve, 10));
  });
});

describe("a model file", () => {
  it("4b model file corrupt or swapped, K9: with one changed bit is refused before anything starts", async () => {
    const copy = await modelCopy();
    try {
      await copy.flipByte();
      const error = await errorOf(startEngine({ model: copy.entry }));
      expect(error).to.be.instanceOf(ModelHashMismatch);
      expect(error).to.include({ code: "ModelHashMismatch", wanted: model().sha256, file: copy.entry.path });
      expect((error as ModelHashMismatch).found)
        .to.match(/^[0-9a-f]{64}$/)
        .and.not.equal(model().sha256);
    } finally {
      await copy.remove();
    }
  });

  it("4b model file corrupt or swapped, K9: that is swapped for a cheaper one while the engine runs is refused at the restart", async () => {
    const copy = await modelCopy();
    const engine = await startEngine({ model: copy.entry });
    try {
      await copy.replaceBy(model("toy-world-q4_0"));
      process.kill(engine.info().pid!, "SIGKILL");
      const error = await errorOf(engine.complete(question));
      expect(error).to.include({ code: "ModelHashMismatch", found: model("toy-world-q4_0").sha256 });
    } finally {
      await engine.close();
      await copy.remove();
    }
  });

  it("that is not there is named, with what to do", async () => {
    const error = await errorOf(startEngine({ model: { ...model(), path: "/nowhere/model.gguf" } }));
    expect(error).to.have.property("code", "ModelMissing");
    expect(error.message).to.contain("/nowhere/model.gguf").and.to.contain(model().sha256);
  });
});
