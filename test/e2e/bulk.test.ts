import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { afterEach, expect, test, vi } from "vitest";
import { createAppOf } from "../../src/dify/app-name.ts";
import { setAppState } from "../../src/ledger/app-states.ts";
import { beginBulk, findBulk } from "../../src/ledger/bulk-actions.ts";
import { openLedger } from "../../src/ledger/open-ledger.ts";
import { bulkActions, operatorActions, runs } from "../../src/ledger/schema.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import { runNamed } from "../integration/ledger/intakes.ts";
import { freePort } from "../support/child-server.ts";
import { copyMadeLedger } from "../support/made-ledger.ts";
import { type RelayProcess, startRelayProcess } from "../support/relay-process.ts";

const RUNS = 300;
/** Of runs a minute: so few that somebody looks on and kills long before the last of them, however busy the machine is. */
const SLOWLY = 150;
const QUICKLY = 6_000;
const TOKEN = "test-operator-token";
/** Late enough that somebody looks on: the first who asks a relay for anything waits until its pages are loaded. */
const BEGINS_IN_MS = 5_000;
const SOON = { timeout: 60_000, interval: 50 } as const;

const folder = mkdtempSync(join(tmpdir(), "relay-bulk-"));
let relay: RelayProcess | undefined;
afterEach(async () => {
  await relay?.kill();
  rmSync(folder, { recursive: true, force: true });
});

/** Opens the ledger that no process holds. */
async function inLedger<T>(
  url: string,
  work: (ledger: Awaited<ReturnType<typeof openLedger>>) => Promise<T>,
): Promise<T> {
  const ledger = await openLedger(url, silentLog);
  try {
    return await work(ledger);
  } finally {
    await ledger.close();
  }
}

test("300 runs are replayed once each, though the process that does it is killed in the middle", async () => {
  const url = copyMadeLedger(join(folder, "data"));
  await inLedger(url, async ({ db }) => {
    const ended = { status: "failed", queue: null, finishedAtMs: Date.now() } as const;
    await db.insert(runs).values(Array.from({ length: RUNS }, (_, at) => runNamed(`r${at}`, ended)));
    const wish = { id: "of-this-test", deed: "replay", filter: {}, version: "same", asked: {} } as const;
    // What is replayed waits in the ledger, and nobody is asked about it.
    const app = createAppOf({ keyOf: () => "app-key" })("DIFY_API_KEY");
    await setAppState(db, { app, state: "paused", reason: null, changedBy: "operator anna", sinceMs: Date.now() }, {});
    await beginBulk(
      db,
      { ...wish, askedBy: "operator anna", reason: "a test", perMinute: SLOWLY },
      Date.now() + BEGINS_IN_MS,
    );
  });
  writeFileSync(join(folder, "rules.yaml"), 'rules:\n  - name: read-new-files\n    when: { workspace: "*" }\n');
  const port = await freePort();
  const settings = {
    TEST_FOLDER: folder,
    PORT: String(port),
    DATABASE_URL: url,
    RELAY_CONFIG: join(folder, "rules.yaml"),
    RELAY_TOKENS: `operator:${TOKEN}`,
    FASTIO_API_KEY: "key",
    FASTIO_API_URL: "http://127.0.0.1:1/current",
    DIFY_API_URL: "http://127.0.0.1:1/v1",
    DIFY_API_KEY: "app-key",
    CATCH_UP: "off",
  };
  const readBulk = async (): Promise<{ readonly state: string; readonly done: number }> => {
    const headers = { authorization: `Bearer ${TOKEN}` };
    const answer = await fetch(`http://127.0.0.1:${port}/api/bulk/of-this-test`, { headers });
    return (await answer.json()) as { readonly state: string; readonly done: number };
  };

  relay = await startRelayProcess(settings);
  await vi.waitFor(async () => expect((await readBulk()).done).toBeGreaterThan(20), SOON);
  await relay.kill();
  await inLedger(url, async ({ db }) => {
    const bulk = await findBulk(db, "of-this-test");
    expect(bulk).toMatchObject({ state: "running" });
    expect(bulk?.done).toBeLessThan(RUNS);
    await db.update(bulkActions).set({ perMinute: QUICKLY });
  });
  relay = await startRelayProcess(settings);
  await vi.waitFor(async () => expect((await readBulk()).state).toBe("done"), { timeout: 180_000, interval: 100 });
  await relay.stop();
  await inLedger(url, async ({ db }) => {
    expect(await findBulk(db, "of-this-test")).toMatchObject({ state: "done", done: RUNS, already: 0, refused: 0 });
    const told = await db.select().from(operatorActions).where(eq(operatorActions.action, "run.replay"));
    expect(new Set(told.map(({ target }) => target)).size).toBe(RUNS);
    expect(told).toHaveLength(RUNS);
  });
});
