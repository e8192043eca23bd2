import { expect } from "chai";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { nodeConfig } from "../../../offchain/node/config.ts";

const RUNTIME = `0x${"22".repeat(20)}`;

describe("node's settings file", () => {
  let data: string;
  beforeEach(() => (data = mkdtempSync(path.join(tmpdir(), "config-"))));
  afterEach(() => rmSync(data, { recursive: true }));
  const write = (settings: unknown) =>
    writeFileSync(path.join(data, "node.json"), typeof settings === "string" ? settings : JSON.stringify(settings));
  const GOOD = { network: RUNTIME, rpc: "http://a:1,http://b:2", keyFile: "operator.json", chainId: "31337" };

  it("is under flags and variables, and its paths are relative to it", () => {
    write({ ...GOOD, threads: "3", listen: "127.0.0.1:7000" });
    const config = nodeConfig({ data, threads: "5" });
    expect(config).to.deep.include({
      threads: 5,
      listen: { host: "127.0.0.1", port: 7_000 },
      rpc: ["http://a:1", "http://b:2"],
      runtime: RUNTIME,
    });
    expect(config.keyFile).to.deep.equal([path.join(data, "operator.json")]);
  });

  it("refuses an unknown name, with the nearest one it knows", () => {
    write({ ...GOOD, trheads: "3" });
    expect(() => nodeConfig({ data }))
      .to.throw('unknown setting "trheads"')
      .with.property("exitCode", 3);
    expect(() => nodeConfig({ data })).to.throw("did you mean threads?");
  });

  it("refuses what is no JSON, no object, or no text", () => {
    for (const [settings, words] of [
      ["{", "found no JSON"],
      ["[]", "found no settings"],
      [JSON.stringify({ ...GOOD, threads: 3 }), "as number, wanted a text"],
    ] as const) {
      write(settings);
      expect(() => nodeConfig({ data })).to.throw(words);
    }
  });
});
