DROP INDEX "relay"."runs_turns";--> statement-breakpoint
DROP INDEX "relay"."runs_in_queue";--> statement-breakpoint
CREATE INDEX "runs_next" ON "relay"."runs" USING btree ("waiting_app","workspace_id","created_at_ms","id") WHERE waiting_app is not null;--> statement-breakpoint
CREATE INDEX "runs_crowd" ON "relay"."runs" USING btree ("queue","workspace_id","app","queued_at_ms","not_before_ms") WHERE queue is not null and waiting_app is null;