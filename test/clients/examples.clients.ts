import { execFile } from "node:child_process";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { expect } from "chai";
import { account, ACCOUNTS } from "../../scripts/localnet/accounts.ts";
import type { Localnet } from "../../scripts/localnet/network.ts";
import { ROOT } from "../../scripts/localnet/processes.ts";
import { contractOf } from "../../scripts/localnet/setUp.ts";
import { startClientsNetwork } from "./network.ts";

const run = promisify(execFile);

describe("the examples", function () {
  this.timeout(240_000);
  let net: Localnet;
  let apiKey: string;
  let stop: () => Promise<void>;

  before(async () => ({ net, apiKey, stop } = await startClientsNetwork(["--batch-size", "10"])));
  after(async () => await stop());

  async function example(name: string, more: Record<string, string> = {}): Promise<string> {
    const file = path.join(ROOT, "examples", name);
    const env = { ...process.env, BASE_URL: `${net.routerUrl}/v1`, API_KEY: apiKey, ...more };
    const [program, ...args] = name.endsWith(".sh") ? ["sh", file] : [process.execPath, file];
    const { stdout } = await run(program, args, { cwd: ROOT, env, timeout: 120_000 });
    return stdout;
  }

  it("curl.sh gets a verified answer", async () => {
    const reply = JSON.parse(await example("curl.sh")) as {
      choices: { message: { content: string } }[];
      verification: { verdict: string };
    };
    expect(reply.choices[0]!.message.content).to.include("Lima");
    expect(reply.verification.verdict).to.equal("accepted");
  });

  it("openai.ts streams, and learns that it is verified", async () => {
    expect(await example("openai.ts")).to.match(/Lima[^]*verified: task \d+/);
  });

  it("batch.ts gets all answers in order, from several committees", async () => {
    const lines = (await example("batch.ts")).trim().split("\n");
    expect(lines).to.have.length(21);
    const capitals = ["Lima", "Rome", "Madrid", "Tokyo", "Paris"];
    lines.slice(0, 20).forEach((line, i) => expect(line).to.include(capitals[Math.floor(i / 4)]));
    expect(Number(lines[20]!.split(" ")[0])).to.be.at.least(2);
  });

  it("wallet.ts and sealed.ts need no router", async () => {
    const wallet = account(ACCOUNTS.client + 41);
    const funder = account(ACCOUNTS.deployer, net.provider);
    await (
      await contractOf(net.setting.record, "COR", funder)
        .getFunction("transfer")
        .send(wallet.address, 10n ** 21n)
    ).wait();
    await (await funder.sendTransaction({ to: wallet.address, value: 10n ** 18n })).wait();
    await net.router.stop();
    const env = { RPC_URL: net.rpc, DEPLOYMENT: path.join(path.dirname(net.router.logFile), "deployment.json") };
    const confirmed = (text: string) => {
      expect(text).to.include("Lima").and.not.include("✘");
      expect(text.match(/✔/g)).to.have.length(5);
    };
    const client = account(ACCOUNTS.client, net.provider);
    confirmed(await example("sealed.ts", { ...env, PRIVATE_KEY: client.privateKey, SESSION: String(net.setting.session) }));
    // The network's own session gives its nodes back, so that another one can lease them.
    const sessions = contractOf(net.setting.record, "Session", client);
    await (await sessions.getFunction("endLease").send(net.setting.session)).wait();
    await delay(3_000);
    confirmed(await example("wallet.ts", { ...env, PRIVATE_KEY: wallet.privateKey }));
  });
});
