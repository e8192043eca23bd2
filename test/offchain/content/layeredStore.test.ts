import { readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect } from "chai";
import { digestOf } from "../../../offchain/content/contentId.ts";
import { HttpPeer } from "../../../offchain/content/httpPeer.ts";
import { LayeredStore, type PeerFailure } from "../../../offchain/content/layeredStore.ts";
import { LocalStore } from "../../../offchain/content/localStore.ts";
import { cleanUp, contentServer, errorOf, oddPeer, temporaryFolder, text } from "./network.ts";

const wanted = digestOf(text("wanted"));

describe("LayeredStore", () => {
  afterEach(cleanUp);

  async function honestPeer(): Promise<{ peer: HttpPeer; store: LocalStore }> {
    const store = await LocalStore.open(await temporaryFolder());
    return { store, peer: new HttpPeer(await contentServer({ store })) };
  }

  it("passes over liars, stallers and refusers, takes the good bytes and keeps them", async () => {
    const liar = new HttpPeer(await oddPeer((_request, response) => response.end("wrong")));
    const staller = new HttpPeer(await oddPeer(() => undefined), { timeoutMs: 100 });
    const oversize = new HttpPeer(await oddPeer((_request, response) => response.end(Buffer.alloc(2 ** 21))));
    const honest = await honestPeer();
    await honest.store.put(text("wanted"));
    const local = await LocalStore.open(await temporaryFolder());
    const failures: PeerFailure[] = [];
    const store = new LayeredStore(local, [liar, staller, oversize, honest.peer], (failure) => failures.push(failure));
    expect(await store.get(wanted)).to.deep.equal(Buffer.from("wanted"));
    expect(failures.map(({ code }) => code)).to.deep.equal(["PeerLied", "PeerTimeout", "ContentTooLarge"]);
    expect(failures[0]?.peer).to.equal(liar.name);
    expect(await local.get(wanted)).to.deep.equal(Buffer.from("wanted"));
  });

  it("heals a corrupt local file from a peer", async () => {
    const folder = await temporaryFolder();
    const local = await LocalStore.open(folder);
    await local.put(text("wanted"));
    const shard = path.join(folder, wanted.slice(2, 4));
    await writeFile(path.join(shard, wanted.slice(2)), "rotten");
    const honest = await honestPeer();
    await honest.store.put(text("wanted"));
    const failures: PeerFailure[] = [];
    const store = new LayeredStore(local, [honest.peer], (failure) => failures.push(failure));
    expect(await store.get(wanted)).to.deep.equal(Buffer.from("wanted"));
    expect(failures.map(({ code }) => code)).to.deep.equal(["ContentCorrupt"]);
    expect(await local.has(wanted)).to.equal(true);
    expect(await readdir(shard)).to.have.length(1);
  });

  it("says what each source answered when nobody has it", async () => {
    const liar = new HttpPeer(await oddPeer((_request, response) => response.end("wrong")));
    const store = new LayeredStore(await LocalStore.open(await temporaryFolder()), [liar]);
    const error = await errorOf(store.get(wanted));
    expect(error).to.include({ code: "ContentNotFound", retryable: true });
    expect(error.message).to.contain("ContentNotFound").and.to.contain("PeerLied");
  });

  it("asks no further peer once the caller aborts", async () => {
    let asked = 0;
    const second = new HttpPeer(
      await oddPeer((_request, response) => {
        asked++;
        response.end("wanted");
      }),
    );
    const first = new HttpPeer(await oddPeer(() => undefined));
    const store = new LayeredStore(await LocalStore.open(await temporaryFolder()), [first, second]);
    expect((await errorOf(store.get(wanted, { signal: AbortSignal.timeout(50) }))).name).to.equal("TimeoutError");
    expect(asked).to.equal(0);
  });

  it("offers content to all peers and names those that took it", async () => {
    const [a, b] = [await honestPeer(), await honestPeer()];
    const failures: PeerFailure[] = [];
    const peers = [a.peer, new HttpPeer("http://127.0.0.1:1"), b.peer];
    const store = new LayeredStore(await LocalStore.open(await temporaryFolder()), peers, (failure) => failures.push(failure));
    const digest = await store.put(text("a result"));
    expect(await a.store.has(digest)).to.equal(false);
    expect(await store.replicate(digest)).to.deep.equal([a.peer.name, b.peer.name]);
    expect(await b.store.get(digest)).to.deep.equal(Buffer.from("a result"));
    expect(failures.map(({ code }) => code)).to.deep.equal(["PeerUnavailable"]);
  });
});
