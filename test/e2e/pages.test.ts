import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { openBackend, type TestBackend } from "../support/backends.ts";
import { openBrowser, openPage } from "../support/browser.ts";
import { findChromium } from "../support/chromium.ts";
import { openStory, STORY_TOKEN, type Story } from "../support/story.ts";

/** Each hint is put into its field as text, whose width is known. */
const CUT_HINTS = `[...document.querySelectorAll("input[placeholder]")].filter((field) => {
  field.value = field.placeholder;
  return field.scrollWidth > field.clientWidth;
}).map((field) => field.placeholder)`;

describe.runIf(findChromium() !== undefined)("in Chromium", () => {
  let browser: Browser;
  let backend: TestBackend;
  let story: Story;

  beforeAll(async () => {
    backend = await openBackend("pglite", inject("postgresUrl"));
    story = await openStory(backend.environment);
    await story.start();
    await story.fastio.dropFile({
      folder: "/Inbox",
      name: "people.csv",
      content: "name,city\n Ada ,London\n Ada ,London\n",
    });
    await story.fastio.dropFile({ folder: "/Inbox", name: "<img src=x onerror=alert(1)>.txt", content: "hostile\n" });
    await story.untilDelivered(2);
    browser = await openBrowser();
  });
  afterAll(async () => {
    await browser?.close();
    await story?.end();
    await backend?.drop();
  });

  test("a link with the token opens the pages, and the token leaves the address", async () => {
    const page = await browser.newPage();
    await page.goto(`${story.relayUrl}/?token=${STORY_TOKEN}`);
    expect(page.url()).toBe(`${story.relayUrl}/`);
    expect(await page.textContent("h1")).toBe("Overview");
    await page.close();
  });

  test("a file is found, its story read, and its share opened with the cleaned table in it", async () => {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
    await page.goto(`${story.relayUrl}/runs?token=${STORY_TOKEN}`);
    await page.click("text=people.csv");
    expect(await page.textContent(".status")).toBe("delivered");
    expect(await page.locator("ul li").allTextContents()).toContainEqual(expect.stringContaining("cleaned.csv"));
    await page.getByRole("link", { name: /^open / }).click();
    expect(await page.textContent("h1")).toBe("Results for people.csv");
    const download = await Promise.all([page.waitForEvent("download"), page.click("text=cleaned.csv")]);
    const stream = await download[0].createReadStream();
    const chunks: Buffer[] = [];
    for await (const chunk of stream) chunks.push(chunk as Buffer);
    expect(Buffer.concat(chunks).toString().replaceAll("\r\n", "\n")).toBe("name,city\nAda,London\n");
    expect(complaints).toEqual([]);
    await page.close();
  });

  test("a hostile file name is text and nothing else", async () => {
    const page = await browser.newPage();
    let alerted = false;
    page.on("dialog", async (dialog) => {
      alerted = true;
      await dialog.dismiss();
    });
    await page.goto(`${story.relayUrl}/runs?token=${STORY_TOKEN}`);
    expect(await page.textContent("tbody")).toContain("<img src=x onerror=alert(1)>.txt");
    expect(await page.locator("tbody img").count()).toBe(0);
    expect(alerted).toBe(false);
    await page.close();
  });

  test("no page is wider than its window, whatever word an error has", async () => {
    story.dify.addFault({ action: { kind: "node_failure", message: `lost ${"x".repeat(2_000)}` } });
    await story.fastio.dropFile({ folder: "/Inbox", name: `${"y".repeat(150)}.txt`, content: "long\n" });
    await expect.poll(async () => (await story.runs()).map(({ status }) => status)).toContain("failed");
    const run = (await story.runs()).find(({ status }) => status === "failed");
    for (const width of [360, 768, 1_440]) {
      const context = await browser.newContext({ viewport: { width, height: 800 } });
      const page = await context.newPage();
      await page.goto(`${story.relayUrl}/?token=${STORY_TOKEN}`);
      for (const path of ["/", "/runs", `/runs/${run?.id}`, "/events"]) {
        await page.goto(story.relayUrl + path);
        const wide = await page.evaluate("document.documentElement.scrollWidth");
        expect(wide, `${path} in a window of ${width}`).toBeLessThanOrEqual(width);
      }
      await context.close();
    }
  });

  test.each([390, 1_280])("no hint is cut at its field in a window of %i", async (width) => {
    const { page } = await openPage(browser, { viewport: { width, height: 800 } });
    await page.goto(`${story.relayUrl}/?token=${STORY_TOKEN}`);
    for (const path of ["/runs?status=failed", "/runs/bulk?status=failed", "/audit"]) {
      await page.goto(story.relayUrl + path);
      expect(await page.locator("input[placeholder]:visible").count()).toBeGreaterThan(2);
      expect(await page.evaluate(CUT_HINTS), path).toEqual([]);
    }
  });

  test("the queues are shown to an operator and to nobody else", async () => {
    const stranger = await browser.newContext();
    const closed = await stranger.newPage();
    await closed.goto(`${story.relayUrl}/queues`);
    expect(closed.url()).toBe(`${story.relayUrl}/login?next=%2Fqueues`);
    await stranger.close();

    const { page, complaints } = await openPage(browser);
    await page.goto(`${story.relayUrl}/queues?token=${STORY_TOKEN}`);
    for (const queue of ["events", "runs", "shares", "upkeep"]) {
      await page.getByRole("link", { name: queue }).first().waitFor();
    }
    await page.getByRole("link", { name: "Back to relay" }).click();
    await page.waitForURL(`${story.relayUrl}/`);
    expect(complaints).toEqual([]);
  });
});
