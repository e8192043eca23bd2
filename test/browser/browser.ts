import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { expect } from "chai";
import { type Browser, type BrowserContext, chromium, type Page } from "playwright-core";

/** Debian's Chromium, or what CHROMIUM names. */
export const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const MORE = ["--disable-component-update", "--disable-sync", "--disable-dev-shm-usage"];

/** Whether a browser is here; why not, otherwise. */
export const missingBrowser = (): string | undefined =>
  existsSync(CHROMIUM) ? undefined : `found no Chromium at ${CHROMIUM}, wanted one: apt-get install chromium, or name one in CHROMIUM`;

/** Builds the page; without a browser leaves the suite out, which CI never does. */
export function buildPage(suite: Mocha.Context): void {
  const missing = missingBrowser();
  if (missing !== undefined) {
    if (process.env["CI"] !== undefined) throw new Error(missing);
    process.stdout.write(`    left out: ${missing}\n`);
    suite.skip();
  }
  const built = spawnSync(process.execPath, ["scripts/buildDashboard.mjs"], { encoding: "utf8" });
  expect(built.status, built.stderr).to.equal(0);
}

export async function launch(): Promise<Browser> {
  return await chromium.launch({ executablePath: CHROMIUM, args: [...FLAGS, ...MORE], headless: true });
}

export const WIDTHS = { desktop: { width: 1360, height: 900 }, phone: { width: 390, height: 844 } } as const;

/** A page that fails the test on anything the console complains about, and on requests to other hosts than the given. */
export async function openPage(
  browser: Browser,
  hosts: string[],
  options: Parameters<Browser["newContext"]>[0] = {},
): Promise<{ context: BrowserContext; page: Page; complaints: string[] }> {
  const context = await browser.newContext({ viewport: WIDTHS.desktop, locale: "en-GB", timezoneId: "UTC", ...options });
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on("console", (message) => {
    if (message.type() === "error" || /Content Security Policy/i.test(message.text())) complaints.push(message.text());
  });
  page.on("pageerror", (error) => complaints.push(error.message));
  page.on("request", (request) => {
    const { protocol, host } = new URL(request.url());
    if (/^(https?|wss?):$/.test(protocol) && !hosts.includes(host)) complaints.push(`asked another host: ${request.url()}`);
  });
  page.on("dialog", (dialog) => {
    complaints.push(`a dialog opened: ${dialog.message()}`);
    void dialog.dismiss();
  });
  return { context, page, complaints };
}

/** Puts an EIP-6963 wallet into a page: an account of the local chain, whose node signs for it. */
export async function addWallet(page: Page, rpc: string, account: string, name = "Test wallet"): Promise<void> {
  await page.addInitScript(
    ({ rpc, account, name }) => {
      const call = async (method: string, params: unknown[] = []) => {
        const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method, params });
        const response = await fetch(rpc, { method: "POST", body, headers: { "content-type": "application/json" } });
        const answer = (await response.json()) as { result?: unknown; error?: { message: string; code: number } };
        if (answer.error !== undefined) throw Object.assign(new Error(answer.error.message), { code: answer.error.code });
        return answer.result;
      };
      const provider = {
        request: async ({ method, params }: { method: string; params?: unknown[] }) =>
          method === "eth_requestAccounts" || method === "eth_accounts" ? [account] : await call(method, params),
        on: () => undefined,
        removeListener: () => undefined,
      };
      const info = { uuid: "7f3c5b0e-0000-4000-8000-000000000001", name, icon: "data:image/svg+xml,<svg/>", rdns: "example.test" };
      const window = globalThis as unknown as EventTarget;
      const announce = () =>
        window.dispatchEvent(new CustomEvent("eip6963:announceProvider", { detail: Object.freeze({ info, provider }) }));
      window.addEventListener("eip6963:requestProvider", announce);
      announce();
    },
    { rpc, account, name },
  );
}
