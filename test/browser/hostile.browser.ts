import { expect } from "chai";
import type { FastifyInstance } from "fastify";
import { sha256 } from "ethers";
import type { Browser } from "playwright-core";
import { SyntheticChain } from "../../bench/syntheticChain.ts";
import { type IndexServer, serveIndex } from "./indexServer.ts";
import { buildPage, launch, openPage } from "./browser.ts";
import { settled, viewsOf } from "./views.ts";

const SCRIPT = `"><script>window.owned=1</script><img src=x onerror="window.owned=1"><svg onload=window.owned=1>`;
const ANSI = "\u001b[31mred\u001b[0m\u0007\u0000";
const TURNED = "\u202egnp.exe\u2066\u200f\u061c";
const HOSTILE = `${SCRIPT}${ANSI}${TURNED}javascript:window.owned=1`;
const LARGE = HOSTILE + "x".repeat(1_000_000);
/** What must not reach the page as it is: characters that act. */
// eslint-disable-next-line no-control-regex -- these are what is looked for.
const ACTING = /[\u0000-\u0008\u000b-\u001f\u007f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/;

describe("Strangers' text on the page", function () {
  this.timeout(90_000);
  let browser: Browser;
  let served: IndexServer;
  let base: string;
  let task: string;

  before(async function () {
    buildPage(this);
    const manifest = Buffer.from(JSON.stringify({ v: 1, prompts: [{ messages: [{ role: "user", content: LARGE }] }] }));
    const answer = Buffer.from(LARGE);
    const words = {
      endpoint: HOSTILE,
      router: LARGE,
      model: HOSTILE,
      quantisation: HOSTILE,
      manifest: sha256(manifest),
      answer: sha256(answer),
      said: LARGE,
    };
    const chain = new SyntheticChain({ nodes: 6, sessions: 1, tasksPerBlock: 1, words });
    chain.addTasks(3);
    const contents = new Map([manifest, answer].map((bytes) => [sha256(bytes), bytes]));
    const routes = (server: FastifyInstance) => {
      server.get<{ Params: { cid: string } }>("/content/:cid", async (request, reply) => {
        const { digestOfCid } = await import("../../offchain/content/contentId.ts");
        // As a hostile server would: markup by its type too.
        return await reply.type("text/html").send(contents.get(digestOfCid(request.params.cid)));
      });
      server.post(
        "/v1/chat/completions",
        async (_request, reply) =>
          await reply.code(400).send({ error: { code: HOSTILE, message: LARGE, retryable: false, task_id: null } }),
      );
      server.get("/v1/models", () => ({ data: [{ id: HOSTILE, kind: "generation" }] }));
    };
    const host = { router: HOSTILE, session: 1, model: HOSTILE };
    served = await serveIndex({ endpoint: chain.endpoint, deployment: chain.deployment, standing: { fault: HOSTILE }, host, routes });
    ({ base } = served);
    task = served.queries.tasks({ limit: 1 }).tasks[0]!.id;
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    await served?.close();
  });

  it("is inert in every view: no script runs, nothing is fetched, no character acts, a megabyte does not flood the page", async () => {
    const { context, page, complaints } = await openPage(browser, [new URL(base).host]);
    const views = viewsOf(task);
    for (const [name, hash] of Object.entries({
      ...views,
      hostile: `#/tasks/${encodeURIComponent(HOSTILE)}`,
      transaction: `#/transactions/${encodeURIComponent(HOSTILE)}`,
    })) {
      await page.goto(`${base}/${hash}`);
      await settled(page);
      if (name === "task") await page.getByText("more characters").first().waitFor();
      const found = await page.evaluate(() => ({
        owned: (window as unknown as { owned?: number }).owned,
        text: document.body.innerText,
        scripts: document.querySelectorAll("main script, main img, main iframe, main object").length,
        links: [...document.querySelectorAll("a")].map((link) => link.getAttribute("href") ?? "").filter((to) => !to.startsWith("#")),
      }));
      expect(found.owned, name).to.equal(undefined);
      expect(found.scripts, name).to.equal(0);
      expect(found.links, name).to.deep.equal([]);
      expect(ACTING.test(found.text.replaceAll("\n", "").replaceAll("\t", "")), `${name} shows a character that acts`).to.equal(false);
      expect(found.text.length, name).to.be.lessThan(40_000);
    }
    await page.goto(`${base}/#/nodes/1`);
    await page.getByText("<script>window.owned=1</script>").first().waitFor();
    expect(complaints.filter((text) => !/400 \(Bad Request\)|404 \(Not Found\)|ERR_UNSAFE_PORT|ERR_CONNECTION/.test(text))).to.deep.equal(
      [],
    );
    await context.close();
  });

  it("in a router's refusal stays text", async () => {
    const { context, page } = await openPage(browser, [new URL(base).host]);
    await page.goto(`${base}/#/chat`);
    await page.getByLabel("Your question").fill(SCRIPT);
    await page.keyboard.press("Enter");
    await page.locator(".turn .fault").waitFor();
    expect(await page.evaluate(() => (window as unknown as { owned?: number }).owned)).to.equal(undefined);
    expect((await page.locator(".turn .fault").innerText()).length).to.be.lessThan(400);
    await context.close();
  });
});
