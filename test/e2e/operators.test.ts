import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { availableBackends, openBackend, type TestBackend } from "../support/backends.ts";
import { openBrowser, openPage, seriousFaults } from "../support/browser.ts";
import { findChromium } from "../support/chromium.ts";
import { openStory, STORY_TOKEN, type Story } from "../support/story.ts";

const VIEWER = "test-viewer-token-0123";
const ADMIN = "test-admin-token-01234";
const MANY = 300;
const BROKEN = "the model of this node was retired";
/** All that the header names, and the pages behind them that are whole without an id. */
const PAGES = [
  "/",
  "/runs",
  "/runs?q=offer",
  "/runs/bulk?action=replay&status=failed",
  "/bulk",
  "/events",
  "/deliveries",
  "/rules",
  "/webhooks",
  "/shares",
  "/alerts",
  "/audit",
];

describe.runIf(findChromium() !== undefined)("an operator, in Chromium", () => {
  let browser: Browser;
  let backend: TestBackend;
  let story: Story;

  beforeAll(async () => {
    const backends = availableBackends({ redisUrl: inject("redisUrl"), postgresUrl: inject("postgresUrl") });
    backend = await openBackend(backends.at(-1) ?? "pglite", inject("postgresUrl"));
    story = await openStory(
      {
        ...backend.environment,
        RELAY_TOKENS: `viewer:${VIEWER},operator:${STORY_TOKEN},admin:${ADMIN}`,
        DIFY_PARALLEL: "20",
      },
      { dify: { workMs: 1 } },
    );
    await story.start();
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await story?.end();
    await backend?.drop();
  });

  const logIn = async (page: Page, token: string, name = ""): Promise<void> => {
    await page.goto(`${story.relayUrl}/login`);
    await page.getByLabel("Token").fill(token);
    await page.getByLabel(/name/i).fill(name);
    await page.getByRole("button", { name: "Log in" }).click();
    await page.waitForURL(`${story.relayUrl}/`);
  };
  const drop = (name: string) => story.fastio.dropFile({ folder: "/Inbox", name, content: `item,price\n${name},1\n` });
  const ended = async (status: string): Promise<number> =>
    (await story.allRuns()).filter((run) => run.status === status).length;

  test("finds a failed file by a part of its name, reads why, has it mended, replays it, watches it being delivered, and opens the share", async () => {
    story.dify.addFault({ times: 0, action: { kind: "node_failure", message: BROKEN } });
    await drop("offer-for-mueller.csv");
    await vi.waitFor(async () => expect(await ended("failed")).toBe(1), { timeout: 90_000, interval: 200 });

    const { page, complaints } = await openPage(browser);
    await logIn(page, STORY_TOKEN, "Anna");
    await page.getByRole("link", { name: "Runs", exact: true }).click();
    await page.getByRole("searchbox").fill("MUELL");
    await page.getByRole("button", { name: "Find" }).first().click();
    await page.getByRole("link", { name: "offer-for-mueller.csv" }).click();
    expect(await page.getByText(BROKEN).count()).toBeGreaterThan(0);
    expect(await page.getByText("publish it, and replay the run").count()).toBeGreaterThan(0);
    const address = page.url();

    story.dify.clearFaults();
    await page.locator("summary", { hasText: "Replay" }).click();
    await page.getByLabel("Reason").first().fill("the model was replaced");
    await page.getByRole("button", { name: "Replay", exact: true }).click();
    await page.waitForURL(address);
    // Nobody loads the page again: it changes by itself.
    await page.locator(".status.delivered").first().waitFor({ timeout: 30_000 });
    await page.getByRole("link", { name: /^open / }).click();
    expect(await page.textContent("h1")).toBe("Results for offer-for-mueller.csv");
    await page.getByText("cleaned.csv").first().waitFor();

    await page.goto(`${story.relayUrl}/audit`);
    const line = page.locator("tr", { hasText: "the model was replaced" });
    expect(await line.first().textContent()).toContain("operator Anna");
    expect(complaints).toEqual([]);
  });

  test(`replays ${MANY} failed runs at once, having seen how many and at what price, and sees each become delivered`, async () => {
    story.dify.addFault({ times: 0, action: { kind: "node_failure", message: BROKEN } });
    await Promise.all(Array.from({ length: MANY }, (_, place) => drop(`bulk-${place}.csv`)));
    await vi.waitFor(async () => expect(await ended("failed")).toBe(MANY), { timeout: 280_000, interval: 1_000 });
    story.dify.clearFaults();

    const { page, complaints } = await openPage(browser);
    await logIn(page, STORY_TOKEN, "Anna");
    await page.goto(`${story.relayUrl}/runs/bulk?action=replay&status=failed&rate=6000`);
    expect(await page.getByRole("heading", { name: new RegExp(`of ${MANY} runs`) }).count()).toBe(1);
    expect(await page.getByText(/workflow runs of/).count()).toBe(1);
    expect(await ended("failed")).toBe(MANY);
    await page.getByLabel("Reason").fill("after the model was replaced");
    await page.getByRole("button", { name: new RegExp(`${MANY} runs`) }).click();
    await page.waitForURL(/\/bulk\//);
    await page.locator(".status.done").first().waitFor({ timeout: 280_000 });
    await vi.waitFor(async () => expect(await ended("delivered")).toBe(MANY + 1), {
      timeout: 280_000,
      interval: 1_000,
    });
    expect(story.fastio.books().shares).toHaveLength(MANY + 1);
    expect(complaints).toEqual([]);
  });

  test("a viewer reads and may do nothing; an operator may not do what is an admin's", async () => {
    const { page } = await openPage(browser);
    await logIn(page, VIEWER);
    await page.goto(`${story.relayUrl}/runs?q=offer`);
    await page.getByRole("link", { name: "offer-for-mueller.csv" }).click();
    expect(await page.locator("form[action*=replay]").count()).toBe(0);
    expect((await page.goto(`${story.relayUrl}/audit`))?.status()).toBe(403);
    expect((await page.goto(`${story.relayUrl}/runs/bulk`))?.status()).toBe(403);
    expect((await page.goto(`${story.relayUrl}/queues`))?.status()).toBe(403);
  });

  test.each([
    ["light, on a desk", { colorScheme: "light", viewport: { width: 1280, height: 900 } }],
    ["dark, on a phone", { colorScheme: "dark", viewport: { width: 390, height: 844 } }],
  ] as const)("axe-core finds no serious fault on any page: %s", async (_, options) => {
    const { page, complaints } = await openPage(browser, options);
    await page.goto(`${story.relayUrl}/login`);
    expect(await seriousFaults(page), "/login").toEqual([]);
    await logIn(page, ADMIN);
    const found: Record<string, readonly string[]> = {};
    const look = async (path: string): Promise<void> => {
      const response = await page.goto(story.relayUrl + path);
      expect(response?.status(), path).toBe(200);
      const faults = await seriousFaults(page);
      if (faults.length > 0) found[path] = faults;
      const width = await page.evaluate("document.documentElement.scrollWidth");
      expect(width, `${path} is wider than its window`).toBeLessThanOrEqual(options.viewport.width);
    };
    for (const path of PAGES) await look(path);
    for (const list of ["/runs", "/events", "/deliveries", "/shares", "/bulk"]) {
      await page.goto(story.relayUrl + list);
      const first = await page.locator(`main td a[href^="${list}/"]`).first().getAttribute("href");
      expect(first, `${list} leads to one`).not.toBeNull();
      await look(first ?? "");
    }
    expect(found).toEqual({});
    expect(complaints).toEqual([]);
  });

  test("who tries out tokens is kept waiting, and a login that stands goes on", async () => {
    const { page: colleague } = await openPage(browser);
    await logIn(colleague, STORY_TOKEN);
    const { page } = await openPage(browser);
    await page.goto(`${story.relayUrl}/login`);
    let status: number | undefined;
    for (let tries = 0; tries < 12 && status !== 429; tries += 1) {
      await page.getByLabel("Token").fill(`guess-number-${tries}-of-many`);
      const [answer] = await Promise.all([
        page.waitForResponse((response) => response.request().method() === "POST"),
        page.getByRole("button", { name: "Log in" }).click(),
      ]);
      status = answer.status();
    }
    expect(status).toBe(429);
    expect((await colleague.goto(`${story.relayUrl}/runs`))?.status()).toBe(200);
  });
});
