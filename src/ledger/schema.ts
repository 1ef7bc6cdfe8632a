import { sql } from "drizzle-orm";
import {
  bigint,
  bigserial,
  boolean,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgSchema,
  primaryKey,
  text,
  uniqueIndex,
} from "drizzle-orm/pg-core";
import type { AskHandle } from "../fastio/ports/ask.ts";
import type { Rule } from "../rules/rule.ts";
import type { RunNode } from "./run-nodes.ts";

/**
 * The ledger: what the relay knows, and the truth about it. The queue is rebuilt from here.
 * One schema for PGlite and PostgreSQL; everything lives in the SQL schema `relay`,
 * so that the queue's tables may share the database.
 * All times are milliseconds since the Unix epoch.
 */
export const relay = pgSchema("relay");

const ms = (name: string) => bigint(name, { mode: "number" });

export type DeliveryVerdict = "accepted" | "duplicate" | "ignored" | "refused";

/** One POST each. Refused ones are stored at a bounded rate and counted in `refusals` always. */
export const deliveries = relay.table(
  "deliveries",
  {
    id: text().primaryKey(),
    receivedAtMs: ms("received_at_ms").notNull(),
    route: text().notNull(),
    verdict: text().$type<DeliveryVerdict>().notNull(),
    reason: text(),
    bodyHash: text("body_hash"),
    bodyBytes: integer("body_bytes").notNull(),
    scheme: text(),
    /** First 12 hex digits of the SHA-256 of the secret that matched: tells which, not what. */
    secretPrint: text("secret_print"),
    keyForm: text("key_form"),
    senderDeliveryId: text("sender_delivery_id"),
    eventKeys: jsonb("event_keys").$type<readonly string[]>().notNull(),
  },
  (table) => [index("deliveries_received").on(table.receivedAtMs)],
);

/** Refused deliveries by minute and reason. */
export const refusals = relay.table(
  "refusals",
  { minuteMs: ms("minute_ms").notNull(), reason: text().notNull(), count: integer().notNull() },
  (table) => [primaryKey({ columns: [table.minuteMs, table.reason] })],
);

export type EventStatus = "accepted" | "routed" | "ignored" | "failed";

export const events = relay.table(
  "events",
  {
    /** Derived from scope and id, so that a repeat collides. */
    key: text().primaryKey(),
    id: text().notNull(),
    source: text().notNull(),
    rawType: text("raw_type").notNull(),
    type: text().notNull(),
    occurredAtMs: ms("occurred_at_ms"),
    receivedAtMs: ms("received_at_ms").notNull(),
    workspaceId: text("workspace_id"),
    shareId: text("share_id"),
    objectKind: text("object_kind").notNull(),
    objectId: text("object_id"),
    versionId: text("version_id"),
    actorUserId: text("actor_user_id"),
    /** The file's name and folder as they were when the event was routed; null when nobody looked. */
    fileName: text("file_name"),
    folderPath: text("folder_path"),
    raw: text().notNull(),
    status: text().$type<EventStatus>().notNull(),
    /** Why each rule did not want it, or what went wrong. */
    reasons: jsonb().$type<Readonly<Record<string, string>>>().notNull(),
    failures: integer().notNull().default(0),
    /** How often the outbox handed it to the queue; part of the job id. */
    generation: integer().notNull().default(0),
    /** null: not handed to the queue yet. */
    queuedAtMs: ms("queued_at_ms"),
    routedAtMs: ms("routed_at_ms"),
    /** When catch-up first found it; null: only webhooks told of it so far. */
    pulledAtMs: ms("pulled_at_ms"),
  },
  (table) => [
    index("events_unrouted").on(table.status, table.queuedAtMs),
    index("events_backlog").on(table.workspaceId).where(sql`status = 'accepted'`),
    index("events_object").on(table.objectId),
    index("events_file").on(sql`lower(file_name)`),
    index("events_received").on(table.receivedAtMs),
  ],
);

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

/** The queue a run waits in, or null when nothing is left to do for it. */
export type RunQueue = "runs" | "shares";

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
    /** When this version was read as the newest one of its file: tells which of two versions came later. */
    seenAtMs: ms("seen_at_ms"),
    /** Not begun before: its file is to be left alone until then, or further files may join its batch. */
    dueAtMs: ms("due_at_ms").notNull().default(0),
    /** Files in its batch; null for a run of one file. */
    fileCount: integer("file_count"),
    /** Names the batch that further files may still join; null for all others. */
    gatheringKey: text("gathering_key"),
    /** The Dify app whose free slot it waits for, outside of the queue; null when it waits for none. */
    waitingApp: text("waiting_app"),
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

    createdAtMs: ms("created_at_ms").notNull(),
    startedAtMs: ms("started_at_ms"),
    updatedAtMs: ms("updated_at_ms").notNull(),
    finishedAtMs: ms("finished_at_ms"),
    /** The ending (its `finishedAtMs`) for which receipt and notice were ordered. */
    toldEndMs: ms("told_end_ms"),
  },
  (table) => [
    index("runs_unfinished").on(table.queue, table.queuedAtMs),
    index("runs_created").on(table.createdAtMs),
    index("runs_rule_status").on(table.ruleName, table.status),
    index("runs_node").on(table.nodeId),
    index("runs_folder").on(table.folderNodeId),
    index("runs_parent").on(table.parentRunId),
    index("runs_workflow").on(table.workflowRunId),
    index("runs_share").on(table.shareId),
    index("runs_share_expires").on(table.shareExpiresBy, table.shareExpiresAtMs),
    index("runs_close_asked").on(table.shareCloseAskedAtMs).where(sql`share_close_asked_at_ms is not null`),
    index("runs_event").on(table.eventKey),
    index("runs_waiting").on(table.waitingApp, table.createdAtMs),
    index("runs_turns").on(table.waitingApp, table.workspaceId, table.createdAtMs).where(sql`waiting_app is not null`),
    index("runs_in_queue").on(table.queue, table.workspaceId).where(sql`queue is not null and waiting_app is null`),
    uniqueIndex("runs_gathering").on(table.gatheringKey).where(sql`gathering_key is not null`),
    index("runs_cancel_asked").on(table.cancelAskedAtMs),
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

export type OutputKind = "file" | "text" | "json";

export const outputs = relay.table(
  "outputs",
  {
    runId: text("run_id").notNull(),
    /** Place among the run's outputs; the same after a repeat. */
    ordinal: integer().notNull(),
    kind: text().$type<OutputKind>().notNull(),
    name: text().notNull(),
    mimeType: text("mime_type").notNull(),
    size: ms("size").notNull(),
    sha256: text(),
    /** The Fast.io upload session that holds the bytes. */
    uploadId: text("upload_id"),
    /** Text and JSON outputs, until they are placed. */
    content: text(),
    nodeId: text("node_id"),
    placedAtMs: ms("placed_at_ms"),
  },
  (table) => [primaryKey({ columns: [table.runId, table.ordinal] }), index("outputs_node").on(table.nodeId)],
);

/** What deliveries before a replay placed: the same name gets a new version, the rest stays as it is. */
export const earlierOutputs = relay.table(
  "earlier_outputs",
  {
    runId: text("run_id").notNull(),
    nodeId: text("node_id").notNull(),
    name: text().notNull(),
    placedAtMs: ms("placed_at_ms"),
  },
  (table) => [primaryKey({ columns: [table.runId, table.nodeId] }), index("earlier_outputs_node").on(table.nodeId)],
);

/** Folders that belong to one run each, though their names do not tell whose: Fast.io lets a folder back one share. */
export const folderClaims = relay.table(
  "folder_claims",
  {
    folderNodeId: text("folder_node_id").primaryKey(),
    runId: text("run_id").notNull(),
  },
  (table) => [index("folder_claims_run").on(table.runId)],
);

/** `waiting`: for the files to be indexed, or for its turn; `asked`: its answer is waited for. */
export type AnswerState = "waiting" | "asked" | "answered" | "unanswered";

/** A file that an answer was found in. */
export type FoundIn = { readonly name: string; readonly page?: number | undefined };

/** Questions of the rule to Fast.io's AI, each asked once. */
export const answers = relay.table(
  "answers",
  {
    runId: text("run_id").notNull(),
    /** Before the workflow, or after its outputs were placed. */
    phase: text().$type<"before" | "after">().notNull(),
    /** The name that the rule gives the answer. */
    into: text().notNull(),
    /** Place among the questions of its phase. */
    ordinal: integer().notNull(),
    state: text().$type<AnswerState>().notNull(),
    /** As it was asked; null before. */
    question: text(),
    /** What the answer is waited for with; null before it was asked. */
    handle: jsonb().$type<AskHandle>(),
    text: text(),
    foundIn: jsonb("found_in").$type<readonly FoundIn[]>().notNull().default([]),
    /** Why there is no answer, or what it lacks. */
    note: text(),
    sinceMs: ms("since_ms").notNull(),
    askedAtMs: ms("asked_at_ms"),
    endedAtMs: ms("ended_at_ms"),
  },
  (table) => [primaryKey({ columns: [table.runId, table.phase, table.into] })],
);

/** What is left beside the source of a run: one comment or note for each, which a replay brings up to date. */
export const receipts = relay.table(
  "receipts",
  {
    runId: text("run_id").primaryKey(),
    kind: text().$type<"comment" | "note">().notNull(),
    state: text().$type<"waiting" | "done" | "given_up">().notNull(),
    /** The comment, once it is known. */
    commentId: text("comment_id"),
    /** The note, once it is known. */
    nodeId: text("node_id"),
    failures: integer().notNull().default(0),
    dueAtMs: ms("due_at_ms").notNull(),
    leaseUntilMs: ms("lease_until_ms").notNull().default(0),
    error: text(),
    writtenAtMs: ms("written_at_ms"),
  },
  (table) => [
    index("receipts_due").on(table.dueAtMs).where(sql`state = 'waiting'`),
    index("receipts_node").on(table.nodeId),
  ],
);

/** Messages to incoming webhooks. At least once each; the key keeps the same news from being told twice. */
export const notices = relay.table(
  "notices",
  {
    key: text().primaryKey(),
    /** The variable that holds the address; never the address. */
    variable: text().notNull(),
    text: text().notNull(),
    /** The run it is about, if any. */
    runId: text("run_id"),
    state: text().$type<"waiting" | "sent" | "given_up">().notNull(),
    failures: integer().notNull().default(0),
    dueAtMs: ms("due_at_ms").notNull(),
    leaseUntilMs: ms("lease_until_ms").notNull().default(0),
    error: text(),
    createdAtMs: ms("created_at_ms").notNull(),
    sentAtMs: ms("sent_at_ms"),
  },
  (table) => [
    index("notices_due").on(table.dueAtMs).where(sql`state = 'waiting'`),
    index("notices_run").on(table.runId),
    index("notices_created").on(table.createdAtMs),
  ],
);

/** One line per try at one step. */
export const attempts = relay.table(
  "attempts",
  {
    id: bigserial({ mode: "number" }).primaryKey(),
    runId: text("run_id").notNull(),
    step: text().$type<RunStep>().notNull(),
    worker: text().notNull(),
    startedAtMs: ms("started_at_ms").notNull(),
    finishedAtMs: ms("finished_at_ms").notNull(),
    outcome: text().$type<"done" | "later" | "failed">().notNull(),
    failure: text(),
    errorCode: text("error_code"),
    errorMessage: text("error_message"),
  },
  (table) => [index("attempts_run").on(table.runId)],
);

/** How far each pull source was read. */
export const cursors = relay.table("cursors", {
  name: text().primaryKey(),
  value: text().notNull(),
  updatedAtMs: ms("updated_at_ms").notNull(),
});

/** What only one process may do at a time; whoever is named here does it until the lease ends. */
export const leases = relay.table("leases", {
  name: text().primaryKey(),
  owner: text().notNull(),
  untilMs: ms("until_ms").notNull(),
});

export type PullSource = "changes" | "search" | "listing";

/** How catch-up fares in each workspace it watches. */
export const pullStates = relay.table("pull_states", {
  workspaceId: text("workspace_id").primaryKey(),
  workspaceName: text("workspace_name").notNull(),
  /** Where the last successful pull read; null before the first. */
  source: text().$type<PullSource>(),
  pulledAtMs: ms("pulled_at_ms"),
  /** Why nothing can be read now; null when it can. */
  errorCode: text("error_code"),
  errorMessage: text("error_message"),
  nextAction: text("next_action"),
  failingSinceMs: ms("failing_since_ms"),
});

/** Files as the last listing saw them: what the next one is compared with where no event can be read. */
export const listedNodes = relay.table(
  "listed_nodes",
  {
    workspaceId: text("workspace_id").notNull(),
    nodeId: text("node_id").notNull(),
    versionId: text("version_id"),
    parentId: text("parent_id").notNull(),
    name: text().notNull(),
  },
  (table) => [primaryKey({ columns: [table.workspaceId, table.nodeId] })],
);

/** How deliveries under each secret are signed, as the first one that was verified showed. */
export const signaturePins = relay.table("signature_pins", {
  /** First 12 hex digits of the SHA-256 of the secret. */
  secretPrint: text("secret_print").primaryKey(),
  scheme: text().notNull(),
  keyForm: text("key_form"),
  firstSeenMs: ms("first_seen_ms").notNull(),
  /** How it was signed before the last change; null when it never changed. */
  previousScheme: text("previous_scheme"),
  previousKeyForm: text("previous_key_form"),
  changedAtMs: ms("changed_at_ms"),
});

export const ruleStates = relay.table("rule_states", {
  ruleName: text("rule_name").primaryKey(),
  state: text().$type<"active" | "paused">().notNull(),
  reason: text(),
  nextAction: text("next_action"),
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

/** Who opened, took or was let at what people were given, as Fast.io's events tell it. */
export const accesses = relay.table(
  "accesses",
  {
    /** Derived from run and event, so that what a webhook and a search tell is one line. */
    key: text().primaryKey(),
    runId: text("run_id").notNull(),
    ruleName: text("rule_name").notNull(),
    /** The share or file share it went through; null for what happened in the workspace itself. */
    shareId: text("share_id"),
    kind: text().notNull(),
    /** The file or folder, or the person, it is about. */
    objectId: text("object_id"),
    objectName: text("object_name"),
    /** Null: nobody who was signed in, or nobody told; see `searchedAtMs`. */
    actorUserId: text("actor_user_id"),
    actorEmail: text("actor_email"),
    atMs: ms("at_ms").notNull(),
    /** When a webhook told of it, and when a search first found it; null: it did not. Webhooks may leave the actor out. */
    deliveredAtMs: ms("delivered_at_ms"),
    searchedAtMs: ms("searched_at_ms"),
  },
  (table) => [
    index("accesses_run").on(table.runId, table.atMs),
    index("accesses_share").on(table.shareId, table.atMs),
    index("accesses_at").on(table.atMs, table.key),
  ],
);

/** How far the events of each run's share were read. */
export const accessReads = relay.table(
  "access_reads",
  {
    runId: text("run_id").primaryKey(),
    /** Events before this were asked for. */
    readToMs: ms("read_to_ms").notNull(),
    dueAtMs: ms("due_at_ms").notNull(),
  },
  (table) => [index("access_reads_due").on(table.dueAtMs)],
);

/** The last offer of an organisation that was made for each rule. Its token is told once and is not in here. */
export const handoffs = relay.table(
  "handoffs",
  {
    orgId: text("org_id").notNull(),
    ruleName: text("rule_name").notNull(),
    /** The run on whose page it was asked for. */
    runId: text("run_id").notNull(),
    /** Fast.io's id for the offer; null while it is being made, or where Fast.io tells none. */
    transferId: text("transfer_id"),
    askedAtMs: ms("asked_at_ms").notNull(),
    askedBy: text("asked_by").notNull(),
    /** Null: it was not made, as far as the relay knows. */
    expiresAtMs: ms("expires_at_ms"),
  },
  (table) => [primaryKey({ columns: [table.orgId, table.ruleName] }), index("handoffs_rule").on(table.ruleName)],
);

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
  (table) => [index("operator_actions_at").on(table.atMs)],
);

/** Calls of tools by agents: who asked for what, and how it ended. */
export const toolCalls = relay.table(
  "tool_calls",
  {
    id: text().primaryKey(),
    atMs: ms("at_ms").notNull(),
    /** Name of the token, never the token. */
    caller: text().notNull(),
    via: text().$type<"http" | "mcp">().notNull(),
    operation: text().notNull(),
    /** What it was about: ids and names, never a link or a password. */
    target: text(),
    requestId: text("request_id"),
    /** HTTP status of the answer; null: it never ended, or is under way. */
    status: integer(),
    code: text(),
    endedAtMs: ms("ended_at_ms"),
  },
  (table) => [index("tool_calls_at").on(table.atMs), index("tool_calls_caller").on(table.caller, table.atMs)],
);

/** Calls that their caller gave a `requestId`: a repeat is told what the first was. */
export const toolRequests = relay.table(
  "tool_requests",
  {
    caller: text().notNull(),
    requestId: text("request_id").notNull(),
    operation: text().notNull(),
    /** Tells whether a repeat asks for the same. */
    inputHash: text("input_hash").notNull(),
    state: text().$type<"working" | "done" | "failed">().notNull(),
    /** Who works on it, until the lease ends. */
    owner: text().notNull(),
    untilMs: ms("until_ms").notNull(),
    /** What was learned on the way, such as the id of an import: a repeat after a crash goes on from there. */
    progress: jsonb().$type<Readonly<Record<string, unknown>>>(),
    /** Without what may not be kept, such as links that are keys. */
    answer: jsonb().$type<Readonly<Record<string, unknown>>>(),
    startedAtMs: ms("started_at_ms").notNull(),
    endedAtMs: ms("ended_at_ms"),
  },
  (table) => [
    primaryKey({ columns: [table.caller, table.requestId] }),
    index("tool_requests_started").on(table.startedAtMs),
  ],
);

export type DeliveryRow = typeof deliveries.$inferSelect;
export type EventRow = typeof events.$inferSelect;
export type RunRow = typeof runs.$inferSelect;
export type RunFileRow = typeof runFiles.$inferSelect;
export type OperatorActionRow = typeof operatorActions.$inferSelect;
export type AccessRow = typeof accesses.$inferSelect;
export type HandoffRow = typeof handoffs.$inferSelect;
export type OutputRow = typeof outputs.$inferSelect;
export type AnswerRow = typeof answers.$inferSelect;
export type ReceiptRow = typeof receipts.$inferSelect;
export type NoticeRow = typeof notices.$inferSelect;
export type ToolCallRow = typeof toolCalls.$inferSelect;
