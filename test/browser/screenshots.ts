// Screenshots of every view, two widths, both themes: npm run screenshots [-- --url http://127.0.0.1:8080] [--out docs/screenshots/all]
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command } from "commander";
import { parseEther, sha256, toUtf8Bytes } from "ethers";
import type { Page } from "playwright-core";
import { account, ACCOUNTS } from "../../scripts/localnet/accounts.ts";
import { type Localnet, startLocalnet } from "../../scripts/localnet/network.ts";
import { contractOf } from "../../scripts/localnet/setUp.ts";
import { CHROMIUM, launch, missingBrowser, openPage, WIDTHS } from "./browser.ts";
import { roundsScene } from "./roundsScene.ts";
import { settled, viewsOf } from "./views.ts";

const { url, out, only } = new Command("npm run screenshots --")
  .description("Takes pictures of every view at two widths in both themes.")
  .option("--url <address>", "of a router that runs; without it, a local network is started and asked a few questions")
  .option("--out <folder>", "where to put them", "cache/screenshots")
  .option("--only <view>", "one view alone")
  .parse()
  .opts<{ url?: string; out: string; only?: string }>();

const missing = missingBrowser();
if (missing !== undefined) {
  process.stderr.write(`screenshots: ${missing}\n`);
  process.exit(1);
}
process.stderr.write(`with ${CHROMIUM} into ${out}\n`);

async function ask(base: string, question: string): Promise<void> {
  const body = JSON.stringify({ model: "toy-world-f16", messages: [{ role: "user", content: question }], max_tokens: 64 });
  for (let tries = 0; tries < 20; tries++) {
    const { ok } = await fetch(`${base}/v1/chat/completions`, { method: "POST", body, headers: { "content-type": "application/json" } });
    if (ok) return;
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

interface Brief {
  id: string;
  settled_in: string | null;
  redundancy: number;
  outcomes: { accepted: number }[];
}

/** Publishes an image that two of the nodes declare, so that there is one to be ranked. */
async function publishImage({ setting, provider }: Localnet): Promise<void> {
  const image = sha256(toUtf8Bytes("a node image"));
  const contract = (name: "COR" | "ImageRegistry", by: number) => contractOf(setting.record, name, account(by, provider));
  const send = async (by: number, name: "COR" | "ImageRegistry", method: string, ...args: unknown[]) =>
    await (
      await contract(name, by)
        .getFunction(method)
        .send(...args)
    ).wait();
  await send(ACCOUNTS.deployer, "COR", "approve", setting.record.addresses.ImageRegistry, parseEther("10000"));
  await send(ACCOUNTS.deployer, "ImageRegistry", "publish", image, 0, "https://images.example/node-0.1");
  for (const node of [1, 2]) await send(ACCOUNTS.firstOwner + node - 1, "ImageRegistry", "declare", node, image);
}

/** A task that shows what the network is for: accepted, though one of its committee answered something else. */
async function telling(base: string): Promise<Brief | undefined> {
  const { tasks } = (await (await fetch(`${base}/index/tasks?limit=50&status=2`)).json()) as { tasks: Brief[] };
  const agreed = ({ outcomes }: Brief) => outcomes[0]!.accepted.toString(2).replaceAll("0", "").length;
  return tasks.find((task) => agreed(task) < task.redundancy) ?? tasks[0];
}

/** What a visitor would do first. */
const ACTS: Record<string, (page: Page) => Promise<void>> = {
  chat: async (page) => {
    await page.locator(".suggest button").first().click();
    await page.locator(".answered.verified").waitFor({ timeout: 60_000 });
  },
  task: async (page) => {
    await page.getByRole("button", { name: "Verify in my browser" }).click();
    await page.locator(".verdict").waitFor({ timeout: 60_000 });
  },
};

const folder = mkdtempSync(path.join(tmpdir(), "corroborate-pictures-"));
const net = url === undefined ? await startLocalnet({ folder, nodes: 4, rpcPort: 14_545, routerPort: 14_600, poison: 4 }) : undefined;
// Rounds take long where real models answer: these are the real contracts', played by a script.
const scene = url === undefined ? await roundsScene() : undefined;
try {
  const base = net?.routerUrl ?? url!;
  if (net !== undefined) {
    await publishImage(net);
    for (const country of ["France", "Peru", "Japan", "Kenya", "Norway", "Chile"]) await ask(base, `What is the capital of ${country}?`);
  }
  const shown = await telling(base);
  const views = Object.entries(viewsOf(shown?.id ?? "0", shown?.settled_in ?? undefined)).filter(
    ([name]) => only === undefined || only === name,
  );
  const browser = await launch();
  mkdirSync(out, { recursive: true });
  for (const [width, viewport] of Object.entries(WIDTHS))
    for (const colorScheme of ["light", "dark"] as const) {
      const { context, page } = await openPage(browser, [], { viewport, colorScheme });
      for (const [name, hash] of views) {
        const from = name === "rounds" ? (scene?.base ?? base) : base;
        await page.goto(`${from}/${hash}`);
        await settled(page);
        if (net !== undefined) await ACTS[name]?.(page);
        // The head of the page stands where the window is.
        await page.evaluate(() => scrollTo(0, 0));
        await page.screenshot({ path: path.join(out, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      }
      await context.close();
    }
  await browser.close();
} finally {
  await scene?.close();
  await net?.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
