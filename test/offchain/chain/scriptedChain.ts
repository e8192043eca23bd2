import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { id, toQuantity } from "ethers";
import { interfaces, type ModuleName } from "../../../offchain/chain/abis.ts";

interface ScriptedLog {
  address: string;
  topics: string[];
  data: string;
}
interface ScriptedBlock {
  number: number;
  hash: string;
  parentHash: string;
  timestamp: number;
  logs: ScriptedLog[];
}

/** How the next requests are answered instead of properly; each entry is used once. */
export type Fault = "429" | "503" | "hang" | "close" | "garbage";

/** A JSON-RPC server whose blocks the test writes, and which can reorganise, refuse and lie. */
export class ScriptedChain {
  url = "";
  chainId = 31337n;
  blocks: ScriptedBlock[] = [];
  faults: Fault[] = [];
  /** Most blocks of one eth_getLogs; more is refused. */
  maxRange = Infinity;
  requests: string[] = [];
  /** Called before each answer, to change the chain in the middle of a read. */
  onRequest: (method: string) => void = () => {};
  /** Delivers every log twice, in reverse. */
  untidy = false;
  readonly #server = createServer((request, response) => void this.#answer(request, response));
  #fork = 0;

  static async start(length = 1): Promise<ScriptedChain> {
    const chain = new ScriptedChain();
    chain.#server.listen(0, "127.0.0.1");
    await once(chain.#server, "listening");
    chain.url = `http://127.0.0.1:${(chain.#server.address() as AddressInfo).port}`;
    chain.mine(length);
    return chain;
  }

  /** Adds blocks; the events go into the first. */
  mine(count: number, events: ScriptedLog[] = []): void {
    for (let i = 0; i < count; i++) {
      const number = this.blocks.length;
      const hash = id(`block ${number} of fork ${this.#fork}`);
      const parentHash = this.blocks.at(-1)?.hash ?? id("nothing");
      this.blocks.push({ number, hash, parentHash, timestamp: 1_000 + number, logs: i === 0 ? events : [] });
    }
  }

  /** Takes the last blocks back; what is mined next has other hashes. */
  drop(count: number): void {
    this.blocks.length -= count;
    this.#fork++;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, "close");
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const {
      id: requestId,
      method,
      params,
    } = JSON.parse(Buffer.concat(chunks).toString()) as { id: number; method: string; params: never[] };
    this.requests.push(method);
    const fault = this.faults.shift();
    if (fault === "hang") return;
    if (fault === "close") return void request.socket.destroy();
    if (fault === "garbage") return void response.end("<html>");
    if (fault !== undefined) return void response.writeHead(Number(fault)).end();
    this.onRequest(method);
    response.setHeader("content-type", "application/json");
    try {
      response.end(JSON.stringify({ jsonrpc: "2.0", id: requestId, result: this.#result(method, params) }));
    } catch (error) {
      response.end(JSON.stringify({ jsonrpc: "2.0", id: requestId, error: { code: -32005, message: (error as Error).message } }));
    }
  }

  #result(method: string, params: unknown[]): unknown {
    if (method === "eth_chainId") return toQuantity(this.chainId);
    if (method === "eth_blockNumber") return toQuantity(this.blocks.length - 1);
    if (method === "eth_getCode") return "0x";
    if (method === "eth_getBlockByNumber") {
      const block = params[0] === "latest" ? this.blocks.at(-1) : this.blocks[Number(params[0])];
      return block === undefined ? null : rpcBlock(block);
    }
    if (method === "eth_getLogs") {
      const { fromBlock, toBlock, address } = params[0] as { fromBlock: string; toBlock: string; address: string | string[] };
      const [from, to] = [Number(fromBlock), Number(toBlock)];
      if (to - from + 1 > this.maxRange) throw new Error("range too large");
      const wanted = [address].flat().map((one) => one.toLowerCase());
      const logs = this.blocks.slice(from, to + 1).flatMap((block) => block.logs.map((log, index) => rpcLog(block, log, index)));
      const found = logs.filter((log) => wanted.includes(log.address.toLowerCase()));
      return this.untidy ? [...found, ...found].reverse() : found;
    }
    throw new Error(`no ${method} here`);
  }
}

/** An event as a contract at `address` would emit it. */
export function eventLog(module: ModuleName, address: string, name: string, args: unknown[]): ScriptedLog {
  const { topics, data } = interfaces[module].encodeEventLog(name, args);
  return { address, topics: topics.map(String), data };
}

const ZERO = `0x${"0".repeat(64)}`;

function rpcBlock({ number, hash, parentHash, timestamp }: ScriptedBlock) {
  const zeroes = {
    nonce: "0x0000000000000000",
    difficulty: "0x0",
    gasLimit: "0x1c9c380",
    gasUsed: "0x0",
    baseFeePerGas: "0x1",
    extraData: "0x",
  };
  return {
    number: toQuantity(number),
    hash,
    parentHash,
    timestamp: toQuantity(timestamp),
    miner: `0x${"0".repeat(40)}`,
    transactions: [],
    ...zeroes,
  };
}

function rpcLog({ number, hash }: ScriptedBlock, { address, topics, data }: ScriptedLog, index: number) {
  const place = {
    blockNumber: toQuantity(number),
    blockHash: hash,
    logIndex: toQuantity(index),
    transactionIndex: "0x0",
    transactionHash: ZERO,
  };
  return { address, topics, data, removed: false, ...place };
}
