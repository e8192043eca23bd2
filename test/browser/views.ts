import type { Page } from "playwright-core";

const NO_HASH = `0x${"0".repeat(64)}`;

/** Every view of the page, with one thing of each kind that the network has. */
export const viewsOf = (task: string, transaction = NO_HASH) =>
  ({
    overview: "#/",
    chat: "#/chat",
    tasks: "#/tasks",
    task: `#/tasks/${task}`,
    sessions: "#/sessions",
    session: "#/sessions/1",
    nodes: "#/nodes",
    node: "#/nodes/2",
    leaderboard: "#/leaderboard",
    rounds: "#/rounds",
    governance: "#/governance",
    transaction: `#/transactions/${transaction}`,
    missing: "#/nowhere",
  }) as const;

/** Waits until nothing on the page is loading. */
export async function settled(page: Page): Promise<void> {
  await page.waitForSelector("main h1, main .empty, main .failure");
  await page.waitForFunction(() => document.querySelector("main .loading") === null);
  await page.waitForTimeout(150);
}
