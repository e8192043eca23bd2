import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { JsonRpcProvider } from "ethers";
import { deploy, writeRecord } from "../../../scripts/deploy.ts";
import { localParameters } from "../../../scripts/parameters.ts";
import { type HardhatNode, rpcCall, startHardhatNode } from "../chain/hardhatNode.ts";
import { DECLARED, inProcess } from "./inProcess.ts";

type Tasks = Awaited<ReturnType<typeof inProcess>>;

/** Ways in which a task can meet another network than it is meant for, with the code of the refusal. */
const CASES = [
  { what: "a chain that is not the one of --network", code: "WrongChainId" },
  { what: "a record of another chain", code: "WrongChainId" },
  { what: "a record whose contracts are not on the chain", code: "ContractMissing" },
  { what: "no chain at all", code: "RpcUnreachable" },
  { what: "a network inside this process only", code: "NetworkUnusable" },
] as const;

/** net deploy makes its record: it is refused over one that exists, whatever that says. */
const REFUSED_OTHERWISE: Record<string, Partial<Record<string, string>>> = {
  "net deploy": { "a record of another chain": "DeploymentExists", "a record whose contracts are not on the chain": "DeploymentExists" },
};

describe("tasks: every one refuses the wrong network, and sends nothing there", function () {
  this.timeout(600_000);
  let chain: HardhatNode;
  let folder: string;
  let blocks: unknown;
  const found = new Map<string, Tasks>();

  before(async () => {
    folder = mkdtempSync(path.join(tmpdir(), "corroborate-wrong-"));
    chain = await startHardhatNode();
    const provider = new JsonRpcProvider(chain.url, undefined, { cacheTimeout: -1, pollingInterval: 50 });
    const record = path.join(folder, "deployment.json");
    try {
      writeRecord(record, await deploy(await provider.getSigner(0), "localhost", localParameters()));
    } finally {
      provider.destroy();
    }
    const none = path.join(folder, "none.json");
    const known = JSON.parse(readFileSync(record, "utf8")) as { addresses: Record<string, string> };
    const altered = (name: string, change: object) => {
      const file = path.join(folder, name);
      writeFileSync(file, JSON.stringify({ ...known, ...change }));
      return file;
    };
    const empty = Object.fromEntries(Object.keys(known.addresses).map((name, i) => [name, `0x${(i + 1).toString(16).padStart(40, "0")}`]));
    found.set(CASES[0].what, await inProcess(chain.url, none, "l3"));
    found.set(CASES[1].what, await inProcess(chain.url, altered("other.json", { chainId: 11_155_111 })));
    found.set(CASES[2].what, await inProcess(chain.url, altered("empty.json", { addresses: empty })));
    found.set(CASES[4].what, await inProcess(chain.url, none, "default"));
    // Last: the address of the chain is a variable of this process.
    found.set(CASES[3].what, await inProcess("http://127.0.0.1:1", none));
    blocks = await chain.rpc("eth_blockNumber");
  });
  after(async () => {
    await chain?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  for (const { what, code } of CASES)
    for (const name of DECLARED.keys())
      it(`${name}, ${what}`, async () => {
        const wanted = REFUSED_OTHERWISE[name]?.[what] ?? code;
        process.env["RPC_URL"] = what === "no chain at all" ? "http://127.0.0.1:1" : chain.url;
        const refusal = await found.get(what)!.refused(name);
        expect(refusal.code, refusal.message).to.equal(wanted);
        expect(refusal.message).to.match(/found .+[,;] wanted .+/);
      });

  it("nothing was sent", async () => {
    expect(await rpcCall(chain.url, "eth_blockNumber")).to.equal(blocks);
  });
});
