CREATE TABLE "relay"."run_files" (
	"file_key" text PRIMARY KEY NOT NULL,
	"run_id" text NOT NULL,
	"ordinal" integer NOT NULL,
	"rule_name" text NOT NULL,
	"event_key" text NOT NULL,
	"node_id" text NOT NULL,
	"version_id" text,
	"name" text NOT NULL,
	"size" bigint,
	"mime_type" text,
	"hash" text,
	"seen_at_ms" bigint NOT NULL,
	"dify_upload_id" text,
	"left_out" text
);
--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "app" text;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "seen_at_ms" bigint;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "due_at_ms" bigint DEFAULT 0 NOT NULL;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "file_count" integer;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "gathering_key" text;--> statement-breakpoint
CREATE UNIQUE INDEX "run_files_place" ON "relay"."run_files" USING btree ("run_id","ordinal");--> statement-breakpoint
CREATE INDEX "run_files_node" ON "relay"."run_files" USING btree ("node_id");--> statement-breakpoint
CREATE INDEX "run_files_event" ON "relay"."run_files" USING btree ("event_key");--> statement-breakpoint
CREATE INDEX "events_backlog" ON "relay"."events" USING btree ("workspace_id") WHERE status = 'accepted';--> statement-breakpoint
CREATE INDEX "runs_turns" ON "relay"."runs" USING btree ("waiting_app","workspace_id","created_at_ms") WHERE waiting_app is not null;--> statement-breakpoint
CREATE INDEX "runs_in_queue" ON "relay"."runs" USING btree ("queue","workspace_id") WHERE queue is not null and waiting_app is null;--> statement-breakpoint
CREATE UNIQUE INDEX "runs_gathering" ON "relay"."runs" USING btree ("gathering_key") WHERE gathering_key is not null;