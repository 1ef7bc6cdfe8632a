import { sql } from "drizzle-orm";
import { expect, inject, onTestFinished, test, vi } from "vitest";
import { openLedger } from "../../../src/ledger/open-ledger.ts";
import type { WantedRun } from "../../../src/ledger/wanted-run.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import { createRuns } from "../../support/create-runs.ts";
import { createTestDatabase } from "../../support/servers.ts";
import { layLine } from "../../support/tcp-line.ts";
import { NOW_MS, runNamed } from "./intakes.ts";

const ROUTED = { status: "routed", reasons: {} } as const;
const PATIENCE = { timeout: 60_000, interval: 50 };

test.skipIf(inject("postgresUrl") === undefined)(
  "a rule's events are routed elsewhere soon after a machine has vanished in the middle of routing one",
  async () => {
    const database = await createTestDatabase(inject("postgresUrl") ?? "");
    onTestFinished(() => database.drop());
    const line = await layLine(Number(new URL(database.url).port));
    await line.mend();
    onTestFinished(() => line.cut());
    const through = new URL(database.url);
    through.port = String(line.port);
    const [vanishing, staying] = await Promise.all([open(through.href), open(database.url)]);
    const waits = async (): Promise<number> => {
      const { rows } = (await staying.db.execute(
        sql`select count(*)::int as waits from pg_locks where locktype = 'advisory' and not granted`,
      )) as unknown as { readonly rows: readonly { readonly waits: number }[] }; // as the statement says
      return rows[0]?.waits ?? 0;
    };
    const wanted = (ruleName: string, id: string): WantedRun => ({ ...runNamed(id), ruleName, nodeId: id });

    // It takes the lock of the first rule and waits for that of the second, when its machine goes.
    await staying.db.transaction(async (tx) => {
      await tx.execute(sql`select pg_advisory_xact_lock(hashtextextended('relay.rule second', 0))`);
      const lost = createRuns(vanishing.db, "ev-lost", [wanted("first", "a"), wanted("second", "b")], ROUTED, NOW_MS);
      lost.catch(() => undefined);
      await vi.waitFor(async () => expect(await waits()).toBe(1), PATIENCE);
      line.ail({ kind: "half-open" });
    });

    const beganMs = performance.now();
    const made = await createRuns(staying.db, "ev-kept", [wanted("first", "c")], ROUTED, NOW_MS);
    expect(made).toMatchObject([{ id: "c" }]);
    console.info(`routed elsewhere after ${Math.round(performance.now() - beganMs)} ms`);
  },
);

async function open(url: string) {
  const ledger = await openLedger(url, silentLog);
  onTestFinished(() => ledger.close());
  return ledger;
}
