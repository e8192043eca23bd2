import { expect } from "chai";
import { Script } from "node:vm";
import { build } from "vite";
import { bundleDefines } from "../../../offchain/sdk/bundle.ts";
import { ROOT } from "../../../scripts/localnet/processes.ts";

/** What rolldown hands back, as far as it is looked at. */
interface Bundle {
  output: { type: string; code?: string; imports?: string[]; moduleIds?: string[] }[];
}

describe("the SDK in a browser's bundle", function () {
  this.timeout(120_000);
  let code: string;
  let modules: string[];
  const asked: string[] = [];

  before(async () => {
    const built = (await build({
      configFile: false,
      root: ROOT,
      logLevel: "silent",
      define: bundleDefines,
      plugins: [{ name: "asked", resolveId: (id) => void asked.push(id) }],
      build: {
        write: false,
        minify: false,
        lib: { entry: `${ROOT}offchain/sdk/index.ts`, formats: ["iife"], name: "corroborate", fileName: "corroborate" },
      },
    })) as unknown as Bundle[];
    const chunks = built.flatMap(({ output }) => output).filter(({ type }) => type === "chunk");
    code = chunks.map((chunk) => chunk.code).join("\n");
    modules = chunks.flatMap(({ moduleIds = [] }) => moduleIds);
  });

  it("imports nothing that only Node.js has", () => {
    expect(asked.filter((id) => id.startsWith("node:"))).to.deep.equal([]);
    expect(modules.filter((id) => id.includes("__vite-browser-external"))).to.deep.equal([]);
    expect(modules.some((id) => id.endsWith("offchain/sdk/verify.ts"))).to.equal(true);
  });

  it("runs where there is no process, no Buffer and no require", () => {
    const { crypto, TextEncoder, TextDecoder, URL, AbortSignal, AbortController, setTimeout, clearTimeout, fetch } = globalThis;
    const globals = { crypto, TextEncoder, TextDecoder, URL, AbortSignal, AbortController, setTimeout, clearTimeout, fetch };
    const run = new Script(`${code}\n;[Object.keys(corroborate), 0]`);
    const [names] = run.runInNewContext({ ...globals, self: globals }) as [string[]];
    expect(names).to.include.members(["connect", "routerClient", "walletClient", "walletSessions", "verify", "SdkError"]);
  });
});
