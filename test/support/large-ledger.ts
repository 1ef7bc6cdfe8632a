import { sql } from "drizzle-orm";
import { foldName, gramsOf } from "../../src/ledger/fold-name.ts";
import type { Ledger } from "../../src/ledger/open-ledger.ts";
import { rowsOf } from "../../src/ledger/rows-of.ts";
import { tidyEmbedded } from "../../src/ledger/tidy-embedded.ts";

/** Runs come at an even pace over so many days; the newest is made now. */
const DAYS = 60;
const DAY_MS = 86_400_000;
/** Rows sent at a time. */
const CHUNK = 20_000;

const SUBJECTS = ["Invoice", "Contract", "Delivery note", "Offer", "Minutes", "Rechnung", "Vertrag", "Отчёт", "契約書"];
const PLACES = ["Berlin", "Lyon", "Osaka", "Kraków", "São Paulo", "Leeds", "Graz", "Turku", "Reno", "Cork", "Bari"];
const ENDINGS = ["pdf", "docx", "xlsx", "pdf", "png", "pdf", "csv"];
const RULES = ["read-invoices", "summarise-contracts", "translate-offers", "file-minutes", "check-scans"];

/** Every so manieth run has this in its name, which no other has. */
export const RARE = { part: "Zeppelin", every: 99_991 };
/** Who brought every so manieth file. */
export const PERSON = { email: "rare.person@example.com", every: 50_021 };

/** A number in letters, always equally long. */
const lettersOf = (n: number, length: number): string =>
  Array.from(String(n).padStart(length, "0"), (digit) => "abcdefghij"[Number(digit)]).join("");

export const runIdOf = (n: number): string => `r${lettersOf(n, 19)}`;
export const nodeIdOf = (n: number): string => `2${lettersOf(n, 29)}`;

export function fileNameOf(n: number): string {
  if (n % RARE.every === 0) return `The ${RARE.part} ${n}.pdf`;
  const pick = (from: readonly string[], by: number): string => from[Math.floor(n / by) % from.length] ?? "";
  return `${pick(SUBJECTS, 1)} ${pick(PLACES, 3)} ${2020 + (n % 7)}-${String(n).padStart(7, "0")}.${pick(ENDINGS, 2)}`;
}

const RULE = {
  when: {
    workspace: "*",
    events: ["file.created", "file.version_added"],
    exclude: { actors: ["self"], folders: ["/Outputs/**"] },
  },
  run: {
    keyVariable: "DIFY_API_KEY",
    inputs: Object.fromEntries(
      Array.from({ length: 12 }, (_, at) => [`input_${at}`, `{{ file.name }} of {{ event.actor.email }}, ${at}`]),
    ),
    timeoutMs: 1_200_000,
    send: "upload",
  },
  deliver: {
    as: "share",
    folder: "/Outputs/{{ date }}",
    title: "Summary of {{ file.name }}",
    type: "send",
    access: "named",
    invite: ["legal@example.com"],
  },
};

/** Lists of a name are put in when the rows are: much sooner than one by one. */
const LATER = ["runs", "run_names", "run_people", "events", "attempts"];

/**
 * Fills an empty ledger with runs that have mostly been delivered, as months of work leave it: wide rows, their names
 * and people, an event each, and attempts of the newest ones.
 */
export async function fillLedger({ db, kind, pglite }: Ledger, count: number, nowMs: number): Promise<void> {
  const indexes = rowsOf(
    await db.execute(sql`
      select i.indexname as name, i.indexdef as def from pg_indexes i
      where i.schemaname = 'relay' and i.tablename in (${sql.join(
        LATER.map((name) => sql`${name}`),
        sql`, `,
      )})
        and not exists (select 1 from pg_constraint c where c.conname = i.indexname)`),
  );
  for (const { name } of indexes) await db.execute(sql.raw(`drop index relay.${String(name)}`));
  for (let from = 1; from <= count; from += CHUNK)
    await fillChunk(db, from, Math.min(count, from + CHUNK - 1), count, nowMs);
  if (kind === "postgres") await db.execute("set maintenance_work_mem = '512MB'");
  for (const { def } of indexes) await db.execute(sql.raw(String(def)));
  // As it comes to be by itself.
  if (pglite) await tidyEmbedded(pglite);
  else for (const name of LATER) await db.execute(sql.raw(`vacuum (analyze) relay.${name}`));
}

async function fillChunk(db: Ledger["db"], from: number, to: number, count: number, nowMs: number): Promise<void> {
  const files = JSON.stringify(
    Array.from({ length: to - from + 1 }, (_, at) => {
      const n = from + at;
      const file = fileNameOf(n);
      const name = foldName(file);
      return { n, id: runIdOf(n), node: nodeIdOf(n), file, name, grams: gramsOf(name) };
    }),
  );
  const createdAtMs = sql`(${nowMs - DAYS * DAY_MS}::bigint + (n::bigint * ${DAYS * DAY_MS}::bigint) / ${count}::bigint)`;
  const status = sql`case
    when n > ${count - 200} then (array['queued', 'running', 'delivering'])[1 + n % 3]
    when n % 5003 = 0 then 'paused' when n % 33 = 0 then 'failed' when n % 101 = 0 then 'cancelled'
    when n % 67 = 0 then 'skipped' else 'delivered' end`;
  await db.execute(sql`
    with files as materialized (
      select *, ${createdAtMs} as made, ${status} as stands, (array[${sql.join(
        RULES.map((name) => sql`${name}`),
        sql`, `,
      )}])[1 + (n / 7) % 5]::text as rule_name
      from json_to_recordset(${files}::json) as file(n int, id text, node text, file text, name text, grams int[])
    ), made as (
      insert into relay.runs (
        id, rule_name, rule, event_key, event_type, actor_user_id, actor_email, workspace_id, workspace_name, node_id, version_id,
        file_name, folder_path, file_size, mime_type, status, queue, queued_at_ms, app, workflow_run_id, task_id, nodes,
        total_tokens, elapsed_ms, share_id, share_url, share_ready_at_ms, invited, error_code, error_message, error_step,
        next_action, created_at_ms, started_at_ms, updated_at_ms, finished_at_ms, told_end_ms)
      select id, rule_name, ${JSON.stringify(RULE)}::jsonb || jsonb_build_object('name', rule_name), 'ev-' || id, 'file.created',
        (1000000000000000000 + n % 300)::text, 'person' || n % 300 || '@example.com',
        (3000000000000000000 + n % 12)::text, 'Workspace ' || n % 12, node, node || 'v',
        file, '/Inbox/' || n % 40, 100000 + n, 'application/pdf', stands,
        case when stands in ('queued', 'running') then 'runs' when stands = 'delivering' then 'shares' when stands = 'paused' then 'runs' end,
        made, left(md5((n % 4)::text), 12), md5('w' || n)::uuid::text, md5('t' || n)::uuid::text,
        jsonb_build_array(jsonb_build_object('nodeId', 'n' || n, 'title', 'Read the document', 'type', 'llm', 'status', 'succeeded', 'elapsedMs', 2500 + n % 900)),
        1000 + n % 5000, 4000 + n % 9000,
        case when stands = 'delivered' then (4000000000000000000 + n)::text end,
        case when stands = 'delivered' then 'https://go.fast.io/shared/relay-' || id || '/summary' end,
        case when stands = 'delivered' then made + 20000 end, '["legal@example.com"]',
        case when stands = 'failed' then (array['timed_out', 'dify_run_failed', 'not_found'])[1 + (n / 33) % 3] end,
        case when stands = 'failed' then 'it did not answer in time' end,
        case when stands = 'failed' then 'workflow' end, case when stands = 'failed' then 'replay it' end,
        made, made + 1000, made + 20000,
        case when stands in ('queued', 'running', 'delivering', 'paused') then null else made + 20000 end,
        case when stands in ('queued', 'running', 'delivering', 'paused') then null else made + 20000 end
      from files
    ), named as (
      insert into relay.run_names (run_id, ordinal, created_at_ms, name, grams) select id, 0, made, name, grams from files
    ), peopled as (
      insert into relay.run_people (person, run_id, created_at_ms)
      select who, id, made from files, lateral (values
        ('legal@example.com'), (case when n % ${PERSON.every} = 0 then ${PERSON.email} else 'person' || n % 300 || '@example.com' end),
        ((1000000000000000000 + n % 300)::text)) as people(who)
    ), told as (
      insert into relay.events (key, id, source, raw_type, type, received_at_ms, workspace_id, object_kind, object_id, file_name, folder_path, raw, status, reasons, routed_at_ms)
      select 'ev-' || id, id, 'webhook', 'file_added', 'file.created', made, (3000000000000000000 + n % 12)::text, 'file', node, file, '/Inbox/' || n % 40, '{}', 'routed', '{}', made
      from files
    )
    insert into relay.attempts (run_id, step, worker, started_at_ms, finished_at_ms, outcome)
    select id, step, 'w', made, made + 4000, 'done' from files, unnest(array['fetch', 'workflow', 'collect', 'place', 'share']) as step
    where n > ${count - 50_000}`);
}
