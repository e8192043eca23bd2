import { writeFile } from "node:fs/promises";
import { request } from "node:http";
import path from "node:path";
import { expect } from "chai";
import { cidOf, digestOf } from "../../../offchain/content/contentId.ts";
import { LocalStore } from "../../../offchain/content/localStore.ts";
import { cleanUp, contentServer, temporaryFolder, text } from "./network.ts";

const cid = (value: string) => cidOf(digestOf(text(value)));

describe("content routes", () => {
  let folder: string;
  let store: LocalStore;
  let address: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
    store = await LocalStore.open(folder);
    address = await contentServer({ store, maxBytes: 1000, quotaBytes: 1500 });
  });
  afterEach(cleanUp);

  const put = (id: string, body: string) => fetch(`${address}/content/${id}`, { method: "PUT", body });
  const codeOf = async (response: Response) => ((await response.json()) as { error: { code: string } }).error.code;

  it("keep what is put and serve it as immutable", async () => {
    expect((await put(cid("a"), "a")).status).to.equal(201);
    expect((await put(cid("a"), "a")).status).to.equal(200);
    const got = await fetch(`${address}/content/${cid("a")}`);
    expect(await got.text()).to.equal("a");
    expect(got.headers.get("cache-control")).to.equal("public, max-age=31536000, immutable");
    expect(got.headers.get("etag")).to.equal(`"${cid("a")}"`);
    expect(got.headers.get("content-type")).to.equal("application/octet-stream");
    const head = await fetch(`${address}/content/${cid("a")}`, { method: "HEAD" });
    expect([head.status, head.headers.get("content-length"), await head.text()]).to.deep.equal([200, "1", ""]);
  });

  it("take any content type, and the empty content", async () => {
    const headers = { "content-type": "application/json" };
    const json = await fetch(`${address}/content/${cid("{broken")}`, { method: "PUT", body: "{broken", headers });
    expect(json.status).to.equal(201);
    expect((await put(cid(""), "")).status).to.equal(201);
    expect(await (await fetch(`${address}/content/${cid("")}`)).text()).to.equal("");
  });

  it("refuse bytes under another's id", async () => {
    const response = await put(cid("a"), "b");
    expect([response.status, await codeOf(response)]).to.deep.equal([422, "ContentMismatch"]);
    expect(await store.has(digestOf(text("b")))).to.equal(false);
  });

  it("refuse content over the size cap, and strangers' content over the quota", async () => {
    const large = await put(cid("x".repeat(1001)), "x".repeat(1001));
    expect([large.status, await codeOf(large)]).to.deep.equal([413, "ContentTooLarge"]);
    expect((await put(cid("x".repeat(900)), "x".repeat(900))).status).to.equal(201);
    const full = await put(cid("y".repeat(900)), "y".repeat(900));
    expect([full.status, await codeOf(full)]).to.deep.equal([507, "StoreFull"]);
    await store.put(new Uint8Array(900));
  });

  it("answer what is missing or corrupt with 404, and do not tell where the folder is", async () => {
    await store.put(text("a"));
    const hex = digestOf(text("a")).slice(2);
    await writeFile(path.join(folder, hex.slice(0, 2), hex), "b");
    for (const value of ["a", "never put"]) {
      const response = await fetch(`${address}/content/${cid(value)}`);
      expect(response.status).to.equal(404);
      expect(response.headers.get("cache-control")).to.equal("no-store");
      const body = await response.text();
      expect(body).to.contain("ContentNotFound").and.not.to.contain(folder);
    }
  });

  // fetch() would tidy such a path up before sending it.
  const rawStatus = (target: string) =>
    new Promise<number | undefined>((resolve, reject) => {
      request(address, { path: target }, (response) => resolve(response.resume().statusCode))
        .on("error", reject)
        .end();
    });

  it("refuse ids that are paths", async () => {
    for (const target of ["/content/..%2f..%2f..%2fetc%2fpasswd", "/content/%2e%2e", "/content/tmp", `/content/${cid("a")}%00`])
      expect(await rawStatus(target)).to.equal(400);
    expect(await rawStatus("/content/../../etc/passwd")).to.equal(404);
  });
});
