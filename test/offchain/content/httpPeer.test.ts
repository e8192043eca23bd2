import { expect } from "chai";
import { digestOf } from "../../../offchain/content/contentId.ts";
import { HttpPeer } from "../../../offchain/content/httpPeer.ts";
import { LocalStore } from "../../../offchain/content/localStore.ts";
import { cleanUp, contentServer, errorOf, oddPeer, temporaryFolder, text } from "./network.ts";

const wanted = digestOf(text("wanted"));

describe("HttpPeer", () => {
  afterEach(cleanUp);

  it("puts and gets content at another node", async () => {
    const store = await LocalStore.open(await temporaryFolder());
    const peer = new HttpPeer(`${await contentServer({ store })}/`);
    expect(await peer.has(wanted)).to.equal(false);
    expect(await peer.put(text("wanted"))).to.equal(wanted);
    expect(await peer.has(wanted)).to.equal(true);
    expect(await peer.get(wanted)).to.deep.equal(Buffer.from("wanted"));
    expect(await store.get(wanted)).to.deep.equal(Buffer.from("wanted"));
    expect(await errorOf(peer.get(digestOf(text("other"))))).to.include({ code: "ContentNotFound", retryable: true });
  });

  it("4b content source: notices a peer that lies about bytes", async () => {
    const peer = new HttpPeer(await oddPeer((_request, response) => response.end("something else")));
    expect(await errorOf(peer.get(wanted))).to.include({ code: "PeerLied", retryable: false });
  });

  it("4b content source: cuts an endless stream at the byte cap", async () => {
    let sent = 0;
    let closed = false;
    const address = await oddPeer((_request, response) => {
      const more = () => {
        while (!closed && response.write(Buffer.alloc(64 * 1024))) sent += 64 * 1024;
      };
      response.on("drain", more).on("close", () => (closed = true));
      more();
    });
    expect(await errorOf(new HttpPeer(address).get(wanted, { maxBytes: 100_000 }))).to.have.property("code", "ContentTooLarge");
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(closed).to.equal(true);
    expect(sent).to.be.lessThan(50 * 1024 * 1024);
  });

  it("4b content source: ends a slow drip at the timeout", async () => {
    const address = await oddPeer((_request, response) => {
      const timer = setInterval(() => response.write("x"), 20);
      response.on("close", () => clearInterval(timer));
    });
    const error = await errorOf(new HttpPeer(address, { timeoutMs: 200 }).get(wanted));
    expect(error).to.include({ code: "PeerTimeout", retryable: true });
  });

  it("4b content source: does not follow a redirect", async () => {
    let followed = false;
    const address = await oddPeer((request, response) => {
      if (request.url === "/elsewhere") followed = true;
      response.writeHead(302, { location: "/elsewhere" }).end();
    });
    expect(await errorOf(new HttpPeer(address).get(wanted))).to.have.property("code", "PeerRefused");
    expect(followed).to.equal(false);
  });

  it("reports a peer that is not there, and one that fails, as worth another try", async () => {
    expect(await errorOf(new HttpPeer("http://127.0.0.1:1").get(wanted))).to.include({ code: "PeerUnavailable", retryable: true });
    const failing = await oddPeer((_request, response) => response.writeHead(503).end());
    expect(await errorOf(new HttpPeer(failing).get(wanted))).to.include({ code: "PeerRefused", retryable: true });
    expect(await new HttpPeer("http://127.0.0.1:1").has(wanted)).to.equal(false);
  });

  it("stops when the caller aborts", async () => {
    const peer = new HttpPeer(await oddPeer(() => undefined));
    const error = await errorOf(peer.get(wanted, { signal: AbortSignal.timeout(50) }));
    expect(error.name).to.equal("TimeoutError");
  });

  it("refuses addresses with credentials, other schemes and nonsense", () => {
    for (const address of ["http://user:key@node.example", "file:///etc/passwd", "ftp://node.example", "node", "http://node.example/?a=1"])
      expect(() => new HttpPeer(address)).to.throw(TypeError);
  });
});
