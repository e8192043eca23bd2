import { expect } from "chai";
import type { Browser } from "playwright-core";
import { buildPage, launch, openPage } from "./browser.ts";
import type { IndexServer } from "./indexServer.ts";
import { roundsScene } from "./roundsScene.ts";
import { settled } from "./views.ts";

describe("Rounds of the real contracts on the page", function () {
  this.timeout(180_000);
  let scene: IndexServer;
  let browser: Browser;

  before(async function () {
    buildPage(this);
    scene = await roundsScene();
    browser = await launch();
  });

  after(async () => {
    await browser?.close();
    await scene?.close();
  });

  it("are virtual blocks: phases, members, what each did, and how it ended", async () => {
    const { context, page, complaints } = await openPage(browser, [new URL(scene.base).host]);
    await page.goto(`${scene.base}/#/rounds`);
    await settled(page);
    const block = (round: number) => page.locator("section", { has: page.getByRole("heading", { name: `Round ${round}`, exact: true }) });
    const results = async (round: number) => await block(round).locator("tbody tr td:last-child").allInnerTexts();
    const ended = async (round: number) => await block(round).locator("header .status").innerText();
    expect(await page.locator("section h2").allInnerTexts()).to.deep.equal(["Round 5", "Round 4", "Round 3", "Round 2", "Round 1"]);
    expect(await Promise.all([5, 4, 3, 2, 1].map(ended))).to.deep.equal(["running", "no creator", "judged", "judged", "judged"]);
    expect(await results(5)).to.deep.equal(["waiting", "waiting", "waiting"]);
    expect(await results(2)).to.deep.equal(["agreed, the medoid", "agreed", "outlier"]);
    expect(await results(3)).to.deep.equal(["agreed, the medoid", "agreed", "agreed", "opened", "opened"]);
    const [first] = await block(3).locator("tbody tr").allInnerTexts();
    expect(first).to.match(/8 of 10/);
    expect(await block(5).locator(".timeline li.done b").allInnerTexts()).to.deep.equal(["Request", "Create", "Prepare", "Commit"]);
    expect(await block(5).locator(".timeline").innerText()).to.include("2 of 3");
    expect(complaints).to.deep.equal([]);
    await context.close();
  });

  it("leave the leaderboard to rank node images by what their nodes did", async () => {
    const { context, page } = await openPage(browser, [new URL(scene.base).host]);
    await page.goto(`${scene.base}/#/leaderboard`);
    await settled(page);
    const images = page.getByRole("region", { name: "Node images" }).locator("tbody tr");
    expect(await images.count()).to.equal(2);
    expect(await images.first().innerText()).to.match(/node-1\.4\s+3\s/);
    await context.close();
  });
});
