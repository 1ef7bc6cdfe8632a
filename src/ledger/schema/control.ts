import { bigint, bigserial, boolean, index, integer, jsonb, primaryKey, text } from "drizzle-orm/pg-core";
import type { AlertKind } from "../../rules/alerts-schema.ts";
import { ms, relay } from "./relay-schema.ts";

/** What only one process may do at a time; whoever is named here does it until the lease ends. */
export const leases = relay.table("leases", {
  name: text().primaryKey(),
  owner: text().notNull(),
  untilMs: ms("until_ms").notNull(),
});

/** The processes of the relay, and which parts run in each; those that ended stay for some days. */
export const processes = relay.table("processes", {
  id: text().primaryKey(),
  version: text().notNull(),
  host: text().notNull(),
  pid: integer().notNull(),
  receives: boolean().notNull(),
  /** It works on these. */
  queues: jsonb().$type<readonly string[]>().notNull(),
  startedAtMs: ms("started_at_ms").notNull(),
  /** Renewed while it lives; of one that ended, when that was. */
  seenAtMs: ms("seen_at_ms").notNull(),
  endedAtMs: ms("ended_at_ms"),
});

export type ProcessRow = typeof processes.$inferSelect;

export const ruleStates = relay.table("rule_states", {
  ruleName: text("rule_name").primaryKey(),
  state: text().$type<"active" | "paused">().notNull(),
  reason: text(),
  nextAction: text("next_action"),
  changedBy: text("changed_by").notNull(),
  sinceMs: ms("since_ms").notNull(),
});

/** Dify apps that an operator paused. An app is named as in `appLimits`; one without a line is active. */
export const appStates = relay.table("app_states", {
  app: text().primaryKey(),
  state: text().$type<"active" | "paused">().notNull(),
  reason: text(),
  changedBy: text("changed_by").notNull(),
  sinceMs: ms("since_ms").notNull(),
});

/**
 * How many workflow runs each Dify app is given at a time, by all processes together.
 * An app is named by the first 12 hex digits of the SHA-256 of its key.
 */
export const appLimits = relay.table("app_limits", {
  app: text().primaryKey(),
  slots: integer().notNull(),
  /** The setting it began with; a new setting begins anew. */
  startSlots: integer("start_slots").notNull(),
  changedAtMs: ms("changed_at_ms").notNull(),
  /** The last refusal or change; a quiet minute counts from here. */
  quietSinceMs: ms("quiet_since_ms").notNull(),
  /** Refusals in a row, none of ours being at work; each lengthens the rest. */
  refusals: integer().notNull().default(0),
  /** Nothing is asked of the app before. */
  restUntilMs: ms("rest_until_ms").notNull().default(0),
});

/** The slots that are taken: each a lease that ends with its worker. */
export const appSlots = relay.table(
  "app_slots",
  {
    app: text().notNull(),
    slot: integer().notNull(),
    runId: text("run_id").notNull(),
    owner: text().notNull(),
    takenAtMs: ms("taken_at_ms").notNull(),
    untilMs: ms("until_ms").notNull(),
    /** When the app was heard to work on the run; null before. */
    admittedAtMs: ms("admitted_at_ms"),
  },
  (table) => [primaryKey({ columns: [table.app, table.slot] })],
);

/** What each rule used on each day (UTC): workflow runs by the day they were asked for, the rest by the day they ended. */
export const ruleDays = relay.table(
  "rule_days",
  {
    ruleName: text("rule_name").notNull(),
    /** `2026-11-22`. */
    day: text().notNull(),
    runs: integer().notNull().default(0),
    tokens: bigint({ mode: "number" }).notNull().default(0),
    elapsedMs: ms("elapsed_ms").notNull().default(0),
    /** Amount by currency. */
    costs: jsonb().$type<Readonly<Record<string, number>>>().notNull().default({}),
  },
  (table) => [primaryKey({ columns: [table.ruleName, table.day] })],
);

/** What is wrong, or was when it was last seen: one line for each kind and subject. */
export const alerts = relay.table(
  "alerts",
  {
    /** Kind and subject, such as `failing_rule:invoices`. */
    key: text().primaryKey(),
    kind: text().$type<AlertKind>().notNull(),
    subject: text().notNull(),
    /** What is wrong, in words. */
    message: text().notNull(),
    nextAction: text("next_action").notNull(),
    sinceMs: ms("since_ms").notNull(),
    /** When it was last found so. */
    lastSeenMs: ms("last_seen_ms").notNull(),
    /** When a notice of it was ordered; null: nobody is told. */
    notifiedAtMs: ms("notified_at_ms"),
    /** Null: it is still so. */
    clearedAtMs: ms("cleared_at_ms"),
    /** How often it came and went within its hold, for which nobody was told again. */
    flaps: integer().notNull().default(0),
  },
  (table) => [index("alerts_cleared").on(table.clearedAtMs)],
);

export type AlertRow = typeof alerts.$inferSelect;

/** Who did what by hand. */
export const operatorActions = relay.table(
  "operator_actions",
  {
    id: bigserial({ mode: "number" }).primaryKey(),
    atMs: ms("at_ms").notNull(),
    actor: text().notNull(),
    action: text().notNull(),
    target: text().notNull(),
    detail: jsonb().$type<Readonly<Record<string, unknown>>>().notNull(),
  },
  (table) => [index("operator_actions_at").on(table.atMs), index("operator_actions_target").on(table.target, table.id)],
);

export type OperatorActionRow = typeof operatorActions.$inferSelect;
