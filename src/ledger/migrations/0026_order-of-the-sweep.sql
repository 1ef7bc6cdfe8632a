DROP INDEX "relay"."events_to_route";--> statement-breakpoint
DROP INDEX "relay"."runs_undone";--> statement-breakpoint
CREATE INDEX "events_to_hand_over" ON "relay"."events" USING btree ("queued_at_ms","received_at_ms") WHERE status = 'accepted';--> statement-breakpoint
CREATE INDEX "runs_to_hand_over" ON "relay"."runs" USING btree ("queue","queued_at_ms","updated_at_ms") WHERE queue is not null;