import { once } from "node:events";
import { createServer, request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** What the proxy does to requests; stays until it is changed. */
export type ProxyFault = "none" | "500" | "503" | "429" | "hang" | "reset" | "garbage" | "down";

interface Rpc {
  id: number;
  method: string;
  params: unknown[];
}
type Answer = { result?: unknown; error?: { code: number; message: string } };

/** An HTTP proxy before a JSON-RPC server that can refuse, stall, cut off, delay, replay and lie. */
export class FaultProxy {
  url = "";
  fault: ProxyFault = "none";
  delayMs = 0;
  /** Changes answers; what it returns is sent. */
  mutate: (request: Rpc, answer: Answer) => Answer = (_request, answer) => answer;
  /** Answers instead of the server; undefined passes the request on. */
  instead: (request: Rpc) => Answer | undefined = () => undefined;
  requests = 0;
  readonly #upstream: URL;
  #server = createServer();

  private constructor(upstream: string) {
    this.#upstream = new URL(upstream);
  }

  static async start(upstream: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(upstream);
    await proxy.#listen(0);
    return proxy;
  }

  reset(): void {
    this.fault = "none";
    this.delayMs = 0;
    this.mutate = (_request, answer) => answer;
    this.instead = () => undefined;
  }

  /** Answers from a recording of now, as a server does that no longer follows the chain. */
  async freeze(): Promise<void> {
    const head = (await this.#forward({ id: 1, method: "eth_getBlockByNumber", params: ["latest", false] })).result;
    this.instead = ({ method, params }) => {
      if (method === "eth_blockNumber") return { result: (head as { number: string }).number };
      return method === "eth_getBlockByNumber" && params[0] === "latest" ? { result: head } : undefined;
    };
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #listen(port: number): Promise<void> {
    this.#server = createServer((request, response) => void this.#answer(request, response));
    this.#server.listen(port, "127.0.0.1");
    await once(this.#server, "listening");
    this.url = `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #answer(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of incoming) chunks.push(chunk as Buffer);
    this.requests++;
    const { fault } = this;
    if (fault === "hang") return;
    if (fault === "reset" || fault === "down") return void incoming.socket.destroy();
    if (fault === "garbage") return void response.end("<html>502</html>");
    if (fault !== "none") return void response.writeHead(Number(fault), fault === "429" ? { "retry-after": "1" } : {}).end();
    if (this.delayMs > 0) await new Promise((resolve) => setTimeout(resolve, this.delayMs));
    const request = JSON.parse(Buffer.concat(chunks).toString()) as Rpc;
    try {
      const answer = this.instead(request) ?? this.mutate(request, await this.#forward(request));
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ jsonrpc: "2.0", id: request.id, ...answer }));
    } catch {
      response.writeHead(502).end();
    }
  }

  async #forward(request: Rpc): Promise<Answer> {
    const { hostname, port } = this.#upstream;
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const outgoing = ask({ hostname, port, method: "POST", headers: { "content-type": "application/json" } }, (answer) => {
      let text = "";
      answer.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      answer.once("end", () => resolve(text)).once("error", reject);
    });
    outgoing.once("error", reject);
    outgoing.end(JSON.stringify({ jsonrpc: "2.0", ...request }));
    const { result, error } = JSON.parse(await promise) as Answer;
    return error === undefined ? { result } : { error };
  }
}
