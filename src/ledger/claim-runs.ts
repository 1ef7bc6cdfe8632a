import { getTableColumns, sql } from "drizzle-orm";
import type { AppState } from "./app-states.ts";
import type { WriteTogether } from "./do-together.ts";
import { isSame } from "./is-same.ts";
import { columnsOf, linesOf, namesOf, rowOf } from "./lines.ts";
import { LOCK_PATIENCE, patient } from "./lock-patience.ts";
import type { Db } from "./open-ledger.ts";
import type { RuleState } from "./rule-state-queries.ts";
import { appStates, type OutputRow, outputs, type RunQueue, type RunRow, ruleStates, runs } from "./schema.ts";
import { isOutdated } from "./supersede.ts";

/** How early a job may come without being sent back, in milliseconds. */
export const EARLY_MS = 100;

/** A worker asks for a run, until a moment. */
export type ClaimWish = {
  readonly id: string;
  readonly queue: RunQueue;
  readonly owner: string;
  readonly nowMs: number;
  readonly untilMs: number;
};

const WISH = { id: "text", queue: "text", owner: "text", now_ms: "bigint", until_ms: "bigint" } as const;

/** What stood around a run when it was claimed: what its worker would ask first. */
export type Surroundings = {
  /** undefined: its rule is active. */
  readonly pausedRule: RuleState | undefined;
  /** undefined: the app that it was made for is active. */
  readonly pausedApp: AppState | undefined;
  /** Whether a newer version of its file has a run, see `isOutdated`; looked for only before a delivery. */
  readonly isOutdated: boolean;
  /** What its workflow returned, in order; told only before a delivery. */
  readonly outputs: readonly OutputRow[];
};

export type ClaimedRun = { readonly run: RunRow; readonly around: Surroundings };

type Line = Readonly<Record<string, unknown>>;
type ClaimedLine = {
  readonly run: Line;
  readonly rule: Line | null;
  readonly app: Line | null;
  readonly newer: boolean;
  readonly outputs: readonly Line[] | null;
};

/** Takes runs for their workers, all in one statement. @returns in order; undefined: it is another's, or not due, or done */
export function createClaim(db: Db): WriteTogether<ClaimWish, ClaimedRun | undefined> {
  const claimed = db.$with("claimed", getTableColumns(runs)).as(sql`
    update ${runs} run
    set lease_owner = wish.owner, lease_until_ms = wish.until_ms, started_at_ms = coalesce(run.started_at_ms, wish.now_ms)
    from ${linesOf("wishes", WISH, "wish")}, ${LOCK_PATIENCE}
    where run.id = wish.id and ${isSame(sql`run.queue`, sql`wish.queue`)}
      -- A job that was handed over twice comes before the time the upstream asked for.
      and run.not_before_ms < wish.now_ms + ${sql.raw(String(EARLY_MS))}
      and (run.lease_until_ms < wish.now_ms or run.lease_owner = wish.owner)
    returning ${namesOf(columnsOf(runs), "run.")}`);
  const whole = sql<readonly ClaimedLine[]>`coalesce(json_agg(json_build_object(
    'run', to_json(claimed),
    'rule', (select to_json(paused) from ${ruleStates} paused
      where paused.rule_name = claimed.rule_name and paused.state = 'paused'),
    'app', (select to_json(paused) from ${appStates} paused where paused.app = claimed.app and paused.state = 'paused'),
    'newer', claimed.queue = 'shares' and ${isOutdated("claimed")},
    'outputs', case when claimed.queue = 'shares' then (
      select json_agg(to_json(output) order by output.ordinal) from ${outputs} output where output.run_id = claimed.id) end
    )), '[]')`;
  const statement = db.with(claimed).select({ whole }).from(claimed).prepare("claim_runs");
  return async (wishes, patienceMs) => {
    const lines = wishes.map(({ id, queue, owner, nowMs, untilMs }) => ({
      ...{ id, queue, owner },
      now_ms: nowMs,
      until_ms: untilMs,
    }));
    const [told] = await statement.execute({ wishes: JSON.stringify(lines), ...patient(patienceMs) });
    return wishes.map(({ id, owner }) => {
      const line = told?.whole.find(({ run }) => run["id"] === id && run["lease_owner"] === owner);
      return line && readClaimed(line);
    });
  };
}

const RUN = getTableColumns(runs);
const RULE = getTableColumns(ruleStates);
const APP = getTableColumns(appStates);
const OUTPUT = getTableColumns(outputs);

const readClaimed = ({ run, rule, app, newer, outputs: placeable }: ClaimedLine): ClaimedRun => ({
  run: rowOf<RunRow>(RUN, run),
  around: {
    pausedRule: rule === null ? undefined : rowOf<RuleState>(RULE, rule),
    pausedApp: app === null ? undefined : rowOf<AppState>(APP, app),
    isOutdated: newer,
    outputs: placeable?.map((line) => rowOf<OutputRow>(OUTPUT, line)) ?? [],
  },
});

/** A worker still works on a run. */
export type RenewWish = { readonly id: string; readonly owner: string; readonly untilMs: number };

/** @returns in order: whether somebody asked to cancel the run; undefined: the lease was lost */
export function createRenew(db: Db): WriteTogether<RenewWish, { readonly cancelAskedAtMs: number | null } | undefined> {
  const { id, leaseOwner, cancelAskedAtMs } = runs;
  const renewed = db.$with("renewed", { id, leaseOwner, cancelAskedAtMs }).as(sql`
    update ${runs} run set lease_until_ms = wish.until_ms
    from ${linesOf("wishes", { id: "text", owner: "text", until_ms: "bigint" }, "wish")}, ${LOCK_PATIENCE}
    where run.id = wish.id and run.lease_owner = wish.owner
    returning run.id, run.lease_owner, run.cancel_asked_at_ms`);
  const statement = db.with(renewed).select().from(renewed).prepare("renew_leases");
  return async (wishes, patienceMs) => {
    const lines = wishes.map((wish) => ({ id: wish.id, owner: wish.owner, until_ms: wish.untilMs }));
    const rows = await statement.execute({ wishes: JSON.stringify(lines), ...patient(patienceMs) });
    return wishes.map((wish) => rows.find((row) => row.id === wish.id && row.leaseOwner === wish.owner));
  };
}
