import { mkdirSync } from "node:fs";
import { buffer } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { sampleFiles } from "../src/cli/sample-files.ts";
import { openBrowser } from "./support/browser.ts";
import { findChromium } from "./support/chromium.ts";
import { openStory, STORY_TOKEN } from "./support/story.ts";

/** Takes the pictures of docs/images anew, of a relay that has done some work: `npm run images`. */
const IMAGES = fileURLToPath(new URL("../docs/images/", import.meta.url));
const PATIENCE_MS = 120_000;
const LOOK_EVERY_MS = 500;

if (findChromium() === undefined) throw new Error("there is no Chromium on this machine");
mkdirSync(IMAGES, { recursive: true });
// With its ledger in the story's own folder, which goes with it.
const story = await openStory({ DATABASE_URL: "pglite:data" }, { dify: { workMs: 900 } });
const browser = await openBrowser();
try {
  await story.start();
  const untilEnded = async (count: number): Promise<void> => {
    const deadlineMs = Date.now() + PATIENCE_MS;
    for (;;) {
      const ended = (await story.runs()).filter(({ status }) => status === "delivered" || status === "failed");
      if (ended.length === count) return;
      if (Date.now() > deadlineMs) throw new Error(`${ended.length} of ${count} runs ended in time`);
      await delay(LOOK_EVERY_MS);
    }
  };
  const files = sampleFiles();
  for (const { name, open } of files) {
    await story.fastio.dropFile({ folder: "/Inbox", name, content: await buffer(open()) });
  }
  await untilEnded(files.length);
  story.dify.addFault({ action: { kind: "node_failure", message: "the model of this node was retired" } });
  await story.fastio.dropFile({ folder: "/Inbox", name: "contract-2026-118.txt", content: "Between Anna and Bert.\n" });
  await untilEnded(files.length + 1);

  const context = await browser.newContext({ viewport: { width: 1180, height: 820 }, colorScheme: "light" });
  const page = await context.newPage();
  const take = async (name: string, path: string, heading?: string): Promise<void> => {
    await page.goto(story.relayUrl + path);
    await page.getByText("live", { exact: true }).first().waitFor();
    if (heading !== undefined) {
      const title = JSON.stringify(heading);
      await page.evaluate(
        `[...document.querySelectorAll("h2")].find((h) => h.textContent === ${title}).scrollIntoView()`,
      );
    }
    await page.screenshot({ path: `${IMAGES}${name}.png` });
    console.log(`docs/images/${name}.png  ${path}`);
  };
  await page.goto(`${story.relayUrl}/?token=${STORY_TOKEN}`);
  const told = await story.runs();
  const idOf = (file: string): string => told.find((run) => run.file === file)?.id ?? "";
  await take("overview", "/");
  await take("runs", "/runs");
  await take("run", `/runs/${idOf("sales-2026-q3.csv")}`, "Timeline");
  await take("failed-run", `/runs/${idOf("contract-2026-118.txt")}`);
  await page.setViewportSize({ width: 390, height: 844 });
  await page.emulateMedia({ colorScheme: "dark" });
  await take("phone", `/runs/${idOf("sales-2026-q3.csv")}`);
} finally {
  await browser.close();
  await story.end();
}
