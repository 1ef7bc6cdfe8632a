CREATE TABLE "relay"."bulk_actions" (
	"id" text PRIMARY KEY NOT NULL,
	"deed" text NOT NULL,
	"version" text,
	"filter" jsonb NOT NULL,
	"asked_by" text NOT NULL,
	"reason" text,
	"per_minute" integer NOT NULL,
	"state" text NOT NULL,
	"total" integer NOT NULL,
	"done" integer DEFAULT 0 NOT NULL,
	"already" integer DEFAULT 0 NOT NULL,
	"refused" integer DEFAULT 0 NOT NULL,
	"due_at_ms" bigint NOT NULL,
	"created_at_ms" bigint NOT NULL,
	"finished_at_ms" bigint,
	"aborted_by" text,
	"abort_reason" text
);
--> statement-breakpoint
CREATE TABLE "relay"."bulk_items" (
	"bulk_id" text NOT NULL,
	"ordinal" integer NOT NULL,
	"run_id" text NOT NULL,
	"generation" integer NOT NULL,
	"outcome" text,
	"note" text,
	"at_ms" bigint,
	CONSTRAINT "bulk_items_bulk_id_ordinal_pk" PRIMARY KEY("bulk_id","ordinal")
);
--> statement-breakpoint
CREATE TABLE "relay"."app_states" (
	"app" text PRIMARY KEY NOT NULL,
	"state" text NOT NULL,
	"reason" text,
	"changed_by" text NOT NULL,
	"since_ms" bigint NOT NULL
);
--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "workflow_version_id" text;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "pinned_version_id" text;--> statement-breakpoint
CREATE INDEX "bulk_actions_created" ON "relay"."bulk_actions" USING btree ("created_at_ms");--> statement-breakpoint
CREATE INDEX "bulk_actions_running" ON "relay"."bulk_actions" USING btree ("due_at_ms") WHERE state = 'running';--> statement-breakpoint
CREATE INDEX "bulk_items_run" ON "relay"."bulk_items" USING btree ("run_id");--> statement-breakpoint
CREATE INDEX "bulk_items_open" ON "relay"."bulk_items" USING btree ("bulk_id","ordinal") WHERE outcome is null;--> statement-breakpoint
CREATE INDEX "operator_actions_target" ON "relay"."operator_actions" USING btree ("target","id");