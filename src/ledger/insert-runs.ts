import { getTableColumns, type SQL, sql } from "drizzle-orm";
import type { EventEnd } from "./event-queries.ts";
import { countUnfinished } from "./flood.ts";
import { foldName, gramsOf } from "./fold-name.ts";
import { isSame } from "./is-same.ts";
import { columnsOf, lineOf, linesOf, namesOf } from "./lines.ts";
import type { Db } from "./open-ledger.ts";
import { rowsOf } from "./rows-of.ts";
import { peopleOf } from "./run-names.ts";
import { events, type NewRun, type RunRow, runFiles, runNames, runPeople, runs } from "./schema.ts";
import type { WantedRun } from "./wanted-run.ts";

/** An event as it was routed, with the runs that rules want of it. */
export type RoutedEvent = {
  readonly eventKey: string;
  readonly wanted: readonly WantedRun[];
  readonly end: EventEnd;
  readonly nowMs: number;
  /** Unfinished runs of one rule above which further ones are held. */
  readonly floodHold: number;
};

const RUN = columnsOf(runs);
const NAME = columnsOf(runNames);
const EVENT = {
  key: "text",
  status: "text",
  reasons: "jsonb",
  routed_at_ms: "bigint",
  file_name: "text",
  folder_path: "text",
  workspace_id: "text",
} as const;
const PERSON = { person: "text", run_id: "text" } as const;

/** What a column holds that is not said. */
const UNSAID = Object.fromEntries(
  Object.entries(getTableColumns(runs)).map(([key, { default: value }]) => [key, value ?? null]),
);

/** A run as it stands once it was put in. */
export const wholeRun = ({ fileHash: _hash, ...run }: WantedRun): RunRow => ({ ...UNSAID, ...run }) as RunRow; // the rest is said in every new one

/**
 * Puts in those of the runs that nothing stands against (no other run of the rule for the file, no batch that has it, not
 * too many of the rule), names them, and ends the events; in one statement. To be called while the rules are locked.
 * @returns the ids of those that were put in; the others are to be looked at one by one
 */
export async function insertRuns(tx: Db, routed: readonly RoutedEvent[]): Promise<ReadonlySet<string>> {
  const plain = routed.flatMap(({ wanted, floodHold }) =>
    wanted.filter(({ rule }) => rule.run.group !== "batch").map((run) => ({ run, floodHold })),
  );
  const runLines = plain.map(({ run, floodHold }, place) => ({
    ...lineOf(runs, wholeRun(run)),
    place,
    flood_hold: Number.isFinite(floodHold) ? floodHold : null,
  }));
  const put = await tx.execute(sql`
    with line as materialized (
      select line.*, row_number() over (partition by line.rule_name order by line.place) - 1 as before
      from ${given(runLines, { ...RUN, place: "integer", flood_hold: "bigint" })}),
    held as (select rule_name, max(flood_hold) as hold from line where flood_hold is not null group by rule_name),
    crowd as materialized (
      select rule_name, ${countUnfinished(sql`held.rule_name`, sql`held.hold`)} as n
      from held),
    made as (
      insert into ${runs} (${namesOf(RUN)})
      select ${namesOf(RUN, "line.")} from line left join crowd using (rule_name)
      where (line.flood_hold is null or crowd.n + line.before < line.flood_hold)
        and not exists (
          select 1 from ${runs} other
          where other.node_id = line.node_id and ${isSame(sql`other.rule_name`, sql`line.rule_name`)})
        -- The rule may have gathered files before.
        and not exists (select 1 from ${runFiles} file where file.file_key = line.id)
      on conflict do nothing
      returning id, created_at_ms),
    named as (
      insert into ${runNames} (${namesOf(NAME)})
      select ${namesOf(NAME, "line.")} from ${given(plain.map(nameLine), NAME)} join made on made.id = line.run_id
      on conflict do nothing),
    found as (
      insert into ${runPeople} (person, run_id, created_at_ms)
      select line.person, made.id, made.created_at_ms
      from ${given(plain.flatMap(personLines), PERSON)} join made on made.id = line.run_id
      on conflict do nothing),
    ended as (
      update ${events} event
      set status = line.status, reasons = line.reasons, routed_at_ms = line.routed_at_ms,
        file_name = coalesce(line.file_name, event.file_name),
        folder_path = coalesce(line.folder_path, event.folder_path),
        workspace_id = coalesce(line.workspace_id, event.workspace_id)
      from ${given(routed.map(eventLine), EVENT)}
      where event.key = line.key)
    select id from made`);
  return new Set(rowsOf(put).map(({ id }) => String(id)));
}

const given = (lines: readonly Readonly<Record<string, unknown>>[], columns: Readonly<Record<string, string>>): SQL =>
  linesOf(sql`${JSON.stringify(lines)}`, columns);

type Plain = { readonly run: NewRun };

function nameLine({ run: { id, createdAtMs, fileName } }: Plain) {
  const name = foldName(fileName);
  return { run_id: id, ordinal: 0, created_at_ms: createdAtMs, name, grams: gramsOf(name) };
}

const personLines = ({ run: { id, actorUserId, actorEmail, invited } }: Plain) =>
  peopleOf([actorUserId, actorEmail, ...invited]).map((person) => ({ person, run_id: id }));

const eventLine = ({ eventKey, end: { status, reasons, file }, nowMs }: RoutedEvent) => ({
  key: eventKey,
  status,
  reasons,
  routed_at_ms: nowMs,
  file_name: file?.name.toWellFormed() ?? null,
  folder_path: file?.folderPath?.toWellFormed() ?? null,
  workspace_id: file?.workspaceId ?? null,
});
