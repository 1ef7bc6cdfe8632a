import { and, eq, inArray, or, type SQL, sql } from "drizzle-orm";
import { GRAM_CHARS } from "./fold-name.ts";
import { type RunStatus, type RunStep, runNames, runPeople, runs } from "./schema.ts";

/** A place in the list of runs: many runs may be made in one millisecond. */
export type RunPlace = { readonly createdAtMs: number; readonly id: string };

/** Which runs are meant; what is absent does not matter. */
export type RunFilter = {
  readonly statuses?: readonly RunStatus[] | undefined;
  readonly ruleName?: string | undefined;
  /** By id or by name. */
  readonly workspace?: string | undefined;
  /** First 12 hex digits of the SHA-256 of the app's key. */
  readonly app?: string | undefined;
  readonly errorCode?: string | undefined;
  readonly errorStep?: RunStep | undefined;
  /** Made at this moment or later. */
  readonly sinceMs?: number | undefined;
  /** Made before this moment. */
  readonly untilMs?: number | undefined;
  /** Something happened to it after this moment: for those who follow the runs. */
  readonly updatedAfterMs?: number | undefined;
  /** Part of the name of one of its files, as `foldName` spells it. */
  readonly name?: string | undefined;
  /** Who brought its file or was invited, as `foldPerson` spells it. */
  readonly person?: string | undefined;
  /**
   * Spellings of ids of which one must be the run's own or that of something it has to do with: its file, an output,
   * its folder, share, event, workflow run or person.
   */
  readonly ids?: readonly string[] | undefined;
  /** Spellings of the link that people were given; one that matches does, whatever `ids` say. */
  readonly urls?: readonly string[] | undefined;
};

/** Parts of names that are too short for the index are looked for in the names themselves. */
export const isIndexed = (name: string): boolean => Array.from(name).length >= GRAM_CHARS;

/** One of many runs. As one value: thousands of values take an embedded database long to read. */
export const isAmong = (ids: readonly string[]): SQL => sql`${runs.id} = any(string_to_array(${ids.join(",")}, ','))`;

/** What is older in the list than a place. */
export const below = (place: RunPlace, table: typeof runs | typeof runNames | typeof runPeople): SQL =>
  sql`(${table.createdAtMs}, ${"id" in table ? table.id : table.runId}) < (${place.createdAtMs}::bigint, ${place.id}::text)`;

/** What the run's own row tells, apart from its time. */
export const rowConditions = (filter: RunFilter): SQL | undefined =>
  and(
    filter.statuses === undefined
      ? undefined
      : filter.statuses.length === 1
        ? eq(runs.status, filter.statuses[0] ?? "queued")
        : inArray(runs.status, [...filter.statuses]),
    filter.ruleName === undefined ? undefined : eq(runs.ruleName, filter.ruleName),
    filter.workspace === undefined
      ? undefined
      : /^\d+$/.test(filter.workspace)
        ? eq(runs.workspaceId, filter.workspace)
        : or(eq(runs.workspaceId, filter.workspace), eq(runs.workspaceName, filter.workspace)),
    filter.app === undefined ? undefined : eq(runs.app, filter.app),
    filter.errorCode === undefined ? undefined : eq(runs.errorCode, filter.errorCode),
    filter.errorStep === undefined ? undefined : eq(runs.errorStep, filter.errorStep),
  );

/** Names and people of the run that is looked at in the query around it. */
export const besideConditions = ({ name, person }: RunFilter): SQL | undefined =>
  and(
    name === undefined
      ? undefined
      : sql`exists (select 1 from ${runNames} where ${runNames.runId} = ${runs.id} and strpos(${runNames.name}, ${name}) > 0)`,
    person === undefined
      ? undefined
      : sql`exists (select 1 from ${runPeople} where ${runPeople.runId} = ${runs.id} and ${runPeople.person} = ${person})`,
  );
