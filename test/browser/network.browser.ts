import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { randomInt } from "node:crypto";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect } from "chai";
import { parseEther } from "ethers";
import type { Browser, Page } from "playwright-core";
import { account, ACCOUNTS } from "../../scripts/localnet/accounts.ts";
import { type Localnet, startLocalnet } from "../../scripts/localnet/network.ts";
import { contractOf } from "../../scripts/localnet/setUp.ts";
import { addWallet, buildPage, launch, openPage, WIDTHS } from "./browser.ts";
import { settled, viewsOf } from "./views.ts";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const CLIENT = account(ACCOUNTS.client).address;

interface Violation {
  id: string;
  impact: string;
  nodes: { html: string; failureSummary: string }[];
}

async function seriousFaults(page: Page): Promise<string[]> {
  const { violations } = await page.evaluate<{ violations: Violation[] }>("axe.run(document, { resultTypes: ['violations'] })");
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html.slice(0, 160)} ${nodes[0]?.failureSummary.split("\n").slice(0, 3).join(" ")}`);
}

describe("The dashboard of a running network, in a real browser", function () {
  this.timeout(300_000);
  let net: Localnet;
  let browser: Browser;
  let folder: string;
  let task = "";
  const hosts = () => [new URL(net.routerUrl).host, new URL(net.rpc).host];

  before(async function () {
    // A page is built, contracts are deployed, and six programs start.
    this.timeout(300_000);
    buildPage(this);
    folder = mkdtempSync(path.join(tmpdir(), "corroborate-browser-"));
    const rpcPort = randomInt(12_000, 30_000);
    net = await startLocalnet({ folder, nodes: 4, rpcPort, routerPort: rpcPort + 100 });
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    await net?.stop();
    if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
  });

  it("opens a session, funds it by permit, chats, watches the answer verified, and verifies it in the browser", async () => {
    const { context, page, complaints } = await openPage(browser, hosts());
    await addWallet(page, net.rpc, CLIENT);
    const { setting, provider } = net;
    const token = contractOf(setting.record, "COR", account(ACCOUNTS.deployer, provider));
    await (await token.getFunction("transfer").send(CLIENT, parseEther("500"))).wait();

    await page.goto(`${net.routerUrl}/#/sessions`);
    await page.getByRole("button", { name: "Connect wallet" }).click();
    await page.getByRole("button", { name: "Test wallet" }).click();
    await page.getByLabel("Deposit, COR").fill("120.5");
    await page.getByRole("button", { name: "Open and fund" }).click();
    await page.getByText("Session 2 is open and holds 120.5 COR.").waitFor({ timeout: 60_000 });
    const payment = contractOf(setting.record, "SessionPayment", provider);
    const balance = (await payment.getFunction("balanceOf").staticCall(2)) as { available: bigint };
    expect(balance.available).to.equal(parseEther("120.5"));
    await page.getByRole("link", { name: "See it" }).click();
    await page.getByRole("heading", { name: "Session 2" }).waitFor();
    await page.getByText("120.5").first().waitFor();
    await page.getByRole("button", { name: "Fund by permit" }).click();
    await page.getByText("170.5").first().waitFor({ timeout: 30_000 });

    await page.getByRole("link", { name: "Chat", exact: true }).click();
    await page.getByLabel("Your question").fill("What is the capital of France?");
    await page.keyboard.press("Enter");
    await page.locator(".answered.verified").waitFor({ timeout: 60_000 });
    const turn = page.locator(".turn").last();
    expect(await turn.locator(".answered").innerText()).to.match(/The capital of France is Paris\.\s*verified\s+[23] of 3 nodes agree/);

    await turn.locator(".marks a").last().click();
    await page.getByRole("heading", { name: /^Task/ }).waitFor();
    task = decodeURI(new URL(page.url()).hash).split("/").at(-1)!;
    await page.getByText("The capital of France is Paris.").waitFor();
    await page.getByRole("button", { name: "Verify in my browser" }).click();
    await page.locator(".verdict").waitFor({ timeout: 60_000 });
    expect(await page.locator(".verdict").innerText()).to.match(/^Verified/);
    expect(await page.locator(".checks li.yes").count()).to.equal(5);

    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download audit bundle" }).click(),
    ]);
    const file = path.join(folder, "bundle.json");
    await download.saveAs(file);
    const audit = (name: string) =>
      spawnSync(process.execPath, ["offchain/indexer/auditCommand.ts", "verify", name, "--rpc", net.rpc, "--json"], { encoding: "utf8" });
    const verified = audit(file);
    expect(verified.status, `${verified.stdout}${verified.stderr}`).to.equal(0);
    const bundle = JSON.parse(readFileSync(file, "utf8")) as { findings: { charged: string } };
    const tampered = path.join(folder, "tampered.json");
    writeFileSync(tampered, JSON.stringify({ ...bundle, findings: { ...bundle.findings, charged: "1" } }));
    const refused = audit(tampered);
    expect(refused.status).to.equal(6);
    expect(refused.stderr).to.match(/findings differs: charged of the bundle is "1"/);
    expect(complaints).to.deep.equal([]);
    await context.close();
  });

  it("every view is without serious accessibility faults, in both themes and at both widths, and asks nobody but server and chain", async () => {
    for (const [viewport, colorScheme] of [
      [WIDTHS.desktop, "light"],
      [WIDTHS.phone, "dark"],
    ] as const) {
      const { context, page, complaints } = await openPage(browser, hosts(), { viewport, colorScheme });
      await page.goto(`${net.routerUrl}/`);
      const { queued_in: transaction } = (await (await fetch(`${net.routerUrl}/index/tasks/${task}`)).json()) as { queued_in: string };
      for (const [name, hash] of Object.entries(viewsOf(task, transaction))) {
        await page.evaluate((to) => (location.hash = to), hash);
        await settled(page);
        await page.evaluate(AXE);
        expect(await seriousFaults(page), `${name}, ${colorScheme}`).to.deep.equal([]);
        const wider = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        expect(wider, `${name} is wider than a window of ${viewport.width}`).to.be.at.most(0);
      }
      expect(complaints).to.deep.equal([]);
      await context.close();
    }
  });

  it("its first view loads less than 150 kB of JavaScript, compressed, and neither ethers nor the SDK's proofs", async () => {
    const { context, page } = await openPage(browser, hosts());
    const devtools = await context.newCDPSession(page);
    await devtools.send("Network.enable");
    const scripts = new Map<string, number>();
    devtools.on("Network.responseReceived", ({ requestId, type }) => type === "Script" && scripts.set(requestId, 0));
    devtools.on(
      "Network.loadingFinished",
      ({ requestId, encodedDataLength }) => scripts.has(requestId) && scripts.set(requestId, encodedDataLength),
    );
    await page.goto(net.routerUrl);
    await settled(page);
    await page.locator("canvas").first().waitFor();
    const bytes = [...scripts.values()].reduce((sum, size) => sum + size, 0);
    expect(bytes).to.be.within(10_000, 150_000);
    await context.close();
  });

  it("is used by keyboard alone: skip link, views, a task, its check", async () => {
    const { context, page, complaints } = await openPage(browser, hosts());
    await page.goto(`${net.routerUrl}/#/tasks`);
    await settled(page);
    await page.keyboard.press("Tab");
    expect(await page.evaluate(() => document.activeElement?.textContent)).to.equal("Skip to content");
    await page.keyboard.press("Enter");
    expect(await page.evaluate(() => document.activeElement?.id)).to.equal("main");
    const reach = async (wanted: RegExp) => {
      for (let i = 0; i < 60; i++) {
        await page.keyboard.press("Tab");
        if (wanted.test((await page.evaluate(() => document.activeElement?.textContent)) ?? "")) return;
      }
      expect.fail(`no ${wanted} is reached by Tab`);
    };
    await reach(/^1·\d+$/);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: /^Task/ }).waitFor();
    await page.getByText("The capital of France is Paris.").waitFor();
    await reach(/^Verify in my browser$/);
    await page.keyboard.press("Enter");
    await page.locator(".verdict.yes").waitFor({ timeout: 60_000 });
    expect(complaints).to.deep.equal([]);
    await context.close();
  });

  it("says what is wrong where the server or the chain is away", async () => {
    const { context, page } = await openPage(browser, hosts());
    await page.route(
      "**/index/tasks*",
      async (route) => await route.fulfill({ status: 503, json: { error: { message: "the index is not open yet" } } }),
    );
    await page.goto(`${net.routerUrl}/#/tasks`);
    await page.getByText("the index is not open yet").waitFor();
    await page.unroute("**/index/tasks*");
    await page.getByRole("button", { name: "Try again" }).click();
    await page.locator("tbody tr").first().waitFor();
    await page.route(`${net.rpc}/**`, async (route) => await route.abort());
    await page.evaluate((to) => (location.hash = to), `#/tasks/${task}`);
    await page.getByRole("button", { name: "Verify in my browser" }).click();
    await page.locator(".verify .fault").waitFor({ timeout: 60_000 });
    await context.close();
  });
});
