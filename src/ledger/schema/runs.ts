import { sql } from "drizzle-orm";
import { bigint, boolean, doublePrecision, index, integer, jsonb, text, uniqueIndex } from "drizzle-orm/pg-core";
import type { Rule } from "../../rules/rule.ts";
import type { RunNode } from "../run-nodes.ts";
import type { SentInput } from "../sent-inputs.ts";
import { ms, relay } from "./relay-schema.ts";

export type RunStatus =
  | "queued"
  | "fetching"
  | "running"
  | "delivering"
  | "delivered"
  | "failed"
  | "cancelled"
  | "paused"
  | "held"
  | "skipped";

export type RunStep = "ask" | "fetch" | "workflow" | "collect" | "folder" | "place" | "share" | "invite" | "cancel";

/**
 * What a run waits for between two tries: its turn in the queue (null), a slot of its app, its rule or a limit, the next
 * try after a failure, an upstream that is busy or not done, a person, or somebody who lets it begin again.
 */
export type RunWait = "slot" | "hold" | "backoff" | "busy" | "upstream" | "person" | "replay";

/** The queue a run waits in, or null when nothing is left to do for it. */
export type RunQueue = "runs" | "shares";

/** By which rule and workflow a run begins again: as they are now, or as they were. */
export type ReplayVersion = "newest" | "same";

export const runs = relay.table(
  "runs",
  {
    /** Derived from rule, node and version. */
    id: text().primaryKey(),
    ruleName: text("rule_name").notNull(),
    /** The rule as it was when the run was made: later edits do not change a run on its way. */
    rule: jsonb().$type<Rule>().notNull(),
    eventKey: text("event_key").notNull(),
    eventType: text("event_type").notNull(),
    actorUserId: text("actor_user_id"),
    /** Looked up when the run was made, where the rule speaks of it; null when nobody knows it. */
    actorEmail: text("actor_email"),
    workspaceId: text("workspace_id").notNull(),
    workspaceName: text("workspace_name").notNull(),
    nodeId: text("node_id").notNull(),
    versionId: text("version_id"),
    /** The share whose own storage the file lies in; null: it lies in the workspace. */
    sourceShareId: text("source_share_id"),
    /** The run whose output it takes; null: a person brought the file. */
    parentRunId: text("parent_run_id"),
    /** How many runs came before it in its chain: 0 for what a person brought. */
    depth: integer().notNull().default(0),
    fileName: text("file_name").notNull(),
    folderPath: text("folder_path").notNull(),
    fileSize: ms("file_size"),
    mimeType: text("mime_type"),

    status: text().$type<RunStatus>().notNull(),
    queue: text().$type<RunQueue>(),
    generation: integer().notNull().default(0),
    queuedAtMs: ms("queued_at_ms"),
    /** A retry is due then; the sweep leaves the run alone until it is past. */
    notBeforeMs: ms("not_before_ms").notNull().default(0),
    /** Burnt attempts at the present step. */
    failures: integer().notNull().default(0),
    /** Only the worker named here may write checkpoints, until the lease ends. */
    leaseOwner: text("lease_owner"),
    leaseUntilMs: ms("lease_until_ms").notNull().default(0),
    /** The Dify app it is for, as it was when the run was made: runs of one app take turns by workspace. */
    app: text(),
    /** When this version was read as the newest one of its file. */
    seenAtMs: ms("seen_at_ms"),
    /** Number of that reading: tells which of two versions came later. Null: it was read before readings had numbers. */
    reading: bigint({ mode: "number" }),
    /** Not begun before: its file is to be left alone until then, or further files may join its batch. */
    dueAtMs: ms("due_at_ms").notNull().default(0),
    /** Files in its batch; null for a run of one file. */
    fileCount: integer("file_count"),
    /** Names the batch that further files may still join; null for all others. */
    gatheringKey: text("gathering_key"),
    /** The Dify app whose free slot it waits for, outside of the queue; null when it waits for none. */
    waitingApp: text("waiting_app"),
    /** Why nobody works on it, or did not before the present try; null: it waits in the queue and for nothing else. */
    waitsFor: text("waits_for").$type<RunWait>(),
    /** When somebody asked to cancel it; whoever takes the run next carries that out before anything else. */
    cancelAskedAtMs: ms("cancel_asked_at_ms"),
    cancelReason: text("cancel_reason"),

    difyUploadId: text("dify_upload_id"),
    /** Dify is not to fetch the file by itself, though the rule says so: it could not, or not for certain. */
    linkRefused: boolean("link_refused").notNull().default(false),
    /** Written before the workflow is asked for: from then on it may run, whatever we hear. */
    submittedAtMs: ms("submitted_at_ms"),
    /** How often it was asked for; more than once only after a submission left no trace. */
    submissions: integer().notNull().default(0),
    workflowRunId: text("workflow_run_id"),
    /** Workflow runs that were left behind by a replay: never taken for the present one. */
    spentRunIds: jsonb("spent_run_ids").$type<readonly string[]>().notNull().default([]),
    taskId: text("task_id"),
    /** What the workflow was given, as far as the rule lets it be shown; null: it was not asked for since this is kept. */
    sentInputs: jsonb("sent_inputs").$type<readonly SentInput[]>(),
    /** The published version of the workflow that ran last, where Dify told it; a replay may ask for the same. */
    workflowVersionId: text("workflow_version_id"),
    /** The version that a replay asked for; null: the one that is published when it begins. */
    pinnedVersionId: text("pinned_version_id"),
    workflowStatus: text("workflow_status"),
    /** Title of the Dify node that is at work. */
    progress: text(),
    /** The nodes its workflow has come to, in order. */
    nodes: jsonb().$type<readonly RunNode[]>().notNull().default([]),
    totalTokens: integer("total_tokens"),
    /** How long the workflow took, by Dify's own clock. */
    elapsedMs: ms("elapsed_ms"),
    /** What its nodes cost in all, where Dify tells it. */
    cost: doublePrecision(),
    currency: text(),
    /** The day (UTC, `2026-11-22`) among whose runs it is counted. */
    countedDay: text("counted_day"),
    /** The workflow run whose usage is in the sums of its rule's day already. */
    usageRunId: text("usage_run_id"),
    collectedAtMs: ms("collected_at_ms"),
    /** What texts of the delivery hold of the outputs, by the outputs' names. */
    outputTexts: jsonb("output_texts").$type<Readonly<Record<string, string>>>().notNull().default({}),
    folderNodeId: text("folder_node_id"),
    shareId: text("share_id"),
    /** Where a person opens what was delivered: a share, a file share, or the folder in the web app. */
    shareUrl: text("share_url"),
    /** Answers to the rule's questions, by the names it gives them, cut to what a text holds. */
    answerTexts: jsonb("answer_texts").$type<Readonly<Record<string, string>>>().notNull().default({}),
    /** Written before a link without a name of ours is asked for: from then on there may be one, whatever we hear. */
    shareAskedAtMs: ms("share_asked_at_ms"),
    /** When the share was last made or brought up to date; null: that is still to be done, as after a replay. */
    shareReadyAtMs: ms("share_ready_at_ms"),
    /** When the link is to end; written down before the share is made. Null: it does not end. */
    shareExpiresAtMs: ms("share_expires_at_ms"),
    /** Who ends it then: Fast.io by itself where it can, else the relay. */
    shareExpiresBy: text("share_expires_by").$type<"fastio" | "relay">(),
    /** When somebody asked to close the link; whoever closes links next carries that out. */
    shareCloseAskedAtMs: ms("share_close_asked_at_ms"),
    shareCloseAskedBy: text("share_close_asked_by"),
    shareCloseReason: text("share_close_reason"),
    /** When the relay closed the link, because its time had come or somebody asked; null: it did not, or made it anew. */
    shareClosedAtMs: ms("share_closed_at_ms"),
    /** Why a link that should be closed is not; null when nothing stands against it. */
    shareCloseError: text("share_close_error"),
    /** Closing it is not tried again before. */
    shareCloseRetryAtMs: ms("share_close_retry_at_ms").notNull().default(0),
    invited: jsonb().$type<readonly string[]>().notNull(),

    warning: text(),
    errorCode: text("error_code"),
    errorMessage: text("error_message"),
    errorStep: text("error_step"),
    nextAction: text("next_action"),

    /** The trace of the event it was made of, as W3C has it; null when none was kept. */
    traceparent: text(),
    createdAtMs: ms("created_at_ms").notNull(),
    startedAtMs: ms("started_at_ms"),
    updatedAtMs: ms("updated_at_ms").notNull(),
    finishedAtMs: ms("finished_at_ms"),
    /** The ending (its `finishedAtMs`) for which receipt and notice were ordered. */
    toldEndMs: ms("told_end_ms"),
  },
  (table) => [
    // Each checkpoint writes an entry into all that take the row: most take it only while they have something to tell.
    // In the order in which the sweep hands over what the queue was not told of: after an outage that is much.
    index("runs_to_hand_over").on(table.queue, table.queuedAtMs, table.updatedAtMs).where(sql`queue is not null`),
    index("runs_updated").on(table.updatedAtMs),
    // What the overview counts, without the rows: few are open among many that have ended.
    index("runs_open")
      .on(table.status, table.ruleName, table.app, table.createdAtMs)
      .where(sql`finished_at_ms is null`),
    // Lists of runs are read along it: what a list can be narrowed by is told apart in the index, without the wide rows.
    index("runs_listed").on(
      table.createdAtMs,
      table.id,
      table.status,
      table.ruleName,
      table.workspaceId,
      table.app,
      table.errorCode,
      table.errorStep,
    ),
    index("runs_held").on(table.ruleName).where(sql`status = 'held'`),
    index("runs_overdue").on(table.queuedAtMs).where(sql`queue is not null and waiting_app is null`),
    index("runs_uncalled").on(table.notBeforeMs).where(sql`queue is not null and waiting_app is not null`),
    // What the overview sums, without the rows.
    index("runs_ended")
      .on(table.finishedAtMs, table.status, table.ruleName, table.app, table.createdAtMs, table.elapsedMs)
      .where(sql`queue is null`),
    index("runs_link_ends")
      .on(table.shareExpiresAtMs)
      .where(sql`share_closed_at_ms is null and share_expires_by = 'relay'`),
    index("runs_link_revoked")
      .on(table.shareCloseAskedAtMs)
      .where(sql`share_closed_at_ms is null and share_close_asked_at_ms is not null`),
    index("runs_rule_status").on(table.ruleName, table.status),
    index("runs_node").on(table.nodeId),
    index("runs_with_folder").on(table.folderNodeId).where(sql`folder_node_id is not null`),
    index("runs_with_parent").on(table.parentRunId).where(sql`parent_run_id is not null`),
    index("runs_with_workflow").on(table.workflowRunId).where(sql`workflow_run_id is not null`),
    index("runs_with_share").on(table.shareId).where(sql`share_id is not null`),
    // Links may be longer than a B-tree takes.
    index("runs_share_url").using("hash", table.shareUrl),
    index("runs_with_expiry")
      .on(table.shareExpiresBy, table.shareExpiresAtMs)
      .where(sql`share_expires_at_ms is not null`),
    index("runs_close_asked").on(table.shareCloseAskedAtMs).where(sql`share_close_asked_at_ms is not null`),
    index("runs_event").on(table.eventKey),
    index("runs_in_line").on(table.waitingApp, table.createdAtMs).where(sql`waiting_app is not null`),
    index("runs_next")
      .on(table.waitingApp, table.workspaceId, table.createdAtMs, table.id)
      .where(sql`waiting_app is not null`),
    // What the queue has of a workspace, apart from what was never handed over: after an outage that is much.
    index("runs_crowd")
      .on(table.queue, table.workspaceId, table.app, table.queuedAtMs, table.notBeforeMs)
      .where(sql`queue is not null and waiting_app is null`),
    uniqueIndex("runs_gathering").on(table.gatheringKey).where(sql`gathering_key is not null`),
    index("runs_to_cancel").on(table.cancelAskedAtMs).where(sql`cancel_asked_at_ms is not null`),
    index("runs_untold")
      .on(table.finishedAtMs)
      .where(
        sql`finished_at_ms is distinct from told_end_ms and (rule #>> '{deliver,receipt}' is not null or rule #>> '{deliver,noticeVariable}' is not null)`,
      ),
  ],
);

/** The files of each batch. A file version of a rule is in one batch at most. */
export const runFiles = relay.table(
  "run_files",
  {
    /** The id a run of this rule, node and version alone would have. */
    fileKey: text("file_key").primaryKey(),
    runId: text("run_id").notNull(),
    /** Place in the batch, from 0; there may be gaps. */
    ordinal: integer().notNull(),
    ruleName: text("rule_name").notNull(),
    eventKey: text("event_key").notNull(),
    nodeId: text("node_id").notNull(),
    versionId: text("version_id"),
    name: text().notNull(),
    size: ms("size"),
    mimeType: text("mime_type"),
    /** As Fast.io tells it, such as `sha256:…`. */
    hash: text(),
    /** When this version was read as the newest one of its file. */
    seenAtMs: ms("seen_at_ms").notNull(),
    /** Number of that reading, as in `runs`. */
    reading: bigint({ mode: "number" }),
    difyUploadId: text("dify_upload_id"),
    /** Why the workflow is run without it; null when it is not. */
    leftOut: text("left_out"),
  },
  (table) => [
    uniqueIndex("run_files_place").on(table.runId, table.ordinal),
    index("run_files_node").on(table.nodeId),
    index("run_files_event").on(table.eventKey),
  ],
);

export type RunRow = typeof runs.$inferSelect;
export type NewRun = typeof runs.$inferInsert;

export type RunFileRow = typeof runFiles.$inferSelect;
