// Screenshots of every view, two widths, both themes: npm run screenshots [-- --url http://127.0.0.1:8080] [--out docs/screenshots/all]
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Command } from "commander";
import { startLocalnet } from "../../scripts/localnet/network.ts";
import { CHROMIUM, launch, missingBrowser, openPage, WIDTHS } from "./browser.ts";
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

const folder = mkdtempSync(path.join(tmpdir(), "corroborate-pictures-"));
const net = url === undefined ? await startLocalnet({ folder, nodes: 4, rpcPort: 24_545, routerPort: 24_600, poison: 4 }) : undefined;
try {
  const base = net?.routerUrl ?? url!;
  if (net !== undefined)
    for (const country of ["France", "Peru", "Japan", "Kenya", "Norway", "Chile"]) await ask(base, `What is the capital of ${country}?`);
  const { tasks } = (await (await fetch(`${base}/index/tasks?limit=1`)).json()) as { tasks: { id: string }[] };
  const browser = await launch();
  mkdirSync(out, { recursive: true });
  for (const [width, viewport] of Object.entries(WIDTHS))
    for (const colorScheme of ["light", "dark"] as const) {
      const { context, page } = await openPage(browser, [], { viewport, colorScheme });
      for (const [name, hash] of Object.entries(viewsOf(tasks[0]?.id ?? "0"))) {
        if (only !== undefined && only !== name) continue;
        await page.goto(`${base}/${hash}`);
        await settled(page);
        await page.screenshot({ path: path.join(out, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      }
      await context.close();
    }
  await browser.close();
} finally {
  await net?.stop();
  rmSync(folder, { recursive: true, force: true });
}
process.exit();
