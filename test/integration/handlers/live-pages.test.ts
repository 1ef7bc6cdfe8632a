import { eq } from "drizzle-orm";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from "vitest";
import { runs } from "../../../src/ledger/schema.ts";
import { openBrowser, openPage } from "../../support/browser.ts";
import { findChromium } from "../../support/chromium.ts";
import { createRuns } from "../../support/create-runs.ts";
import { SOON } from "../../support/soon.ts";
import { runNamed } from "../ledger/intakes.ts";
import { OPERATOR, openReceiver, type Receiver, ROLE_TOKENS } from "./open-receiver.ts";

describe.runIf(findChromium() !== undefined)("in Chromium", () => {
  let browser: Browser;
  let receiver: Receiver;
  const db = () => receiver.ledger.db;

  beforeAll(async () => {
    receiver = await openReceiver(ROLE_TOKENS);
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await receiver?.close();
  });

  const given = (...ids: readonly string[]) =>
    createRuns(
      db(),
      "ev-none",
      ids.map((id) => runNamed(id, { fileName: `${id}.csv`, createdAtMs: Date.now(), updatedAtMs: Date.now() })),
      { status: "routed", reasons: {} },
      Date.now(),
    );
  const isLive = (page: Page) =>
    page
      .getByRole("status")
      .filter({ hasText: /^live$/ })
      .waitFor();

  test("somebody logs in with the keyboard alone, lands where they wanted to, and logs out again", async () => {
    const { page, complaints } = await openPage(browser);
    await page.goto(`${receiver.url}/rules`);
    expect(new URL(page.url()).pathname).toBe("/login");
    // The field has the focus.
    await page.keyboard.type("wrong-token-0123456789");
    await page.keyboard.press("Enter");
    await page.getByRole("alert").waitFor();
    await page.keyboard.type(OPERATOR);
    await page.keyboard.press("Tab");
    await page.keyboard.type("Anna");
    await page.keyboard.press("Enter");
    await page.waitForURL(`${receiver.url}/rules`);
    expect(await page.getByText("operator Anna").count()).toBe(1);
    expect(await page.evaluate("document.cookie")).toBe("");
    // The first stop of the keyboard leads past the header.
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    expect(await page.evaluate("document.activeElement.id")).toBe("main");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.goto(`${receiver.url}/rules`);
    expect(new URL(page.url()).pathname).toBe("/login");
    // The answer to the wrong token is the one that may be told in the console.
    expect(complaints.filter((complaint) => !complaint.includes("401"))).toEqual([]);
  });

  test("a run's page follows the run; focus, what is unfolded and what is being written stay", async () => {
    await given("followed");
    const { page, complaints } = await openPage(browser);
    await page.goto(`${receiver.url}/runs/followed?token=${OPERATOR}`);
    await isLive(page);
    const cancel = page.locator("summary", { hasText: "Cancel" }).first();
    await cancel.click();
    await page.locator("details[open] input").first().fill("because");
    await db().update(runs).set({ status: "running", updatedAtMs: Date.now() }).where(eq(runs.id, "followed"));
    await page.locator("#run-facts .status.running").waitFor();
    expect(await page.locator("details[open] input").first().inputValue()).toBe("because");
    expect(await page.evaluate("document.activeElement.nodeName")).toBe("INPUT");
    expect(complaints).toEqual([]);
  });

  test("a new run comes to the top of the list, and the focus stays with the run it was on", async () => {
    await given("older");
    const { page, complaints } = await openPage(browser);
    await page.goto(`${receiver.url}/runs?token=${OPERATOR}`);
    await isLive(page);
    await page.getByRole("link", { name: "older.csv" }).focus();
    await given("newer");
    await page.getByRole("link", { name: "newer.csv" }).waitFor();
    const focused = () => page.evaluate("document.activeElement.textContent");
    expect(await focused()).toBe("older.csv");
    await db().delete(runs).where(eq(runs.id, "newer"));
    await db().update(runs).set({ status: "delivered", updatedAtMs: Date.now() }).where(eq(runs.id, "older"));
    await page.getByRole("link", { name: "newer.csv" }).waitFor({ state: "detached" });
    expect(await focused()).toBe("older.csv");
    expect(complaints).toEqual([]);
  });

  test("the header says so when nothing is heard any more, and again when it is", async () => {
    const { page } = await openPage(browser);
    await page.goto(`${receiver.url}/?token=${OPERATOR}`);
    await isLive(page);
    await page.context().setOffline(true);
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))"); // begins anew
    await page.getByRole("status").filter({ hasText: "not live" }).waitFor();
    await page.context().setOffline(false);
    await isLive(page);
  });

  test("the header says so when the login has ended", async () => {
    const { page } = await openPage(browser);
    await page.goto(`${receiver.url}/?token=${OPERATOR}`);
    await isLive(page);
    await page.context().clearCookies();
    await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
    await page.getByRole("status").filter({ hasText: "not live: log in again" }).waitFor();
  });

  test("without JavaScript the pages are whole", async () => {
    await given("plain");
    const context = await browser.newContext({ javaScriptEnabled: false });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    await page.goto(`${receiver.url}/runs?token=${OPERATOR}`);
    await page.getByRole("link", { name: "plain.csv" }).click();
    await vi.waitFor(async () => expect(await page.textContent("h1")).toBe("plain.csv"), SOON);
    expect(await page.textContent("#live-status")).toBe("");
  });
});
