DROP INDEX "relay"."events_unrouted";--> statement-breakpoint
DROP INDEX "relay"."events_file";--> statement-breakpoint
DROP INDEX "relay"."events_routed";--> statement-breakpoint
DROP INDEX "relay"."runs_unfinished";--> statement-breakpoint
DROP INDEX "relay"."runs_folder";--> statement-breakpoint
DROP INDEX "relay"."runs_parent";--> statement-breakpoint
DROP INDEX "relay"."runs_workflow";--> statement-breakpoint
DROP INDEX "relay"."runs_share";--> statement-breakpoint
DROP INDEX "relay"."runs_share_expires";--> statement-breakpoint
DROP INDEX "relay"."runs_waiting";--> statement-breakpoint
DROP INDEX "relay"."runs_cancel_asked";--> statement-breakpoint
CREATE INDEX "events_to_route" ON "relay"."events" USING btree ("queued_at_ms") WHERE status = 'accepted';--> statement-breakpoint
CREATE INDEX "events_with_file" ON "relay"."events" USING btree (lower(file_name)) WHERE file_name is not null;--> statement-breakpoint
CREATE INDEX "events_ended" ON "relay"."events" USING btree ("routed_at_ms") WHERE routed_at_ms is not null;--> statement-breakpoint
CREATE INDEX "runs_undone" ON "relay"."runs" USING btree ("queue","queued_at_ms") WHERE queue is not null;--> statement-breakpoint
CREATE INDEX "runs_with_folder" ON "relay"."runs" USING btree ("folder_node_id") WHERE folder_node_id is not null;--> statement-breakpoint
CREATE INDEX "runs_with_parent" ON "relay"."runs" USING btree ("parent_run_id") WHERE parent_run_id is not null;--> statement-breakpoint
CREATE INDEX "runs_with_workflow" ON "relay"."runs" USING btree ("workflow_run_id") WHERE workflow_run_id is not null;--> statement-breakpoint
CREATE INDEX "runs_with_share" ON "relay"."runs" USING btree ("share_id") WHERE share_id is not null;--> statement-breakpoint
CREATE INDEX "runs_with_expiry" ON "relay"."runs" USING btree ("share_expires_by","share_expires_at_ms") WHERE share_expires_at_ms is not null;--> statement-breakpoint
CREATE INDEX "runs_in_line" ON "relay"."runs" USING btree ("waiting_app","created_at_ms") WHERE waiting_app is not null;--> statement-breakpoint
CREATE INDEX "runs_to_cancel" ON "relay"."runs" USING btree ("cancel_asked_at_ms") WHERE cancel_asked_at_ms is not null;