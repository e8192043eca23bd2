import { readFileSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "chai";
import { Access } from "../../../offchain/router/access.ts";
import { Accounts, type Wanted, type Work } from "../../../offchain/router/accounts.ts";
import { ApiError } from "../../../offchain/router/apiError.ts";
import { KeyStore, type KeyTerms } from "../../../offchain/router/keyStore.ts";
import { RequestStore } from "../../../offchain/router/requestStore.ts";
import { createLog } from "../../../offchain/runtime/log.ts";
import { serverOf } from "./scriptedServer.ts";

const TERMS: KeyTerms = { name: "test", scopes: ["complete", "read"] };
const codeOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as ApiError).code;
  }
  return "none";
};

describe("API keys", () => {
  it("are on disk as hashes only", () => {
    const file = path.join(mkdtempSync(path.join(tmpdir(), "corroborate-keys-")), "keys.db");
    const store = new KeyStore(file);
    const { key, secret } = store.create({ ...TERMS, spendPerDay: 5n, perMinute: 2 });
    store.close();
    expect(secret).to.match(/^cor_[\w-]{43}$/);
    for (const suffix of ["", "-wal"]) {
      try {
        expect(readFileSync(`${file}${suffix}`).includes(secret.slice(12))).to.equal(false);
      } catch (error) {
        expect(error).to.have.property("code", "ENOENT");
      }
    }
    const again = new KeyStore(file);
    expect(again.bySecret(secret)).to.deep.equal(key);
    expect(again.bySecret(`${secret.slice(0, -1)}${secret.endsWith("A") ? "B" : "A"}`)).to.equal(undefined);
    again.close();
  });

  it("are not wanted until the first is made, and then until the end", () => {
    const store = new KeyStore(":memory:");
    const access = new Access(store);
    expect(access.caller(undefined, "complete").id).to.equal("default");
    expect(access.caller("Bearer sk-anything", "complete").id).to.equal("default");
    const { key } = store.create(TERMS);
    expect(codeOf(() => access.caller(undefined, "complete"))).to.equal("missing_api_key");
    store.revoke(key.id);
    expect(codeOf(() => access.caller(undefined, "complete"))).to.equal("missing_api_key");
  });

  it("are refused when unknown, revoked, expired or without the scope", () => {
    const store = new KeyStore(":memory:");
    const access = new Access(store);
    const bearer = (terms: Partial<KeyTerms>) => {
      const { key, secret } = store.create({ ...TERMS, ...terms });
      return { key, header: `Bearer ${secret}` };
    };
    const good = bearer({});
    expect(access.caller(good.header, "complete").id).to.equal(good.key.id);
    store.revoke(good.key.id);
    expect(codeOf(() => access.caller(good.header, "complete"))).to.equal("revoked_api_key");
    expect(codeOf(() => access.caller(bearer({ expiresAt: 1 }).header, "complete"))).to.equal("expired_api_key");
    expect(codeOf(() => access.caller(bearer({ scopes: ["read"] }).header, "complete"))).to.equal("missing_scope");
    for (const header of ["Bearer sk-other", `Bearer cor_${"A".repeat(43)}`, "Basic x"])
      expect(codeOf(() => access.caller(header, "read"))).to.match(/^(invalid|missing)_api_key$/);
  });

  it("limit rate and concurrency, each key for itself", () => {
    const access = new Access(new KeyStore(":memory:"));
    const caller = { id: "a", name: "a", scopes: [], perMinute: 2, concurrent: 1 };
    const { leave } = access.enter(caller);
    expect(codeOf(() => access.enter(caller))).to.equal("too_many_concurrent");
    expect(codeOf(() => access.enter({ ...caller, id: "b" }))).to.equal("none");
    leave();
    access.enter(caller).leave();
    expect(codeOf(() => access.enter(caller))).to.equal("rate_limit_exceeded");
  });

  it("are asked for by every route of clients, and by none of nodes", async () => {
    const store = new KeyStore(":memory:");
    const { secret } = store.create(TERMS);
    const server = await serverOf({ access: new Access(store) });
    const chat = {
      method: "POST" as const,
      url: "/v1/chat/completions",
      payload: { model: "toy", messages: [{ role: "user", content: "x" }] },
    };
    const refused = await server.inject(chat);
    expect([refused.statusCode, refused.json<{ error: object }>().error]).to.deep.include(401);
    expect(refused.json<{ error: object }>().error).to.include({ type: "authentication_error", code: "missing_api_key", retryable: false });
    expect((await server.inject({ ...chat, headers: { authorization: `Bearer ${secret}` } })).statusCode).to.equal(200);
    for (const url of ["/v1/models", "/v1/tasks/1", "/v1/usage", "/v1/models/toy"])
      expect((await server.inject(url)).statusCode).to.equal(401);
    expect((await server.inject("/healthz")).statusCode).to.equal(200);
    expect((await server.inject({ method: "POST", url: "/carry/commitment", payload: {} })).statusCode).to.equal(202);
    await server.close();
  });
});

describe("accounts", () => {
  const never = new AbortController().signal;
  const caller = { id: "key_1", name: "test", scopes: ["complete" as const] };
  const wanted = (changes: Partial<Wanted> = {}): Wanted => ({
    caller,
    endpoint: "/v1/chat/completions",
    body: { a: 1 },
    idempotency: undefined,
    unkept: false,
    gone: never,
    ...changes,
  });

  function setting() {
    const store = new RequestStore(":memory:");
    const parts = {
      store,
      submission: { rejoin: () => Promise.resolve(undefined) },
      batcher: {},
      stopping: never,
      log: createLog({ name: "t", level: "silent" }),
    };
    const accounts = new Accounts(parts as never);
    let tasks = 0;
    /** Submits one task of 7 base units and answers with its number. */
    const work: Work = async ({ admit, journal, signal }) => {
      admit(100n);
      const task = BigInt(++tasks);
      journal.named(0, `name-${task}`, 0);
      journal.placed(0, task);
      await delay(20);
      signal.throwIfAborted();
      journal.charged(`name-${task}`, 0, 7n);
      return { reply: { task: String(task) }, promptTokens: 3, completionTokens: 4 };
    };
    return { accounts, store, work, count: () => tasks };
  }

  it("keep what a key used and holds", async () => {
    const { accounts, work } = setting();
    const running = accounts.answer(wanted(), work);
    expect(accounts.usage("key_1")).to.include({ held: 100n, charged: 0n });
    await running;
    expect(accounts.usage("key_1")).to.include({ held: 0n, charged: 7n, requests: 1, promptTokens: 3, completionTokens: 4 });
  });

  it("refuse what could exceed a key's day before anything is submitted", async () => {
    const { accounts, work, count } = setting();
    const capped = { ...caller, spendPerDay: 150n };
    const running = accounts.answer(wanted({ caller: capped }), work);
    const error = await accounts.answer(wanted({ caller: capped }), work).catch((thrown: unknown) => thrown as ApiError);
    expect(error).to.include({ status: 402, code: "spend_cap_reached" });
    await running;
    expect(count()).to.equal(1);
    await accounts.answer(wanted({ caller: capped }), work);
  });

  it("give the same request the same task, while it runs and afterwards", async () => {
    const { accounts, work, count } = setting();
    const keyed = wanted({ idempotency: "once" });
    const both = await Promise.all([accounts.answer(keyed, work), accounts.answer(keyed, work)]);
    expect(both.map(({ replayed }) => replayed)).to.deep.equal([false, true]);
    expect(await accounts.answer(keyed, work)).to.deep.equal({ reply: { task: "1" }, replayed: true });
    expect(count()).to.equal(1);
    const other = await accounts.answer({ ...keyed, body: { a: 2 } }, work).catch((thrown: unknown) => thrown as ApiError);
    expect(other).to.include({ status: 422, code: "idempotency_mismatch" });
    await accounts.answer({ ...keyed, caller: { ...caller, id: "key_2" } }, work);
    expect(count()).to.equal(2);
    expect(accounts.usage("key_1").charged).to.equal(7n);
  });

  it("finish a request whose client went away, so that it finds the answer when it comes back", async () => {
    const { accounts, work, count } = setting();
    const gone = AbortSignal.timeout(5);
    const keyed = wanted({ idempotency: "back" });
    await accounts.answer({ ...keyed, gone }, work).catch(() => undefined);
    expect((await accounts.answer(keyed, work)).reply).to.deep.equal({ task: "1" });
    expect(count()).to.equal(1);
  });

  it("repeat a task's failure, and forget a refusal that cost nothing", async () => {
    const { accounts, store, work, count } = setting();
    const failing: Work = async ({ admit, journal }) => {
      admit(100n);
      journal.named(0, "failed", 0);
      journal.placed(0, 9n);
      journal.charged("failed", 0, 0n);
      return await Promise.reject(new ApiError(502, "no agreement", { code: "task_inconclusive", details: { task_id: "9" } }));
    };
    const keyed = wanted({ idempotency: "failing" });
    for (let i = 0; i < 2; i++) {
      const error = await accounts.answer(keyed, i === 0 ? failing : work).catch((thrown: unknown) => thrown as ApiError);
      expect(error).to.include({ status: 502, code: "task_inconclusive", message: "no agreement" });
      await delay(10);
    }
    const refusing: Work = async ({ admit }) => {
      admit(100n);
      return await Promise.reject(new ApiError(503, "no lease", { code: "no_lease" }));
    };
    const refused = wanted({ idempotency: "refused" });
    expect(await accounts.answer(refused, refusing).catch((thrown: unknown) => thrown as ApiError)).to.include({ code: "no_lease" });
    await delay(10);
    expect(store.byIdempotency("key_1", "refused")).to.equal(undefined);
    await accounts.answer(refused, work);
    expect(count()).to.equal(1);
    expect(accounts.usage("key_1").held).to.equal(0n);
  });
});
