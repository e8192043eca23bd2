import Database from "better-sqlite3";
import { expect } from "chai";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { dayOf, RequestStore } from "../../../offchain/router/requestStore.ts";

const OPEN = { key: "k", idempotency: null, bodyHash: "h", endpoint: "/v1/completions", body: null, createdAt: 1, held: 100n };
const DONE = { status: 200, reply: "{}", promptTokens: 5, completionTokens: 3 };

describe("the store of requests", () => {
  function opened(file = ":memory:") {
    const store = new RequestStore(file);
    store.open({ ...OPEN, id: "a" });
    store.named("a", 0, "first", 0);
    store.named("a", 1, "first", 1);
    return { store, usage: () => store.usage("k", dayOf(Date.now())) };
  }

  it("counts a request and its charges once, however often it is ended", () => {
    const { store, usage } = opened();
    store.charge("a", "first", 0, 7n);
    store.charge("a", "first", 1, 4n);
    for (let i = 0; i < 3; i++) store.end("a", DONE);
    expect(usage()).to.deep.include({ requests: 1, promptTokens: 5, completionTokens: 3, charged: 11n });
    expect(store.held("k")).to.equal(0n);
    expect(store.opened()).to.deep.equal([]);
  });

  it("counts a charge that became known after the first end, once", () => {
    const { store, usage } = opened();
    store.charge("a", "first", 0, 7n);
    store.end("a", { ...DONE, status: 502, reply: null });
    store.charge("a", "first", 1, 4n);
    expect(usage().charged).to.equal(7n);
    store.end("a", DONE);
    store.end("a", DONE);
    expect(usage()).to.deep.include({ requests: 1, charged: 11n });
  });

  it("opens a closed request again whose prompt is asked anew, so that a restart finds it, and counts it once", () => {
    const { store, usage } = opened();
    store.charge("a", "first", 0, 0n);
    store.end("a", { ...DONE, status: 503, reply: null });
    store.named("a", 0, "second", 0);
    expect(store.opened().map(({ id }) => id)).to.deep.equal(["a"]);
    expect(store.openNames()).to.have.members(["first", "second"]);
    store.charge("a", "second", 0, 9n);
    store.end("a", DONE);
    expect(usage()).to.deep.include({ requests: 1, charged: 9n });
    expect(store.opened()).to.deep.equal([]);
    expect(store.openNames()).to.deep.equal([]);
  });

  it("takes over a file from before charges were counted one by one, and counts none of them twice", () => {
    const folder = mkdtempSync(path.join(tmpdir(), "corroborate-requests-"));
    const file = path.join(folder, "requests.db");
    const { store } = opened(file);
    store.charge("a", "first", 0, 7n);
    store.end("a", DONE);
    store.close();
    const database = new Database(file);
    database.exec("ALTER TABLE places DROP COLUMN counted");
    database.close();
    const later = new RequestStore(file);
    later.end("a", DONE);
    expect(later.usage("k", dayOf(Date.now()))).to.deep.include({ requests: 1, charged: 7n });
    later.close();
    rmSync(folder, { recursive: true });
  });
});
