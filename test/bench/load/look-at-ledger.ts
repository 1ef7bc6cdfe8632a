import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { openLedger } from "../../../src/ledger/open-ledger.ts";
import { rowsOf } from "../../../src/ledger/rows-of.ts";
import { silentLog } from "../../../src/telemetry/log.ts";
import type { TestBackend } from "../../support/backends.ts";
import { cpuMs } from "../../support/process-figures.ts";

const LOOK_EVERY_MS = 20;
const PATIENCE_MS = 60_000;
/** A process that computes less than this part of the time has nothing to do. */
const RESTING = 0.2;
const REST_LOOK_MS = 150;

/** Waits until every event was handed to the queue, as its ledger says; of an embedded one, until its process rests. */
export async function untilHandedOver(
  { name, environment }: TestBackend,
  processes: readonly { readonly pid: number }[],
  fault: (line: string) => void,
): Promise<void> {
  const overMs = Date.now() + PATIENCE_MS;
  if (name === "pglite") {
    const cpu = (): number => processes.reduce((sum, { pid }) => sum + cpuMs(pid), 0);
    for (let before = -Number.POSITIVE_INFINITY; cpu() - before > RESTING * REST_LOOK_MS && Date.now() < overMs; ) {
      before = cpu();
      await delay(REST_LOOK_MS);
    }
    return;
  }
  const client = new pg.Client({ connectionString: environment["DATABASE_URL"] ?? "" });
  await client.connect();
  try {
    for (;;) {
      const { rows } = await client.query(
        "select 1 from relay.events where status = 'accepted' and queued_at_ms is null limit 1",
      );
      if (rows.length === 0) return;
      if (Date.now() > overMs) return fault(`${name}: events were not handed to the queue within a minute`);
      await delay(LOOK_EVERY_MS);
    }
  } finally {
    await client.end();
  }
}

/** What the ledger has, asked when no relay holds it. */
export async function countDeliveries({
  environment,
}: TestBackend): Promise<{ readonly deliveries: number; readonly events: number }> {
  const ledger = await openLedger(environment["DATABASE_URL"] ?? "", silentLog);
  try {
    const [row] = rowsOf(
      await ledger.db.execute(
        "select (select count(*) from relay.deliveries where verdict = 'accepted')::int as deliveries, (select count(*) from relay.events)::int as events",
      ),
    );
    return { deliveries: Number(row?.["deliveries"]), events: Number(row?.["events"]) };
  } finally {
    await ledger.close();
  }
}
