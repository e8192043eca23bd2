import { randomInt } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { KeyStore } from "../../offchain/router/keyStore.ts";
import { keysFile } from "../../offchain/router/keysCommand.ts";
import { type Localnet, startLocalnet } from "../../scripts/localnet/network.ts";

export const MODEL = "toy-world-f16";
export const EMBEDDER = "toy-embed-q8_0";
export const FRANCE = "What is the capital of France?";
export const PARIS = "The capital of France is Paris.";

/** A chain, four nodes with real inference and a router, in processes of their own. Whoever has no key pays for each call; `apiKey` is one. */
export async function startClientsNetwork(
  routerFlags: string[] = [],
): Promise<{ net: Localnet; apiKey: string; stop: () => Promise<void> }> {
  const folder = mkdtempSync(path.join(tmpdir(), "corroborate-clients-"));
  // Below the ports that the system gives to outgoing connections: those may be taken between the look and the use.
  const rpcPort = randomInt(12_000, 30_000);
  const net = await startLocalnet({ folder, nodes: 4, rpcPort, routerPort: rpcPort + 100, routerFlags });
  const stop = async () => {
    await net.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  const keys = new KeyStore(keysFile(path.join(folder, "router")));
  const { secret: apiKey } = keys.create({ name: "tests", scopes: ["complete", "read"], perMinute: 10_000 });
  keys.close();
  const body = JSON.stringify({ model: MODEL, messages: [{ role: "user", content: FRANCE }] });
  const first = async () =>
    (
      await fetch(`${net.routerUrl}/v1/chat/completions`, {
        method: "POST",
        body,
        headers: { "content-type": "application/json", authorization: `Bearer ${apiKey}` },
      })
    ).ok;
  // Until the router has seen its lease it asks to come again, as official clients do by themselves.
  for (let tries = 0; tries < 20 && !(await first()); tries++) await delay(500);
  return { net, apiKey, stop };
}
