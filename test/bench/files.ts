import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { availableBackends, type BackendName, openBackend } from "../support/backends.ts";
import { findPostgres, findRedis } from "../support/find-programs.ts";
import { startPostgresWithLedger } from "../support/made-ledger.ts";
import { openStory } from "../support/story.ts";

const AT_ONCE = 200;
const WITHOUT_WEBHOOKS = 500;
const LOOK_EVERY_MS = 1_000;
const PATIENCE_MS = 900_000;

/**
 * 200 files dropped at once on each store of this machine, and 500 on the last without any webhook: how long it takes
 * until each is a share, and what was lost or doubled. `npm run bench -- files`
 */
export async function benchFiles(): Promise<void> {
  const postgres = findPostgres() ? await startPostgresWithLedger() : undefined;
  try {
    const stores = availableBackends({ postgresUrl: postgres?.url, redisUrl: findRedis() });
    for (const store of stores) await deliver(store, postgres?.url, { files: AT_ONCE, webhooks: true });
    await deliver(stores.at(-1) ?? "pglite", postgres?.url, { files: WITHOUT_WEBHOOKS, webhooks: false });
  } finally {
    await postgres?.stop();
  }
}

async function deliver(
  store: BackendName,
  postgresUrl: string | undefined,
  { files, webhooks }: { readonly files: number; readonly webhooks: boolean },
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "relay-bench-"));
  const backend = store === "pglite" ? undefined : await openBackend(store, postgresUrl);
  const environment = backend?.environment ?? { DATABASE_URL: `pglite:${join(folder, "data")}` };
  const story = await openStory({ ...environment, DIFY_PARALLEL: "24" }, { dify: { workMs: 20 } });
  try {
    if (!webhooks) story.fastio.addFault({ times: 0, action: { kind: "webhook_drop" } });
    await story.start();
    const startedMs = Date.now();
    const drops = Array.from({ length: files }, (_, file) =>
      story.fastio.dropFile({ folder: "/Inbox", name: `note-${file}.txt`, content: `note number ${file}\n` }),
    );
    await Promise.all(drops);
    let delivered = 0;
    while (delivered < files && Date.now() - startedMs < PATIENCE_MS) {
      await delay(LOOK_EVERY_MS);
      delivered = (await story.allRuns()).filter(({ status }) => status === "delivered").length;
    }
    const seconds = ((Date.now() - startedMs) / 1_000).toFixed(1);
    const runs = story.dify.books().runs.length;
    const shares = story.fastio.books().shares.length;
    const how = webhooks ? "at once" : "without a webhook";
    console.log(
      `${store}: ${files} files ${how}: ${delivered} delivered, ${runs} workflow runs, ${shares} shares, ${seconds} s`,
    );
    if (delivered !== files || runs !== files || shares !== files) process.exitCode = 1;
  } finally {
    await story.end();
    await backend?.drop();
    rmSync(folder, { recursive: true, force: true });
  }
}
