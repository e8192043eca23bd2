import { expect } from "chai";
import Fastify, { type FastifyInstance } from "fastify";
import { cidOf, digestOf } from "../../../offchain/content/contentId.ts";
import { exportCar, importCar, ipfsGateway, IpfsGatewayClient } from "../../../offchain/content/ipfs.ts";
import { LocalStore } from "../../../offchain/content/localStore.ts";
import { cleanUp, errorOf, oddPeer, temporaryFolder, text } from "./network.ts";

describe("IPFS", () => {
  let store: LocalStore;
  let server: FastifyInstance;
  let url: string;

  beforeEach(async () => {
    store = await LocalStore.open(await temporaryFolder());
    server = Fastify();
    await server.register(ipfsGateway, { store });
    url = await server.listen({ host: "127.0.0.1", port: 0 });
  });
  afterEach(async () => {
    await server.close();
    await cleanUp();
  });

  it("serves a raw block under its CID, and the client takes only bytes that hash to it", async () => {
    const digest = await store.put(text("an answer"));
    const response = await fetch(`${url}/ipfs/${cidOf(digest)}`, { headers: { accept: "application/vnd.ipld.raw" } });
    expect(response.headers.get("content-type")).to.include("application/vnd.ipld.raw");
    expect(await new IpfsGatewayClient(url).get(digest)).to.deep.equal(Buffer.from("an answer"));
    expect(await errorOf(new IpfsGatewayClient(url).get(digestOf(text("other"))))).to.include({ code: "ContentNotFound" });
    expect((await fetch(`${url}/ipfs/QmNope`)).status).to.equal(400);
  });

  it("4b content source: a gateway that lies, redirects or never ends is passed over", async () => {
    const digest = digestOf(text("wanted"));
    const lying = new IpfsGatewayClient(await oddPeer((_request, response) => response.end("something else")));
    expect(await errorOf(lying.get(digest))).to.include({ code: "PeerLied" });
    const elsewhere = new IpfsGatewayClient(
      await oddPeer((_request, response) => response.writeHead(302, { location: "http://169.254.169.254/" }).end()),
    );
    expect(await errorOf(elsewhere.get(digest))).to.include({ code: "PeerRefused" });
    const endless = new IpfsGatewayClient(await oddPeer((_request, response) => void response.end(Buffer.alloc(100_000))));
    expect(await errorOf(endless.get(digest, { maxBytes: 1_000 }))).to.include({ code: "ContentTooLarge" });
  });

  it("exports and imports a CAR, by hand and from the gateway, and refuses a changed block", async () => {
    const digests = [await store.put(text("one")), await store.put(text("two"))];
    const car = await exportCar(store, digests);
    const other = await LocalStore.open(await temporaryFolder());
    expect(await importCar(other, car)).to.deep.equal(digests);
    expect(await other.get(digests[1]!)).to.deep.equal(Buffer.from("two"));
    const served = await fetch(`${url}/ipfs/${cidOf(digests[0]!)}?format=car`);
    expect(await importCar(other, new Uint8Array(await served.arrayBuffer()))).to.deep.equal([digests[0]]);
    const changed = Uint8Array.from(car);
    changed[changed.length - 1]! ^= 1;
    expect(await errorOf(importCar(other, changed))).to.include({ code: "PeerLied" });
    expect(await errorOf(importCar(other, text("nonsense")))).to.include({ code: "InvalidContentId" });
  });
});
