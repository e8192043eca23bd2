import { recoverAddress } from "ethers";
import { interfaces } from "../chain/abis.ts";
import type { Deployment } from "../chain/deployment.ts";
import type { Endpoint } from "../chain/endpoint.ts";
import { pause } from "../chain/pause.ts";
import type { Views } from "../chain/views.ts";
import type { Digest } from "../content/contentId.ts";
import { usableEndpoint } from "../content/endpoints.ts";
import { HttpPeer } from "../content/httpPeer.ts";
import { type Announcement, announcementSchema, boxKey, sealingKeyDigest } from "../content/sealing.ts";
import { SdkError } from "./result.ts";

const TIMEOUT_MS = 5_000;
const BOX_AGAIN_MS = 2_000;

/** The nodes of a lease as a wallet client talks to them: by the addresses that they announced on chain. */
export class LeasedNodes {
  /** Base URL by node. */
  readonly bases: ReadonlyMap<number, string>;

  constructor(bases: ReadonlyMap<number, string>) {
    this.bases = bases;
  }

  /** Finds the addresses of these nodes. `local`: private addresses may be called. */
  static async find({ provider }: Endpoint, { addresses, blockNumber }: Deployment, nodes: number[], local: boolean): Promise<LeasedNodes> {
    const { topicHash } = interfaces.NodePool.getEvent("EndpointChanged")!;
    const logs = await provider.getLogs({ address: addresses.NodePool, topics: [topicHash], fromBlock: blockNumber, toBlock: "latest" });
    const found = new Map<number, string>();
    for (const log of logs) {
      const { args } = interfaces.NodePool.parseLog(log)!;
      const base = usableEndpoint(args["endpoint"] as string, local);
      const node = Number(args["node"]);
      if (base === undefined) found.delete(node);
      else if (nodes.includes(node)) found.set(node, base);
    }
    return new LeasedNodes(found);
  }

  /** Leaves content with every node. Returns how many took it. */
  async put(bytes: Uint8Array, signal?: AbortSignal): Promise<number> {
    const limits = signal ? { signal } : {};
    const kept = await Promise.allSettled([...this.bases.values()].map(async (base) => await new HttpPeer(base).put(bytes, limits)));
    return kept.filter(({ status }) => status === "fulfilled").length;
  }

  /** The bytes of a digest from any of these nodes; they show their results a moment after their openings. Throws SdkError ContentUnavailable. */
  async get(digest: Digest, nodes: number[], task: string, signal?: AbortSignal): Promise<Uint8Array> {
    for (let attempt = 1; attempt <= 10; attempt++) {
      for (const base of nodes.flatMap((node) => this.bases.get(node) ?? [])) {
        const bytes = await new HttpPeer(base).get(digest, signal ? { signal } : {}).catch(() => undefined);
        if (bytes !== undefined) return bytes;
      }
      await pause(300 * attempt, signal);
    }
    throw new SdkError("ContentUnavailable", `task ${task} is accepted, and nobody hands out the answer ${digest}; try again later`, {
      retryable: true,
      task,
    });
  }
}

/** Hands a sealed task's key to the nodes that were drawn, and to no other. A node forgets keys when it restarts, so that they are handed again. */
export class KeyHandover {
  readonly #views: Views;
  readonly #domain: { chainId: bigint; queue: string };
  readonly #nodes: LeasedNodes;
  readonly #key: Uint8Array;
  readonly #manifest: Digest;
  readonly #publicKeys = new Map<number, string>();
  readonly #handedAt = new Map<number, number>();

  constructor(views: Views, { chainId, addresses }: Deployment, nodes: LeasedNodes, key: Uint8Array, manifest: Digest) {
    this.#views = views;
    this.#domain = { chainId, queue: addresses.SessionQueue };
    this.#nodes = nodes;
    this.#key = key;
    this.#manifest = manifest;
  }

  /** Hands the key to these nodes, as far as it is time again. A node that cannot be reached is tried at the next call. */
  async hand(members: number[]): Promise<void> {
    const due = members.filter((node) => performance.now() - (this.#handedAt.get(node) ?? -Infinity) > BOX_AGAIN_MS);
    await Promise.allSettled(due.map(async (node) => await this.#handTo(node)));
  }

  async #handTo(node: number): Promise<void> {
    const base = this.#nodes.bases.get(node);
    if (base === undefined) return;
    const publicKey = this.#publicKeys.get(node) ?? (await this.#announced(node, base));
    this.#publicKeys.set(node, publicKey);
    const response = await fetch(`${base}/sealed/${this.#manifest}`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(boxKey(this.#key, publicKey, this.#manifest, node)),
      redirect: "manual",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.ok) this.#handedAt.set(node, performance.now());
  }

  /** The node's sealing key, signed by the operator that the chain names. */
  async #announced(node: number, base: string): Promise<string> {
    const response = await fetch(`${base}/sealing-key`, { redirect: "manual", signal: AbortSignal.timeout(TIMEOUT_MS) });
    const found: Announcement = announcementSchema.parse(await response.json());
    const { operator } = await this.#views.node(node);
    const signer = recoverAddress(sealingKeyDigest(this.#domain, node, found.publicKey), found.signature);
    if (found.node !== node || signer !== operator)
      throw new SdkError("SealingKeyForged", `found a sealing key of node ${node} signed by ${signer}, wanted its operator ${operator}`);
    return found.publicKey;
  }
}
