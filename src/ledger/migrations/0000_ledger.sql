CREATE SCHEMA IF NOT EXISTS "relay";
--> statement-breakpoint
CREATE TABLE "relay"."attempts" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"run_id" text NOT NULL,
	"step" text NOT NULL,
	"worker" text NOT NULL,
	"started_at_ms" bigint NOT NULL,
	"finished_at_ms" bigint NOT NULL,
	"outcome" text NOT NULL,
	"failure" text,
	"error_code" text,
	"error_message" text
);
--> statement-breakpoint
CREATE TABLE "relay"."cursors" (
	"name" text PRIMARY KEY NOT NULL,
	"value" text NOT NULL,
	"updated_at_ms" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "relay"."deliveries" (
	"id" text PRIMARY KEY NOT NULL,
	"received_at_ms" bigint NOT NULL,
	"route" text NOT NULL,
	"verdict" text NOT NULL,
	"reason" text,
	"body_hash" text,
	"body_bytes" integer NOT NULL,
	"scheme" text,
	"secret_print" text,
	"key_form" text,
	"sender_delivery_id" text,
	"event_keys" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "relay"."events" (
	"key" text PRIMARY KEY NOT NULL,
	"id" text NOT NULL,
	"source" text NOT NULL,
	"raw_type" text NOT NULL,
	"type" text NOT NULL,
	"occurred_at_ms" bigint,
	"received_at_ms" bigint NOT NULL,
	"workspace_id" text,
	"share_id" text,
	"object_kind" text NOT NULL,
	"object_id" text,
	"version_id" text,
	"actor_user_id" text,
	"raw" text NOT NULL,
	"status" text NOT NULL,
	"reasons" jsonb NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"generation" integer DEFAULT 0 NOT NULL,
	"queued_at_ms" bigint,
	"routed_at_ms" bigint
);
--> statement-breakpoint
CREATE TABLE "relay"."operator_actions" (
	"id" bigserial PRIMARY KEY NOT NULL,
	"at_ms" bigint NOT NULL,
	"actor" text NOT NULL,
	"action" text NOT NULL,
	"target" text NOT NULL,
	"detail" jsonb NOT NULL
);
--> statement-breakpoint
CREATE TABLE "relay"."outputs" (
	"run_id" text NOT NULL,
	"ordinal" integer NOT NULL,
	"kind" text NOT NULL,
	"name" text NOT NULL,
	"mime_type" text NOT NULL,
	"size" bigint NOT NULL,
	"sha256" text,
	"upload_id" text,
	"content" text,
	"node_id" text,
	"placed_at_ms" bigint,
	CONSTRAINT "outputs_run_id_ordinal_pk" PRIMARY KEY("run_id","ordinal")
);
--> statement-breakpoint
CREATE TABLE "relay"."refusals" (
	"minute_ms" bigint NOT NULL,
	"reason" text NOT NULL,
	"count" integer NOT NULL,
	CONSTRAINT "refusals_minute_ms_reason_pk" PRIMARY KEY("minute_ms","reason")
);
--> statement-breakpoint
CREATE TABLE "relay"."rule_states" (
	"rule_name" text PRIMARY KEY NOT NULL,
	"state" text NOT NULL,
	"reason" text,
	"next_action" text,
	"changed_by" text NOT NULL,
	"since_ms" bigint NOT NULL
);
--> statement-breakpoint
CREATE TABLE "relay"."runs" (
	"id" text PRIMARY KEY NOT NULL,
	"rule_name" text NOT NULL,
	"rule" jsonb NOT NULL,
	"event_key" text NOT NULL,
	"event_type" text NOT NULL,
	"actor_user_id" text,
	"workspace_id" text NOT NULL,
	"workspace_name" text NOT NULL,
	"node_id" text NOT NULL,
	"version_id" text,
	"file_name" text NOT NULL,
	"folder_path" text NOT NULL,
	"file_size" bigint,
	"mime_type" text,
	"status" text NOT NULL,
	"queue" text,
	"generation" integer DEFAULT 0 NOT NULL,
	"queued_at_ms" bigint,
	"not_before_ms" bigint DEFAULT 0 NOT NULL,
	"failures" integer DEFAULT 0 NOT NULL,
	"lease_owner" text,
	"lease_until_ms" bigint DEFAULT 0 NOT NULL,
	"dify_upload_id" text,
	"submitted_at_ms" bigint,
	"submissions" integer DEFAULT 0 NOT NULL,
	"workflow_run_id" text,
	"spent_run_ids" jsonb DEFAULT '[]'::jsonb NOT NULL,
	"task_id" text,
	"workflow_status" text,
	"progress" text,
	"total_tokens" integer,
	"collected_at_ms" bigint,
	"folder_node_id" text,
	"share_id" text,
	"share_url" text,
	"invited" jsonb NOT NULL,
	"warning" text,
	"error_code" text,
	"error_message" text,
	"error_step" text,
	"next_action" text,
	"created_at_ms" bigint NOT NULL,
	"started_at_ms" bigint,
	"updated_at_ms" bigint NOT NULL,
	"finished_at_ms" bigint
);
--> statement-breakpoint
CREATE INDEX "attempts_run" ON "relay"."attempts" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "deliveries_received" ON "relay"."deliveries" USING btree ("received_at_ms");--> statement-breakpoint
CREATE INDEX "events_unrouted" ON "relay"."events" USING btree ("status","queued_at_ms");--> statement-breakpoint
CREATE INDEX "events_object" ON "relay"."events" USING btree ("object_id");--> statement-breakpoint
CREATE INDEX "events_received" ON "relay"."events" USING btree ("received_at_ms");--> statement-breakpoint
CREATE INDEX "operator_actions_at" ON "relay"."operator_actions" USING btree ("at_ms");--> statement-breakpoint
CREATE INDEX "outputs_node" ON "relay"."outputs" USING btree ("node_id");--> statement-breakpoint
CREATE INDEX "runs_unfinished" ON "relay"."runs" USING btree ("queue","queued_at_ms");--> statement-breakpoint
CREATE INDEX "runs_created" ON "relay"."runs" USING btree ("created_at_ms");--> statement-breakpoint
CREATE INDEX "runs_rule_status" ON "relay"."runs" USING btree ("rule_name","status");--> statement-breakpoint
CREATE INDEX "runs_node" ON "relay"."runs" USING btree ("node_id");--> statement-breakpoint
CREATE INDEX "runs_folder" ON "relay"."runs" USING btree ("folder_node_id");--> statement-breakpoint
CREATE INDEX "runs_workflow" ON "relay"."runs" USING btree ("workflow_run_id");--> statement-breakpoint
CREATE INDEX "runs_share" ON "relay"."runs" USING btree ("share_id");--> statement-breakpoint
CREATE INDEX "runs_event" ON "relay"."runs" USING btree ("event_key");