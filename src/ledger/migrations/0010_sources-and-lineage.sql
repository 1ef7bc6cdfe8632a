ALTER TABLE "relay"."events" ADD COLUMN "file_name" text;--> statement-breakpoint
ALTER TABLE "relay"."events" ADD COLUMN "folder_path" text;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "source_share_id" text;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "parent_run_id" text;--> statement-breakpoint
ALTER TABLE "relay"."runs" ADD COLUMN "depth" integer DEFAULT 0 NOT NULL;--> statement-breakpoint
CREATE INDEX "events_file" ON "relay"."events" USING btree (lower(file_name));--> statement-breakpoint
CREATE INDEX "runs_parent" ON "relay"."runs" USING btree ("parent_run_id");