import { readdir, truncate, utimes, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect } from "chai";
import { digestOf, type Digest } from "../../../offchain/content/contentId.ts";
import { LocalStore } from "../../../offchain/content/localStore.ts";
import { cleanUp, errorOf, temporaryFolder, text } from "./network.ts";

const fileOf = (folder: string, digest: Digest) => path.join(folder, digest.slice(2, 4), digest.slice(2));

describe("LocalStore", () => {
  afterEach(cleanUp);

  it("gives back what was put, also to a store opened later", async () => {
    const folder = await temporaryFolder();
    const store = await LocalStore.open(folder);
    const digest = await store.put(text("an answer"));
    expect(await store.put(text("an answer"))).to.equal(digest);
    const later = await LocalStore.open(folder);
    expect(await later.get(digest)).to.deep.equal(Buffer.from("an answer"));
    expect([store.usedBytes, later.usedBytes]).to.deep.equal([9, 9]);
    expect(await readdir(path.join(folder, "tmp"))).to.deep.equal([]);
  });

  it("says what is not there, and that it may come", async () => {
    const store = await LocalStore.open(await temporaryFolder());
    const error = await errorOf(store.get(digestOf(text("never put"))));
    expect(error).to.include({ code: "ContentNotFound", retryable: true });
    expect(await store.has(digestOf(text("never put")))).to.equal(false);
  });

  it("notices a corrupt file, counts it as absent and replaces it by the next put", async () => {
    const folder = await temporaryFolder();
    const store = await LocalStore.open(folder);
    const digest = await store.put(text("an answer"));
    await truncate(fileOf(folder, digest), 4);
    expect(await errorOf(store.get(digest))).to.have.property("code", "ContentCorrupt");
    expect(await store.has(digest)).to.equal(false);
    await store.put(text("an answer"));
    expect(await store.get(digest)).to.deep.equal(Buffer.from("an answer"));
  });

  it("does not read more than it is allowed to", async () => {
    const store = await LocalStore.open(await temporaryFolder());
    const digest = await store.put(new Uint8Array(1000));
    expect(await errorOf(store.get(digest, { maxBytes: 999 }))).to.have.property("code", "ContentTooLarge");
    expect(await store.get(digest, { maxBytes: 1000 })).to.have.length(1000);
  });

  it("refuses a digest that would lead out of its folder", async () => {
    const store = await LocalStore.open(await temporaryFolder());
    for (const digest of ["0x../../../../etc/passwd", `0x${"..".repeat(32)}`] as const) {
      expect(await errorOf(store.get(digest))).to.have.property("code", "InvalidContentId");
      expect(await errorOf(store.has(digest))).to.have.property("code", "InvalidContentId");
    }
  });

  it("sweeps what a dead writer left, and leaves a living writer's file alone", async () => {
    const folder = await temporaryFolder();
    await LocalStore.open(folder);
    await writeFile(path.join(folder, "tmp", "old"), "half");
    await utimes(path.join(folder, "tmp", "old"), 0, 0);
    await writeFile(path.join(folder, "tmp", "young"), "half");
    await LocalStore.open(folder);
    expect(await readdir(path.join(folder, "tmp"))).to.deep.equal(["young"]);
  });

  it("takes the same bytes from many writers at once", async () => {
    const store = await LocalStore.open(await temporaryFolder());
    const digests = await Promise.all(Array.from({ length: 20 }, () => store.put(text("the same"))));
    expect(new Set(digests)).to.have.property("size", 1);
    expect(await store.get(digests[0]!)).to.deep.equal(Buffer.from("the same"));
    expect(store.usedBytes).to.equal(8);
  });
});
