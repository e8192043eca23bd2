import { expect } from "chai";
import { once } from "node:events";
import { createServer, type AddressInfo } from "node:net";
import path from "node:path";
import { Wallet } from "ethers";
import { freePort } from "../chain/hardhatNode.ts";
import type { Daemon } from "../node/daemon.ts";
import { DEPLOYER, startLocalNetwork, type LocalNetwork } from "../node/localNetwork.ts";
import { routerFlags, runRouter, startRouter } from "./routerDaemon.ts";

describe("the router's boot", function () {
  this.timeout(90_000);
  let network: LocalNetwork;
  const daemons: Daemon[] = [];

  before(async () => {
    network = await startLocalNetwork({ nodes: 1, router: "http://127.0.0.1:1" });
  });
  after(async () => {
    await Promise.all(daemons.map(async (daemon) => await daemon.end()));
    await network.stop();
  });

  async function fails(args: string[], code: number, ...words: string[]) {
    const daemon = runRouter(args);
    daemons.push(daemon);
    expect(await daemon.exited, daemon.output()).to.equal(code);
    const lines = daemon.output().trim().split("\n");
    for (const word of words) expect(lines.at(-1)).to.include(word);
    expect(daemon.output()).to.not.include("    at ");
  }
  const flags = (changes: Record<string, string | undefined>) => routerFlags(network, 0, changes);

  it("explains its flags, exit codes and what a router without API keys does", async () => {
    const daemon = runRouter(["start", "--help"]);
    expect(await daemon.exited).to.equal(0);
    expect(daemon.output())
      .to.include("first API key")
      .and.include("Exit codes")
      .and.include("--allow-remote")
      .and.include("CORROBORATE_SESSION");
  });

  it("ends with 2 on wrong usage and with 3 on a setting that is not valid", async () => {
    await fails(["start", "--role", "miner"], 2, "unknown option");
    await fails(flags({ session: undefined }), 3, "--session (CORROBORATE_SESSION)");
    await fails(flags({ session: "0" }), 3, "--session");
    await fails(flags({ listen: "0.0.0.0:0" }), 3, "--listen (CORROBORATE_LISTEN)", "--allow-remote");
    await fails([...flags({ listen: "0.0.0.0:0" }), "--allow-remote"], 3, "no API key", "keys create");
    await fails(flags({ session: "99" }), 3, "no session 99");
    await fails(flags({ model: "toy-world-q8_0" }), 3, "toy-world-f16");
    await fails(flags({ "lease-seconds": "30" }), 3, "--lease-seconds 30");
  });

  it("ends with 4 without the right chain", async () => {
    await fails(flags({ rpc: `http://127.0.0.1:${await freePort()}` }), 4, "found no chain");
    await fails(flags({ "chain-id": "1", key: undefined, "key-file": path.join(network.folder, "none") }), 3, "--key-file");
  });

  it("ends with 5 without gas money, and with 8 where the key is no router of the session", async () => {
    await fails(flags({ key: Wallet.createRandom().privateKey }), 8, "no router of session 1");
    await fails(flags({ key: DEPLOYER.privateKey }), 8, "owner's key");
    const poor = Wallet.createRandom();
    await network.send("Session", "setRouter", [1, poor.address, true, "http://127.0.0.1:1"]);
    await fails(flags({ key: poor.privateKey }), 5, "no balance for gas");
  });

  it("ends with 6 where the models are not there", async () => {
    await fails(flags({ "models-dir": network.folder }), 3, "registry.json");
  });

  it("ends with 9 where the port or the data folder is in use", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    await fails(flags({ listen: `127.0.0.1:${port}` }), 9, "in use");
    server.close();
    daemons.push(await startRouter(network, 0));
    await fails(flags({}), 9, "in use by process");
  });

  it("ends with 0 when it is told to", async () => {
    expect(await daemons.at(-2)!.end("SIGTERM")).to.equal(0);
  });
});
