import { expect } from "chai";
import { ROLES } from "../../../offchain/node/decide.ts";
import { nodeConfig, SETTINGS } from "../../../offchain/node/config.ts";

const KEY = `0x${"11".repeat(32)}`;
const GOOD = { rpc: "http://127.0.0.1:8545", chainId: "31337", deployment: "deployment.json", key: KEY, data: "data" };

describe("node's settings", () => {
  it("fills in what is not said", () => {
    expect(nodeConfig(GOOD)).to.deep.include({
      chainId: 31337n,
      listen: { host: "127.0.0.1", port: 9_420 },
      role: [...ROLES],
      pollMs: 250,
      threads: 1,
      modelsDir: "models",
      logLevel: "info",
    });
  });

  it("reads what is said", () => {
    const config = nodeConfig({ ...GOOD, listen: "[::1]:0", role: "oracle", pollMs: "1000", poison: "no" });
    expect(config).to.deep.include({ listen: { host: "::1", port: 0 }, role: ["oracle"], pollMs: 1_000, poison: "no" });
  });

  const WRONG: [string, Record<string, string | undefined>, string][] = [
    ["no RPC address", { rpc: undefined }, "--rpc (CORROBORATE_RPC): wanted an http(s) address; for example http://127.0.0.1:8545"],
    ["another scheme", { rpc: "ws://x" }, "--rpc (CORROBORATE_RPC)"],
    ["no chain id", { chainId: "0x7a69" }, "--chain-id (CORROBORATE_CHAIN_ID): wanted a chain id"],
    ["no deployment", { deployment: undefined }, "--deployment (CORROBORATE_DEPLOYMENT): wanted either a record or --runtime"],
    ["two deployments", { runtime: `0x${"22".repeat(20)}` }, "wanted either a record or --runtime"],
    ["no key", { key: undefined }, "--key-file (CORROBORATE_KEY_FILE): wanted exactly one key"],
    ["a malformed key", { key: "0x1234SECRET" }, "--key (CORROBORATE_KEY): wanted 0x and 64 hex digits"],
    ["a key in the open on a real chain", { chainId: "1" }, "is accepted on chain 31337 only; use --key-file"],
    [
      "poison on a real chain",
      { chainId: "1", key: undefined, keyFile: "k", poison: "x" },
      "--poison (CORROBORATE_POISON): is accepted on chain 31337 only",
    ],
    ["an unknown role", { role: "miner,boss" }, "--role (CORROBORATE_ROLE)"],
    ["a port beyond all", { listen: "127.0.0.1:99999" }, "--listen (CORROBORATE_LISTEN)"],
    ["a pause of nothing", { pollMs: "0" }, "--poll-ms (CORROBORATE_POLL_MS): wanted milliseconds from 10 to 60000"],
  ];
  for (const [title, change, message] of WRONG) {
    it(`refuses ${title}, naming flag and variable on one line`, () => {
      const raw = Object.fromEntries(Object.entries({ ...GOOD, ...change }).filter(([, value]) => value !== undefined));
      expect(() => nodeConfig(raw))
        .to.throw(message)
        .with.property("exitCode", 3);
      expect(() => nodeConfig(raw)).not.to.throw(/\n|SECRET/);
    });
  }

  it("gives every setting a variable of its own", () => {
    const names = Object.values(SETTINGS).map(({ env }) => env);
    expect(new Set(names).size).to.equal(names.length);
  });
});
