import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { cidOf, digestOf } from "../../../offchain/content/contentId.ts";

/** What the router of a test does with what it is given. */
export type Manner = "takes" | "refuses" | "fails" | "hangs";

/** A router that nodes talk to: serves manifests, takes contents, commitments and openings, and carries nothing by itself. */
export class TestCarrier {
  url = "";
  manner: Manner = "takes";
  readonly contents = new Map<string, Uint8Array>();
  readonly commitments: Record<string, unknown>[] = [];
  readonly openings: Record<string, unknown>[] = [];
  /** In order: the path of every request. */
  readonly asked: string[] = [];
  readonly #server = createServer((request, response) => void this.#answer(request, response));

  static async start(port = 0): Promise<TestCarrier> {
    const carrier = new TestCarrier();
    carrier.#server.listen(port, "127.0.0.1");
    await once(carrier.#server, "listening");
    carrier.url = `http://127.0.0.1:${(carrier.#server.address() as AddressInfo).port}`;
    return carrier;
  }

  reset(manner: Manner): void {
    this.manner = manner;
    this.contents.clear();
    for (const list of [this.commitments, this.openings, this.asked]) list.length = 0;
  }

  keep(bytes: Uint8Array): void {
    this.contents.set(cidOf(digestOf(bytes)), bytes);
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = Buffer.concat(chunks);
    const address = request.url ?? "";
    this.asked.push(`${request.method} ${address}`);
    if (address.startsWith("/content/")) return this.#content(request.method ?? "", address.slice("/content/".length), body, response);
    if (this.manner === "hangs") return;
    if (this.manner === "refuses") return void response.writeHead(403).end(JSON.stringify({ error: { code: "NotMine", message: "no" } }));
    if (this.manner === "fails") return void response.writeHead(500).end();
    const list = address === "/carry/commitment" ? this.commitments : this.openings;
    list.push(JSON.parse(body.toString()) as Record<string, unknown>);
    response.writeHead(202).end(JSON.stringify({ accepted: true }));
  }

  #content(method: string, cid: string, body: Buffer, response: ServerResponse): void {
    if (method === "PUT") this.contents.set(cid, body);
    const found = this.contents.get(cid);
    response.writeHead(found === undefined ? 404 : 200).end(method === "GET" ? found : undefined);
  }
}
