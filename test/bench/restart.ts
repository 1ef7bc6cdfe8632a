import { sql } from "drizzle-orm";
import { createAppOf } from "../../src/dify/app-name.ts";
import { DEFAULT_APP_KEY } from "../../src/emulators/dify/defaults.ts";
import { FASTIO_EMULATOR_DEFAULTS as D } from "../../src/emulators/fastio/defaults.ts";
import { writeCursor } from "../../src/ledger/cursors.ts";
import { NAMED, RUN_NAMES } from "../../src/ledger/name-old-runs.ts";
import { type Ledger, openLedger } from "../../src/ledger/open-ledger.ts";
import { tidyEmbedded } from "../../src/ledger/tidy-embedded.ts";
import { WAITS_FOR_TURN } from "../../src/ledger/turns.ts";
import { parseRules } from "../../src/rules/load-rules.ts";
import { silentLog } from "../../src/telemetry/log.ts";
import type { TestBackend } from "../support/backends.ts";
import { openPipeline, PIPELINE_RULES } from "../support/pipeline.ts";
import { residentBytes } from "../support/process-figures.ts";
import type { Part, Row } from "./frame/part.ts";

const CHUNK = 10_000;
const MIB = 1_048_576;
/** Shares waited for, so that the backlog is seen to go on and not only to begin. */
const SHARES = 200;
/** The backlog is of so many files in turns: far more than are delivered meanwhile. */
const FILES = 1_000;
const PATIENCE_MS = 120_000;
const LOOK_EVERY_MS = 25;

export const restart: Part = {
  name: "restart",
  description:
    "A relay that starts with a backlog it accepted while its queue was away: half of the runs were never handed over, half wait in the ledger for their turn, and the queue is empty. From the spawn of the process.",
  minutes: 3,
  sizeIs: "unfinished runs",
  run: async (context) => {
    const runs = context.size({ normal: 100_000, quick: 2_000 });
    const rows: Row[] = [];
    for (const name of context.stores.filter((one) => one !== "postgres")) {
      context.say(`${runs} unfinished runs on ${name}`);
      const backend = await context.openStore(name);
      try {
        const told = await restartWith(backend, runs);
        const title = `${name}, ${runs} unfinished runs`;
        rows.push(
          { what: `${title}: first 202`, value: told.firstAcceptedMs, unit: "ms" },
          { what: `${title}: first share`, value: told.firstShareMs, unit: "ms" },
          { what: `${title}: shares from then on`, value: told.sharesPerSecond, unit: "/s" },
          { what: `${title}: resident at most`, value: told.peakMib, unit: "MiB" },
        );
      } finally {
        await backend.drop();
      }
    }
    return rows;
  },
};

async function restartWith({ environment }: TestBackend, runs: number) {
  const pipeline = await openPipeline(environment);
  const { upstreams } = pipeline;
  try {
    const { nodes } = await upstreams.ask({ do: "prepare", files: FILES });
    const ledger = await openLedger(environment["DATABASE_URL"] ?? "", silentLog);
    try {
      await fillBacklog(ledger, runs, nodes, Date.now());
    } finally {
      await ledger.close();
    }
    // One start before, as after any crash: what is made and compiled once is there.
    await (await pipeline.startAndTime()).relay.kill();
    const shares = (await upstreams.ask({ do: "figures" })).shares;
    const spawnedAtMs = Date.now();
    const { relay, firstAcceptedMs } = await pipeline.startAndTime();
    let peak = 0;
    const meter = setInterval(() => {
      peak = Math.max(peak, residentBytes(relay.pid));
    }, LOOK_EVERY_MS);
    await upstreams.ask({ do: "until", shares: shares + 1, patienceMs: PATIENCE_MS });
    const firstShareMs = Date.now() - spawnedAtMs;
    await upstreams.ask({ do: "until", shares: shares + SHARES, patienceMs: PATIENCE_MS });
    clearInterval(meter);
    const seconds = (Date.now() - spawnedAtMs - firstShareMs) / 1_000;
    return { firstAcceptedMs, firstShareMs, sharesPerSecond: (SHARES - 1) / seconds, peakMib: peak / MIB };
  } finally {
    await pipeline.end();
  }
}

async function fillBacklog(
  { db, pglite }: Ledger,
  count: number,
  nodes: readonly string[],
  nowMs: number,
): Promise<void> {
  const [rule] = parseRules(PIPELINE_RULES, "rules.yaml").rules;
  const app = createAppOf({ keyOf: () => DEFAULT_APP_KEY })("DIFY_API_KEY");
  for (let from = 0; from < count; from += CHUNK) {
    await db.execute(sql`
      insert into relay.runs (
        id, rule_name, rule, event_key, event_type, workspace_id, workspace_name, node_id, file_name, folder_path,
        file_size, mime_type, status, queue, app, waiting_app, waits_for, progress, queued_at_ms, not_before_ms, invited,
        created_at_ms, updated_at_ms)
      select 'r' || substr(md5(n::text), 1, 19), ${rule?.name ?? ""}, ${JSON.stringify(rule)}::jsonb, 'ev-' || n,
        'file.created', ${D.workspaceId}, ${D.workspaceName},
        (${sql.param([...nodes])}::text[])[1 + n % ${nodes.length}::int], 'file-' || n || '.txt', '/Inbox', 1024,
        'text/plain', 'queued', 'runs', ${app}, case when n % 2 = 0 then ${app} end, case when n % 2 = 0 then 'slot' end,
        case when n % 2 = 0 then ${WAITS_FOR_TURN} end, case when n % 2 = 0 then ${nowMs}::bigint end,
        case when n % 2 = 0 then ${nowMs + 600_000}::bigint else 0 end, '[]',
        ${nowMs}::bigint - ${count}::int + n, ${nowMs - 60_000}::bigint
      from generate_series(${from}::int, ${Math.min(count, from + CHUNK) - 1}::int) as n`);
  }
  // A relay has named its runs when they were made; else the first to start would do it meanwhile.
  await writeCursor(db, RUN_NAMES, NAMED, nowMs);
  if (pglite) await tidyEmbedded(pglite);
  else await db.execute("vacuum (analyze) relay.runs");
}
