import { sql } from "drizzle-orm";
import type { NewAttempt } from "./attempts.ts";
import type { WriteTogether } from "./do-together.ts";
import { columnsOf, lineOf, linesOf, namesOf, rowOf } from "./lines.ts";
import { LOCK_PATIENCE, patient } from "./lock-patience.ts";
import type { Db } from "./open-ledger.ts";
import { peopleOf } from "./run-names.ts";
import { attempts, type RunRow, type RunWait, runPeople, runs } from "./schema.ts";
import { lineOfUsage, type RunUsage, sumUsage } from "./sum-usage.ts";
import { isOutdated } from "./supersede.ts";

export type RunChange = Partial<
  Omit<RunRow, "id" | "ruleName" | "rule" | "eventKey" | "createdAtMs" | "updatedAtMs" | "leaseOwner" | "leaseUntilMs">
>;

export type CheckpointOptions = {
  /** Summed up in the same statement; the change says so of the run itself. */
  readonly usages?: readonly RunUsage[];
  /** Written in the same statement. */
  readonly attempts?: readonly NewAttempt[];
  /** Gives the lease back. */
  readonly release?: boolean;
  /** Asks whether the run is outdated, see `isOutdated`. */
  readonly looksForNewer?: boolean;
  /** What the run is to wait for; not so when somebody asked to cancel it meanwhile, as that is due at once. */
  readonly wait?: { readonly notBeforeMs: number; readonly waitingApp?: string; readonly for: RunWait };
};

/** One worker's checkpoint of one run. */
export type Checkpoint = CheckpointOptions & {
  readonly id: string;
  readonly owner: string;
  readonly change: RunChange;
  readonly nowMs: number;
};

const LINE = {
  id: "text",
  owner: "text",
  now_ms: "bigint",
  change: "jsonb",
  release: "boolean",
  looks: "boolean",
  wait_until_ms: "bigint",
  wait_for_app: "text",
} as const;

const { id, rule, rule_name, event_key, created_at_ms, updated_at_ms, lease_owner, lease_until_ms, ...rest } =
  columnsOf(runs);
const { not_before_ms, waiting_app, ...changed } = rest;
const { id: _id, ...attempted } = columnsOf(attempts);

/**
 * What others may change while a worker has the run; the rest it knows from its claim, and to read that again costs as
 * much as to write it.
 */
const TOLD = {
  id: runs.id,
  status: runs.status,
  queue: runs.queue,
  generation: runs.generation,
  queuedAtMs: runs.queuedAtMs,
  notBeforeMs: runs.notBeforeMs,
  dueAtMs: runs.dueAtMs,
  waitingApp: runs.waitingApp,
  progress: runs.progress,
  warning: runs.warning,
  cancelAskedAtMs: runs.cancelAskedAtMs,
  cancelReason: runs.cancelReason,
  countedDay: runs.countedDay,
  usageRunId: runs.usageRunId,
  totalTokens: runs.totalTokens,
  elapsedMs: runs.elapsedMs,
  cost: runs.cost,
  currency: runs.currency,
  shareCloseAskedAtMs: runs.shareCloseAskedAtMs,
  shareCloseAskedBy: runs.shareCloseAskedBy,
  shareCloseReason: runs.shareCloseReason,
  shareClosedAtMs: runs.shareClosedAtMs,
  shareCloseError: runs.shareCloseError,
  shareCloseRetryAtMs: runs.shareCloseRetryAtMs,
  createdAtMs: runs.createdAtMs,
  updatedAtMs: runs.updatedAtMs,
  finishedAtMs: runs.finishedAtMs,
  toldEndMs: runs.toldEndMs,
} as const;

/** How a run stands after a checkpoint, beside what its worker knows. */
export type WrittenRun = Pick<RunRow, keyof typeof TOLD>;

/** @property isOutdated null when nobody asked */
export type Written = { readonly run: WrittenRun; readonly isOutdated: boolean | null };

type Line = Readonly<Record<string, unknown>>;

/**
 * Writes checkpoints of many runs, their attempts, what they used and whom they invite, in one statement.
 * @returns in order how each run stands now; undefined: its lease was lost. Attempts are written in any case: each was made
 */
export function createWriteCheckpoints(db: Db): WriteTogether<Checkpoint, Written | undefined> {
  const tried = db.$with("tried", { runId: attempts.runId }).as(sql`
    insert into ${attempts} (${namesOf(attempted)})
    select ${namesOf(attempted)} from ${linesOf("attempts", attempted)}`);
  const told = Object.fromEntries(Object.values(TOLD).map((column) => [column.name, ""]));
  const written = db.$with("written", TOLD).as(sql`
    update ${runs} run
    set (${namesOf(changed)}) = (select ${namesOf(changed)} from jsonb_populate_record(run, line.change)),
      not_before_ms = case
        when line.wait_until_ms is not null then case when run.cancel_asked_at_ms is null then line.wait_until_ms else 0 end
        when line.change ? 'not_before_ms' then (line.change ->> 'not_before_ms')::bigint
        else run.not_before_ms end,
      waiting_app = case
        when line.wait_for_app is not null then case when run.cancel_asked_at_ms is null then line.wait_for_app end
        when line.change ? 'waiting_app' then line.change ->> 'waiting_app'
        else run.waiting_app end,
      updated_at_ms = line.now_ms,
      lease_owner = case when line.release then null else run.lease_owner end,
      lease_until_ms = case when line.release then 0 else run.lease_until_ms end
    from ${linesOf("checkpoints", LINE)}, ${LOCK_PATIENCE}
    where run.id = line.id and run.lease_owner = line.owner
    returning ${namesOf(told, "run.")}, case when line.looks then ${isOutdated("run")} end as is_outdated`);
  // As one text, which the driver reads many times faster than as many columns.
  const whole = sql<readonly Line[]>`coalesce(json_agg(to_json(written)), '[]')`;
  const found = db.$with("found", { runId: runPeople.runId }).as(sql`
    insert into ${runPeople} (person, run_id, created_at_ms)
    select line.person, written.id, written.created_at_ms
    from ${linesOf("people", { run_id: "text", person: "text" })} join written on written.id = line.run_id
    on conflict do nothing`);
  const statement = db
    .with(tried, written, ...sumUsage(db, "written"), found)
    .select({ whole })
    .from(written)
    .prepare("write_checkpoints");
  return async (checkpoints, patienceMs) => {
    const [answer] = await statement.execute({
      ...patient(patienceMs),
      attempts: JSON.stringify(checkpoints.flatMap(({ attempts: ended = [] }) => ended.map(lineOfAttempt))),
      checkpoints: JSON.stringify(checkpoints.map(lineOfCheckpoint)),
      usages: JSON.stringify(
        checkpoints.flatMap(({ id: run, usages = [] }) => usages.map((one) => lineOfUsage(run, one))),
      ),
      people: JSON.stringify(
        checkpoints.flatMap(({ id: run_id, change: { invited = [] } }) =>
          peopleOf(invited).map((person) => ({ run_id, person })),
        ),
      ),
    });
    return checkpoints.map(({ id: asked }) => {
      const line = answer?.whole.find((one) => one["id"] === asked);
      return line && { run: rowOf<WrittenRun>(TOLD, line), isOutdated: line["is_outdated"] as boolean | null }; // as the statement says
    });
  };
}

const lineOfAttempt = (attempt: NewAttempt) => ({ tries: 1, ...lineOf(attempts, attempt) });

const lineOfCheckpoint = ({ id, owner, nowMs, change, release = false, looksForNewer = false, wait }: Checkpoint) => ({
  ...{ id, owner, release, looks: looksForNewer },
  now_ms: nowMs,
  change: lineOf(runs, change),
  wait_until_ms: wait?.notBeforeMs ?? null,
  wait_for_app: wait?.waitingApp ?? null,
});
