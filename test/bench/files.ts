import { setTimeout as delay } from "node:timers/promises";
import type { BackendName } from "../support/backends.ts";
import { openStory } from "../support/story.ts";
import type { BenchContext, Part, Row } from "./frame/part.ts";

const LOOK_EVERY_MS = 250;
const PATIENCE_MS = 900_000;

export const files: Part = {
  name: "files",
  description:
    "Files dropped at once on each store, and more than twice as many on the fastest without any webhook: how long until each is a share, with a Dify that works 20 ms. Nothing may be lost or doubled.",
  minutes: 3,
  sizeIs: "files",
  run: async (context) => {
    const count = context.size({ normal: 200, quick: 20 });
    const rows: Row[] = [];
    for (const store of context.stores) rows.push(await deliver(context, store, count, true));
    rows.push(await deliver(context, context.stores.at(-1) ?? "pglite", Math.round(2.5 * count), false));
    return rows;
  },
};

async function deliver(
  { say, fault, openStore }: BenchContext,
  store: BackendName,
  count: number,
  webhooks: boolean,
): Promise<Row> {
  const what = `${count} files ${webhooks ? "at once" : "without a webhook"}, ${store}`;
  say(what);
  const backend = await openStore(store);
  try {
    const story = await openStory({ ...backend.environment, DIFY_PARALLEL: "24" }, { dify: { workMs: 20 } });
    try {
      if (!webhooks) story.fastio.addFault({ times: 0, action: { kind: "webhook_drop" } });
      await story.start();
      const startedMs = Date.now();
      const drops = Array.from({ length: count }, (_, file) =>
        story.fastio.dropFile({ folder: "/Inbox", name: `note-${file}.txt`, content: `note number ${file}\n` }),
      );
      await Promise.all(drops);
      let delivered = 0;
      while (delivered < count && Date.now() - startedMs < PATIENCE_MS) {
        await delay(LOOK_EVERY_MS);
        // The emulators' books are read for nothing; asking the relay again and again would slow it down.
        if (story.fastio.books().shares.length < count) continue;
        delivered = (await story.allRuns()).filter(({ status }) => status === "delivered").length;
      }
      const seconds = (Date.now() - startedMs) / 1_000;
      const runs = story.dify.books().runs.length;
      const shares = story.fastio.books().shares.length;
      if (delivered !== count || runs !== count || shares !== count)
        fault(`${what}: ${delivered} delivered, ${runs} workflow runs, ${shares} shares`);
      return { what: `${what}: all delivered after`, value: seconds, unit: "s" };
    } finally {
      await story.end();
    }
  } finally {
    await backend.drop();
  }
}
